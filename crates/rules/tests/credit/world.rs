//! A wallet with its rows in memory, driven turn by turn as the storage does, and checked after each.

use purser_rules::{
    Amount, Time,
    credit::{
        Allowance, AllowanceTerms, Capture, Captured, Cause, CauseKind, Changes, Consumption, Crossing, DueAllowance,
        Entry, Figures, Grant, GrantState, Hold, HoldState, Loaded, Mode, Needs, NewHold, Part, Payment, Refusal,
        Returned, Reversed, Rollup, Spend, Spent, Terms, Turn, Wallet, Why,
        invariant::{Replay, check},
    },
    ids::{CustomerId, GrantId, HoldId, Unit},
    pricebook::OnDelete,
    subscription::{changed, lost},
};
use std::collections::BTreeMap;

/// The thresholds of every spend.
pub const THRESHOLDS: &[u16] = &[500, 800, 950, 1000];

/// One wallet and all its rows.
pub struct World {
    pub wallet: Wallet,
    /// Rows of grants; those in the wallet row stand here as they were when they moved in.
    pub rows: BTreeMap<GrantId, (Grant, GrantState)>,
    pub terms: BTreeMap<GrantId, Terms>,
    pub holds: BTreeMap<HoldId, Hold>,
    pub entries: Vec<Entry>,
    pub days: Vec<Rollup>,
    pub crossings: Vec<Crossing>,
    pub replay: Replay,
    pub limit: usize,
    pub overage_sold: bool,
    /// Rows written beside the wallet's by the last turn.
    pub rows_written: usize,
}

pub fn why() -> Why {
    let cause = Cause { kind: CauseKind::Api, id: "key_test".into(), request: None };
    Why { cause, subject: "test".into(), user: None, metadata: None }
}

impl World {
    pub fn new(limit: usize) -> Self {
        let customer = CustomerId::new("team-1").expect("a name");
        Self {
            wallet: Wallet::new(customer.clone(), Unit::credits()),
            rows: BTreeMap::new(),
            terms: BTreeMap::new(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            days: Vec::new(),
            crossings: Vec::new(),
            replay: Replay::new(customer, Unit::credits()),
            limit,
            overage_sold: true,
            rows_written: 0,
        }
    }

    fn load(&self, needs: Needs, closed: &[GrantId]) -> Loaded {
        let of_state = |state| self.rows.values().filter(move |row| row.1 == state).map(|row| row.0.clone());
        let open = self.holds.values().filter(|hold| hold.state == HoldState::Open).cloned();
        Loaded {
            waiting: needs.waiting.then(|| of_state(GrantState::Waiting).collect()),
            holds: needs.holds.then(|| open.collect()),
            closed: of_state(GrantState::Closed).filter(|grant| closed.contains(&grant.id)).collect(),
        }
    }

    /// A turn with only what a spend of `amount` needs.
    pub fn narrow(&self, amount: Amount, now: Time) -> Turn {
        let needs = Turn::needs(&self.wallet, amount, now);
        let mut turn = Turn::open(self.wallet.clone(), self.load(needs, &[]), Vec::new(), now);
        let needs = turn.still_needs(amount);
        if needs != Needs::default() {
            turn.load(self.load(needs, &[]));
        }
        turn
    }

    /// A turn with everything there is, and the closed grants named.
    pub fn wide(&self, closed: &[GrantId], now: Time) -> Turn {
        let loaded = self.load(Turn::needs_all(&self.wallet), closed);
        Turn::open(self.wallet.clone(), loaded, Vec::new(), now)
    }

    /// A turn as a read opens it: what has fallen due of `allowance` is put down in it.
    pub fn shown(&self, allowance: &Allowance<'_>, now: Time) -> Turn {
        let due = allowance.due(&self.wallet, now);
        let loaded = self.load(Turn::needs_all(&self.wallet), &named(&due));
        Turn::open(self.wallet.clone(), loaded, due, now)
    }

    /// Puts down what has fallen due of `allowance`.
    pub fn allow(&mut self, allowance: &Allowance<'_>, now: Time) {
        let turn = self.shown(allowance, now);
        self.close(turn);
    }

    /// Changes the plans of an allowance from those of `before` to those of `after`, while with all access that may
    /// return it would be `bought`. Without any, what lapsed is forgotten.
    pub fn change_plan(
        &mut self,
        before: &Allowance<'_>,
        after: &Allowance<'_>,
        now: Time,
        bought: Option<&AllowanceTerms>,
    ) {
        self.allow(before, now);
        let due = changed(after, &self.wallet, now, bought);
        let mut turn = self.wide(&named(&due), now);
        turn.put_down(due, &why());
        turn.forget_lapsed(|group| bought.is_none() && group == after.group);
        self.close(turn);
    }

    /// The same when nothing that was bought is left, since the subscription was deleted.
    pub fn lose_plan(&mut self, before: &Allowance<'_>, after: &Allowance<'_>, now: Time, on_delete: OnDelete) {
        self.allow(before, now);
        let due = lost(after, &self.wallet, now, on_delete);
        let mut turn = self.wide(&named(&due), now);
        turn.put_down(due, &why());
        turn.forget_lapsed(|group| group == after.group);
        self.close(turn);
    }

    /// Closes the turn, writes its changes and checks everything.
    pub fn close(&mut self, turn: Turn) {
        let before: BTreeMap<GrantId, Grant> = self.figures_at_hand();
        let changes = turn.close_with(self.limit);
        self.rows_written = changes.new_grants.len() + changes.grants.len() + changes.holds.len();
        self.write(changes, &before);
        self.check();
    }

    fn figures_at_hand(&self) -> BTreeMap<GrantId, Grant> {
        self.wallet.body.grants.iter().map(|grant| (grant.id, grant.clone())).collect()
    }

    fn write(&mut self, changes: Changes, inline_before: &BTreeMap<GrantId, Grant>) {
        for (terms, grant, state) in changes.new_grants {
            let grant = stored(&terms, grant);
            assert!(self.terms.insert(grant.id, terms).is_none(), "{} is inserted twice", grant.id);
            assert!(self.rows.insert(grant.id, (grant, state)).is_none());
        }
        for (grant, state) in changes.grants {
            let grant = stored(&self.terms[&grant.id], grant);
            let row = self.rows.get_mut(&grant.id).expect("only rows that are there are written");
            assert!(
                *row != (grant.clone(), state) || inline_before.contains_key(&grant.id),
                "{} is written without need",
                grant.id
            );
            *row = (grant, state);
        }
        for hold in changes.holds {
            self.holds.insert(hold.id, hold);
        }
        for entry in &changes.entries {
            self.replay.take(entry).unwrap_or_else(|violation| panic!("{violation}"));
            if let Some(digest) = entry.terms {
                let terms = &self.terms[&entry.grant.expect("a grant's entry names it")];
                assert_eq!(terms.digest(), digest);
            }
        }
        self.entries.extend(changes.entries);
        self.days.extend(changes.days);
        self.crossings.extend(changes.crossings);
        self.wallet = changes.wallet;
        for (id, (_, state)) in &self.rows {
            let inline = self.wallet.body.grants.iter().any(|grant| grant.id == *id);
            assert_eq!(inline, *state == GrantState::Inline, "{id} stands where its row says");
        }
        assert!(self.wallet.body.grants.len() <= self.limit.max(inline_before.len()), "the row is over its limit");
    }

    fn check(&self) {
        let waiting: Vec<Grant> = self.in_state(GrantState::Waiting);
        let holds: Vec<Hold> = self.holds.values().filter(|hold| hold.state == HoldState::Open).cloned().collect();
        check(&self.wallet, &waiting, &holds).unwrap_or_else(|violation| panic!("{violation}"));
        let figures = self.grants().into_iter().map(|grant| (grant.id, Figures::of(&grant)));
        self.replay.matches(&self.wallet, figures).unwrap_or_else(|violation| panic!("{violation}"));
    }

    fn in_state(&self, state: GrantState) -> Vec<Grant> {
        self.rows.values().filter(|row| row.1 == state).map(|row| row.0.clone()).collect()
    }

    /// Every grant there ever was, as it stands.
    pub fn grants(&self) -> Vec<Grant> {
        let inline = &self.wallet.body.grants;
        let current =
            |row: &(Grant, GrantState)| inline.iter().find(|grant| grant.id == row.0.id).unwrap_or(&row.0).clone();
        self.rows.values().map(current).collect()
    }

    pub fn available(&self, now: Time) -> Amount {
        self.narrow(Amount::MAX, now).available()
    }

    /// Settles what has fallen due by `now`.
    pub fn settle(&mut self, now: Time) {
        let turn = self.narrow(Amount::ZERO, now);
        self.close(turn);
    }

    pub fn grant(&mut self, terms: &Terms, now: Time) -> Result<Grant, Refusal> {
        let mut turn = self.wide(&[], now);
        let answer = turn.grant(terms, &why());
        self.close(turn);
        answer
    }

    pub fn spend(&mut self, amount: Amount, mode: Mode, now: Time) -> Result<Spent, Refusal> {
        let mut turn = self.narrow(amount, now);
        let why = why();
        let before = turn.clone();
        let spend = Spend { amount, mode, overage_sold: self.overage_sold, thresholds: THRESHOLDS, why: &why };
        let answer = turn.spend(&spend);
        if answer.is_err() {
            unchanged(&before, &turn);
        }
        self.close(turn);
        answer
    }

    pub fn hold(
        &mut self,
        id: HoldId,
        amount: Amount,
        mode: Mode,
        expires_at: Time,
        now: Time,
    ) -> Result<Hold, Refusal> {
        let mut turn = self.narrow(amount, now);
        let why = why();
        let new = NewHold { id, amount, mode, expires_at, overage_sold: self.overage_sold, why: &why };
        let before = turn.clone();
        let answer = turn.hold(&new);
        if answer.is_err() {
            unchanged(&before, &turn);
        }
        self.close(turn);
        answer
    }

    pub fn capture(&mut self, id: HoldId, amount: Amount, now: Time) -> Result<Captured, Refusal> {
        let mut turn = self.wide(&[], now);
        let mut hold = self.holds[&id].clone();
        let why = why();
        let overage_sold = self.overage_sold;
        let before = turn.clone();
        let capture = Capture { hold: id, amount, overage_sold, thresholds: THRESHOLDS, why: &why };
        let answer = turn.capture(&mut hold, &capture);
        if answer.is_err() {
            unchanged(&before, &turn);
        }
        self.close(turn);
        if answer.is_ok() {
            assert_eq!(hold, self.holds[&id]);
        }
        answer
    }

    pub fn release(&mut self, id: HoldId, now: Time) -> Result<Hold, Refusal> {
        let mut loaded = self.load(Turn::needs_all(&self.wallet), &[]);
        let named = self.holds[&id].clone();
        if named.state != HoldState::Open {
            loaded.holds.get_or_insert_default().push(named);
        }
        let mut turn = Turn::open(self.wallet.clone(), loaded, Vec::new(), now);
        let before = turn.clone();
        let answer = turn.release(id, &why());
        if answer.is_err() {
            unchanged(&before, &turn);
        }
        self.close(turn);
        answer
    }

    pub fn revoke(&mut self, id: GrantId, amount: Option<Amount>, now: Time) -> Result<Amount, Refusal> {
        let mut turn = self.wide(&[], now);
        let answer = turn.revoke(id, amount, &why());
        self.close(turn);
        answer
    }

    pub fn end_early(&mut self, id: GrantId, now: Time) -> Amount {
        let mut turn = self.wide(&[], now);
        let ended = turn.end_early(id);
        self.close(turn);
        ended
    }

    pub fn forgive(&mut self, amount: Option<Amount>, now: Time) -> Result<Amount, Refusal> {
        let mut turn = self.wide(&[], now);
        let answer = turn.forgive(amount, &why());
        self.close(turn);
        answer
    }

    pub fn reverse(&mut self, payment: &mut Payment, now: Time) -> Result<Reversed, Refusal> {
        let mut turn = self.wide(&payment.grants, now);
        let answer = turn.reverse(payment, &why());
        self.close(turn);
        let (was, seq) = (payment.clone(), self.wallet.seq);
        let mut turn = self.wide(&payment.grants, now);
        let again = turn.reverse(payment, &why());
        self.close(turn);
        if let (Ok(answer), Ok(again)) = (&answer, &again) {
            assert_eq!((again.target, again.debt), (answer.target, Amount::ZERO));
            assert_eq!((&*payment, self.wallet.seq), (&was, seq), "asked again, nothing changes");
        }
        answer
    }

    pub fn give_back(
        &mut self,
        consumption: &mut Consumption,
        amount: Amount,
        payments: &mut [Payment],
        now: Time,
    ) -> Result<Returned, Refusal> {
        let mut named: Vec<GrantId> = consumption.parts.iter().map(|part| part.grant).collect();
        named.extend(payments.iter().flat_map(|payment| payment.grants.clone()));
        named.extend(self.wallet.used_with(consumption));
        let mut turn = self.wide(&named, now);
        let answer = turn.give_back(consumption, amount, payments, &why());
        self.close(turn);
        answer
    }
}

/// The grants that must be loaded for `due`.
fn named(due: &[DueAllowance]) -> Vec<GrantId> {
    due.iter().flat_map(|due| due.names().to_vec()).collect()
}

/// A grant as its row has it: the terms it was given with, and its figures.
fn stored(terms: &Terms, grant: Grant) -> Grant {
    let Terms { priority, effective_at, expires_at, rollover, .. } = *terms;
    Grant { priority, effective_at, expires_at, rollover, ..grant }
}

/// A refusal changed nothing.
fn unchanged(before: &Turn, after: &Turn) {
    assert_eq!(before.wallet(), after.wallet());
}

/// What can be returned of a spend.
pub fn consumption(spent: &Spent) -> Consumption {
    let part = |&(grant, amount): &(GrantId, Amount)| Part { grant, amount, returned: Amount::ZERO };
    Consumption {
        overflow: spent.overflow,
        overflow_returned: Amount::ZERO,
        parts: spent.parts.iter().map(part).collect(),
    }
}
