//! The same rules said a second time, slowly and plainly: a list of grants sorted anew at every step.
//! It knows no wallet row, no waiting grants and no entries, and shares no logic with the rules it checks.

use purser_rules::{
    credit::{Mode, SourceKind},
    ids::{CustomerId, GrantId},
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct G {
    pub id: u128,
    pub debt_kind: bool,
    pub priority: u16,
    pub start: i64,
    pub end: Option<i64>,
    pub rollover: Option<(i64, i64)>,
    pub granted: i64,
    pub available: i64,
    pub held: i64,
    pub frozen: i64,
    pub spent: i64,
    pub expired: i64,
    pub revoked: i64,
    pub to_revoke: i64,
    pub to_freeze: i64,
}

#[derive(Clone, Debug)]
pub struct H {
    pub id: u128,
    pub end: i64,
    pub mode: Mode,
    pub parts: Vec<(u128, i64)>,
    /// 1 open, 2 captured, 3 released, 4 expired.
    pub state: i16,
}

/// A refusal, with its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    Short(i64, i64),
    Debt(i64),
    NotSold,
    Cap(i64, i64),
    Holds,
    Expired,
    Closed,
    ReturnMore(i64),
    RevokeMore(i64),
    ForgiveMore(i64),
}

/// What a spend took: (grant, amount) in order, and the overage.
pub type Took = (Vec<(u128, i64)>, i64);

/// A spend that can be returned: overage, overage returned, parts with what of them was returned.
#[derive(Clone, Debug)]
pub struct Used {
    pub over: i64,
    pub over_back: i64,
    pub parts: Vec<(u128, i64, i64)>,
}

/// What the naive model keeps of a payment.
#[derive(Clone, Debug, Default)]
pub struct P {
    pub grants: Vec<u128>,
    pub debt: i64,
    pub restored: i64,
    pub taken: i64,
    pub others: i64,
    pub made: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Naive {
    pub grants: Vec<G>,
    pub holds: Vec<H>,
    pub incurred: i64,
    pub paid: i64,
    pub forgiven: i64,
    pub overflow: i64,
    pub used: i64,
    pub cap: Option<i64>,
    pub sold: bool,
    /// Everything due by then is settled.
    pub settled: i64,
}

impl Naive {
    pub fn debt(&self) -> i64 {
        self.incurred - self.paid - self.forgiven
    }

    fn sort(&mut self) {
        self.grants.sort_by_key(|g| (g.priority, g.end.unwrap_or(i64::MAX), g.start, g.id));
    }

    pub(crate) fn g(&mut self, id: u128) -> &mut G {
        self.grants.iter_mut().find(|g| g.id == id).expect("a known grant")
    }

    fn usable_at(g: &G, now: i64) -> i64 {
        if g.start <= now && g.end.is_none_or(|end| now < end) { g.available } else { 0 }
    }

    pub fn available(&self, now: i64) -> i64 {
        self.grants.iter().map(|g| Self::usable_at(g, now)).sum()
    }

    fn held(&self) -> i64 {
        self.grants.iter().map(|g| g.held).sum()
    }

    pub(crate) fn pay(&mut self, now: i64) {
        self.sort();
        for i in 0..self.grants.len() {
            let part = Self::usable_at(&self.grants[i], now).min(self.debt());
            self.grants[i].available -= part;
            self.grants[i].spent += part;
            self.paid += part;
        }
    }

    pub(crate) fn derived(kind: SourceKind, source: &str) -> u128 {
        let customer = CustomerId::new("team-1").expect("a name");
        GrantId::derive(&["team-1", "credits", kind.as_str(), source], customer.bucket()).0
    }

    /// Looks at every instant up to `now` at which anything could happen, one after another.
    pub fn settle(&mut self, now: i64) {
        loop {
            let mut next: Option<i64> = None;
            let mut see = |at: i64| next = Some(next.map_or(at, |next: i64| next.min(at)));
            self.holds.iter().filter(|h| h.state == 1).for_each(|h| see(h.end));
            for g in self.grants.iter().filter(|g| g.available > 0) {
                g.end.into_iter().for_each(&mut see);
                if g.start > self.settled {
                    see(g.start);
                }
            }
            let Some(at) = next.filter(|at| *at <= now) else { break };
            let mut over: Vec<u128> = self.holds.iter().filter(|h| h.state == 1 && h.end <= at).map(|h| h.id).collect();
            over.sort_unstable();
            for id in over {
                self.end_hold(id, 4, at);
                self.pay(at);
            }
            let mut ended: Vec<u128> = self
                .grants
                .iter()
                .filter(|g| g.available > 0 && g.end.is_some_and(|end| end <= at))
                .map(|g| g.id)
                .collect();
            ended.sort_unstable();
            for id in ended {
                self.expire(id, at);
            }
            self.settled = self.settled.max(at);
            self.pay(at);
        }
        self.settled = self.settled.max(now);
    }

    pub(crate) fn expire(&mut self, id: u128, at: i64) {
        let g = self.g(id);
        let (left, rollover, priority, end) = (g.available, g.rollover, g.priority, g.end);
        g.expired += left;
        g.available = 0;
        if let Some((max, live)) = rollover {
            let amount = left.min(max);
            if amount > 0 {
                let new = Self::derived(SourceKind::Rollover, &GrantId(id).to_string());
                let end = end.map(|end| end + live);
                self.add(G { id: new, priority, start: at, end, granted: amount, available: amount, ..G::default() });
            }
        }
    }

    pub fn end_early(&mut self, id: u128, now: i64) -> i64 {
        self.settle(now);
        let left = self.g(id).available;
        if left > 0 {
            self.expire(id, now);
            self.g(id).rollover = None;
        }
        left
    }

    pub(crate) fn add(&mut self, g: G) {
        self.grants.push(g);
        self.sort();
    }

    fn end_hold(&mut self, id: u128, state: i16, at: i64) {
        let hold = self.holds.iter_mut().find(|h| h.id == id).expect("a known hold");
        hold.state = state;
        for (grant, amount) in hold.parts.clone() {
            self.free(grant, amount, at);
        }
    }

    fn free(&mut self, grant: u128, amount: i64, at: i64) {
        let g = self.g(grant);
        g.held -= amount;
        let revoked = amount.min(g.to_revoke);
        let frozen = (amount - revoked).min(g.to_freeze);
        g.to_revoke -= revoked;
        g.revoked += revoked;
        g.to_freeze -= frozen;
        g.frozen += frozen;
        let rest = amount - revoked - frozen;
        if g.end.is_some_and(|end| end <= at) { g.expired += rest } else { g.available += rest }
    }

    pub fn grant(&mut self, g: G, now: i64) {
        self.settle(now);
        let id = g.id;
        self.add(g);
        if self.g(id).end.is_some_and(|end| end <= now) {
            self.expire(id, now);
        }
        self.pay(now);
    }

    /// What a spend asks for after debt and cap.
    fn admit(&self, amount: i64, mode: Mode) -> Result<i64, No> {
        if self.debt() > 0 {
            return Err(No::Debt(self.debt()));
        }
        let Some(cap) = self.cap else { return Ok(amount) };
        let room = cap - self.used - self.held();
        match mode {
            _ if room >= amount => Ok(amount),
            Mode::Partial if room > 0 => Ok(room),
            _ => Err(No::Cap(cap, self.used)),
        }
    }

    fn decide(&self, amount: i64, mode: Mode, now: i64) -> Result<(i64, i64), No> {
        let amount = self.admit(amount, mode)?;
        let there = self.available(now);
        if there >= amount {
            return Ok((amount, 0));
        }
        match mode {
            Mode::Partial if there > 0 => Ok((there, 0)),
            Mode::Overflow if self.sold => Ok((there, amount - there)),
            Mode::Overflow => Err(No::NotSold),
            _ => Err(No::Short(amount, there)),
        }
    }

    fn take(&mut self, mut amount: i64, now: i64, to_hold: bool) -> Vec<(u128, i64)> {
        self.sort();
        let mut parts = Vec::new();
        for g in &mut self.grants {
            let part = Self::usable_at(g, now).min(amount);
            if part > 0 {
                g.available -= part;
                *(if to_hold { &mut g.held } else { &mut g.spent }) += part;
                amount -= part;
                parts.push((g.id, part));
            }
        }
        assert_eq!(amount, 0);
        parts
    }

    pub fn spend(&mut self, amount: i64, mode: Mode, now: i64) -> Result<Took, No> {
        self.settle(now);
        let (taken, over) = self.decide(amount, mode, now)?;
        self.overflow += over;
        self.used += taken + over;
        Ok((self.take(taken, now, false), over))
    }

    pub fn hold(&mut self, id: u128, amount: i64, mode: Mode, end: i64, now: i64) -> Result<Vec<(u128, i64)>, No> {
        self.settle(now);
        if self.debt() > 0 {
            return Err(No::Debt(self.debt()));
        }
        if self.holds.iter().filter(|h| h.state == 1).count() == 256 {
            return Err(No::Holds);
        }
        let amount = self.admit(amount, mode)?;
        let there = self.available(now);
        match mode {
            _ if there >= amount => {}
            Mode::Partial if there > 0 => {}
            Mode::Overflow if self.sold => {}
            Mode::Overflow => return Err(No::NotSold),
            _ => return Err(No::Short(amount, there)),
        }
        let parts = self.take(amount.min(there), now, true);
        self.holds.push(H { id, end, mode, parts: parts.clone(), state: 1 });
        Ok(parts)
    }

    pub fn capture(&mut self, id: u128, amount: i64, now: i64) -> Result<(Took, bool), No> {
        self.settle(now);
        let index = self.holds.iter().position(|h| h.id == id).expect("a known hold");
        let hold = self.holds[index].clone();
        if hold.state == 2 || hold.state == 3 {
            return Err(No::Closed);
        }
        if hold.state == 4 {
            let took = self.spend(amount, hold.mode, now)?;
            self.holds[index].state = 2;
            return Ok((took, true));
        }
        let held: i64 = hold.parts.iter().map(|part| part.1).sum();
        let (more, over) = if amount > held { self.decide(amount - held, hold.mode, now)? } else { (0, 0) };
        let (mut left, mut parts) = (amount.min(held), Vec::new());
        for (grant, part) in hold.parts {
            let taken = part.min(left);
            left -= taken;
            if taken > 0 {
                parts.push((grant, taken));
            }
            let mut debt = 0;
            let g = self.g(grant);
            g.held -= taken;
            g.spent += taken;
            let uncovered = (g.to_revoke + g.to_freeze - g.held).max(0).min(if taken > 0 { i64::MAX } else { 0 });
            let thawed = uncovered.min(g.to_freeze);
            g.to_freeze -= thawed;
            g.to_revoke -= uncovered - thawed;
            if g.debt_kind {
                debt += uncovered - thawed;
            }
            self.incurred += debt;
            self.free(grant, part - taken, now);
        }
        self.holds[index].state = 2;
        parts.extend(self.take(more, now, false));
        self.overflow += over;
        self.used += amount.min(held) + more + over;
        self.pay(now);
        Ok(((parts, over), false))
    }

    pub fn release(&mut self, id: u128, now: i64) -> Result<(), No> {
        self.settle(now);
        match self.holds.iter().find(|h| h.id == id).expect("a known hold").state {
            1 => self.end_hold(id, 3, now),
            4 => return Err(No::Expired),
            _ => return Err(No::Closed),
        }
        self.pay(now);
        Ok(())
    }

    pub fn revoke(&mut self, id: u128, amount: Option<i64>, now: i64) -> Result<i64, No> {
        self.settle(now);
        let g = self.g(id);
        let amount = amount.unwrap_or(g.available);
        if amount > g.available {
            return Err(No::RevokeMore(g.available));
        }
        g.available -= amount;
        g.revoked += amount;
        Ok(amount)
    }

    pub fn forgive(&mut self, amount: Option<i64>, now: i64) -> Result<i64, No> {
        self.settle(now);
        let amount = amount.unwrap_or(self.debt());
        if amount > self.debt() {
            return Err(No::ForgiveMore(self.debt()));
        }
        self.forgiven += amount;
        Ok(amount)
    }
}
