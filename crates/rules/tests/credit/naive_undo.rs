//! The naive model's second half: payments reversed and spends returned, said plainly.

use crate::naive::{G, Naive, No, P, Took, Used};
use purser_rules::credit::{DisputeState, Payment, SourceKind};

impl Naive {
    fn sum(&self, p: &P, figure: impl Fn(&G) -> i64) -> i64 {
        self.grants.iter().filter(|g| p.grants.contains(&g.id)).map(figure).sum()
    }

    /// (taken back in all, frozen in all) as the payment's refunds and disputes ask.
    fn asked(says: &Payment) -> (i64, i64) {
        let (granted, paid) = (i128::from(says.granted.micros()), i128::from(says.paid));
        let of =
            |state| says.disputes.iter().filter(move |d| d.state == state).map(|d| i128::from(d.amount)).sum::<i128>();
        let part = |money: i128| if money >= paid { granted } else { granted * money / paid };
        let narrow = |amount: i128| i64::try_from(amount).expect("an amount");
        (narrow(part(i128::from(says.refunded) + of(DisputeState::Lost))), narrow(part(of(DisputeState::Open))))
    }

    fn look(&self, p: &mut P, says: &Payment) {
        let there = self.sum(p, |g| g.revoked + g.to_revoke) - p.restored + p.debt;
        if there < p.taken && says.makes_debt {
            p.debt += p.taken - there;
        }
        if there > p.taken {
            p.others += there - p.taken;
        }
        p.taken = self.sum(p, |g| g.revoked + g.to_revoke) - p.restored + p.debt;
    }

    pub fn reverse(&mut self, p: &mut P, says: &Payment, now: i64) {
        self.settle(now);
        self.look(p, says);
        let granted = says.granted.micros();
        let (target, freeze) = Self::asked(says);
        let goal = target.max(p.others).min(granted);
        let freeze = freeze.min(granted - goal);
        let (mut up, mut down) = ((goal - p.taken).max(0), (p.taken - goal).max(0));
        let mut thaw = (self.sum(p, |g| g.frozen + g.to_freeze) - freeze).max(0);
        for id in p.grants.clone() {
            let part = self.g(id).frozen.min(up).min(thaw);
            self.g(id).frozen -= part;
            self.g(id).revoked += part;
            (up, thaw) = (up - part, thaw - part);
        }
        for id in p.grants.clone() {
            let part = self.g(id).to_freeze.min(thaw);
            self.g(id).to_freeze -= part;
            thaw -= part;
        }
        let opened = says.disputes.iter().filter(|d| d.state != DisputeState::Open).map(|d| d.opened_at.micros()).max();
        for id in p.grants.clone() {
            let part = self.g(id).frozen.min(thaw);
            thaw -= part;
            self.g(id).frozen -= part;
            match self.g(id).end {
                Some(end) if end <= now => {
                    self.g(id).expired += part;
                    if part > 0
                        && let Some(opened) = opened.filter(|opened| *opened < end)
                    {
                        let new = self.again(p, says, part, Some(now + end - opened), now);
                        p.grants.push(new);
                    }
                }
                _ => self.g(id).available += part,
            }
        }
        for id in p.grants.clone() {
            let part = self.g(id).available.min(up);
            self.g(id).available -= part;
            self.g(id).revoked += part;
            up -= part;
        }
        for id in p.grants.clone() {
            let g = self.g(id);
            if g.debt_kind == says.makes_debt {
                let part = (g.held - g.to_revoke - g.to_freeze).min(up);
                g.to_revoke += part;
                up -= part;
            }
        }
        if says.makes_debt {
            self.incurred += up;
            p.debt += up;
        }
        for id in p.grants.clone() {
            let part = self.g(id).to_revoke.min(down);
            self.g(id).to_revoke -= part;
            down -= part;
        }
        let cut = p.debt.min(down);
        self.cut(p, says, cut, now);
        down -= cut;
        if down > 0 {
            p.restored += down;
            let ends: Vec<Option<i64>> = p.grants.clone().into_iter().map(|id| self.g(id).end).collect();
            let last = if ends.contains(&None) { None } else { ends.into_iter().flatten().max() };
            let end = last.map(|last| opened.filter(|o| *o < last).map_or(last, |o| last.max(now + last - o)));
            let new = self.again(p, says, down, end, now);
            p.grants.push(new);
        }
        self.freeze(p, says);
        self.pay(now);
        p.taken = self.sum(p, |g| g.revoked + g.to_revoke) - p.restored + p.debt;
    }

    fn freeze(&mut self, p: &P, says: &Payment) {
        let (target, freeze) = Self::asked(says);
        let goal = target.max(p.others).min(says.granted.micros());
        let mut more = freeze.min(says.granted.micros() - goal) - self.sum(p, |g| g.frozen + g.to_freeze);
        more = more.max(0);
        for id in p.grants.clone() {
            let part = self.g(id).available.min(more);
            self.g(id).available -= part;
            self.g(id).frozen += part;
            more -= part;
        }
        for id in p.grants.clone() {
            let g = self.g(id);
            let part = (g.held - g.to_revoke - g.to_freeze).min(more);
            g.to_freeze += part;
            more -= part;
        }
    }

    fn again(&mut self, p: &mut P, says: &Payment, amount: i64, end: Option<i64>, now: i64) -> u128 {
        p.made += 1;
        let id = Self::derived(SourceKind::Return, &format!("{}:{}", says.id, p.made));
        let priority = self.g(p.grants[0]).priority;
        let new =
            G { id, debt_kind: true, priority, start: now, end, granted: amount, available: amount, ..G::default() };
        self.add(new);
        if self.g(id).end.is_some_and(|end| end <= now) {
            self.expire(id, now);
        }
        id
    }

    fn cut(&mut self, p: &mut P, says: &Payment, amount: i64, now: i64) {
        let closed = (amount - self.debt()).max(0);
        let repaid = closed.min(self.paid);
        self.paid -= repaid;
        self.forgiven -= closed - repaid;
        self.incurred -= amount;
        p.debt -= amount;
        if repaid > 0 {
            self.again(p, says, repaid, None, now);
        }
    }

    /// `payments` are the model's and what Stripe says of them, side by side.
    pub fn give_back(
        &mut self,
        used: &mut Used,
        amount: i64,
        payments: &mut [(P, Payment)],
        now: i64,
    ) -> Result<Took, No> {
        self.settle(now);
        let most = used.over - used.over_back + used.parts.iter().map(|part| part.1 - part.2).sum::<i64>();
        if amount > most {
            return Err(No::ReturnMore(most));
        }
        for (p, says) in payments.iter_mut() {
            self.look(p, says);
        }
        let over = amount.min(used.over - used.over_back);
        used.over_back += over;
        self.overflow -= over;
        let (mut left, mut back) = (amount - over, Vec::new());
        for part in used.parts.iter_mut().rev() {
            let mut amount = left.min(part.1 - part.2);
            if amount == 0 {
                continue;
            }
            part.2 += amount;
            left -= amount;
            back.push((part.0, amount));
            self.g(part.0).spent -= amount;
            if let Some((p, says)) = payments.iter_mut().find(|(p, _)| p.grants.contains(&part.0)) {
                let goal = Self::asked(says).0.max(p.others).min(says.granted.micros());
                let revoked = amount.min(p.debt + (goal - p.taken).max(0));
                self.g(part.0).revoked += revoked;
                let cut = revoked.min(p.debt);
                self.cut(p, says, cut, now);
                p.taken = self.sum(p, |g| g.revoked + g.to_revoke) - p.restored + p.debt;
                amount -= revoked;
            }
            let g = self.g(part.0);
            if g.end.is_some_and(|end| end <= now) { g.expired += amount } else { g.available += amount }
        }
        // What became available elsewhere meanwhile is for those to freeze who look at their payment.
        for (p, says) in payments.iter().filter(|(p, _)| used.parts.iter().any(|part| p.grants.contains(&part.0))) {
            self.freeze(p, says);
        }
        self.pay(now);
        Ok((back, over))
    }
}
