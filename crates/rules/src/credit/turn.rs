//! A turn: one wallet, locked, brought up to `now` and written by one or more operations.

use super::{
    allowance::DueAllowance,
    balance::Balance,
    entry::{Cause, CauseKind, Entry, EntryKind, Hash, Why},
    grant::{Grant, GrantState, Terms},
    hash::Chain,
    hold::{Hold, HoldState},
    spend::usable,
    wallet::{Crossing, Rollup, Waiting, Wallet},
};
use crate::{Amount, Time, ids::GrantId};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

/// How many grants stand in the wallet row; the rest wait in their own rows.
pub const INLINE: usize = 24;

/// What must be loaded beside the wallet row before an operation can be decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// All waiting grants.
    pub waiting: bool,
    /// All open holds.
    pub holds: bool,
}

/// What was loaded beside the wallet row.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The waiting grants, if asked for: all of them.
    pub waiting: Option<Vec<Grant>>,
    /// The open holds, if asked for: all of them. Others that an operation names may stand among them.
    pub holds: Option<Vec<Hold>>,
    /// Closed grants an operation names (parts of a return, grants of a payment).
    pub closed: Vec<Grant>,
}

/// What a turn changed, to be written in one transaction.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The wallet row.
    pub wallet: Wallet,
    /// New ledger entries, in order.
    pub entries: Vec<Entry>,
    /// Grants made by this turn (allowances, rollovers and restorations among them), to be inserted.
    pub new_grants: Vec<(Terms, Grant, GrantState)>,
    /// Grants whose own row must be written: closed, moved out of or into the wallet row, or changed while waiting.
    pub grants: Vec<(Grant, GrantState)>,
    /// Holds made or changed.
    pub holds: Vec<Hold>,
    /// Days that ended: their rollups, final (a return does not rewrite a day).
    pub days: Vec<Rollup>,
    /// Thresholds crossed.
    pub crossings: Vec<Crossing>,
    /// Whether the wallet remembers something more, though it may have no entry.
    pub noted: bool,
}

impl Changes {
    /// Whether there is nothing to write: the wallet may be left as it was. A hold of nothing (overage)
    /// makes no entry and is still to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.holds.is_empty() && self.crossings.is_empty() && !self.noted
    }
}

/// A grant's place in the spend order.
pub(super) type Order = (u16, Time, Time, GrantId);

/// How a grant that did not stand in the wallet row came into the turn.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// From its own row, waiting, as it stood there.
    Waiting(Grant),
    /// From its own row, closed, as it stood there.
    Closed(Grant),
    /// Made by this turn.
    New(Terms),
}

/// A hold in the turn.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) hold: Hold,
    pub(super) changed: bool,
}

/// One wallet being written: `open` → operations → `close`.
///
/// An operation that is refused leaves the turn as it was, but for what had fallen due. What must
/// always hold is asserted after every entry, in release builds too: a broken rule panics before
/// anything is written.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The wallet; while the turn lasts `body.grants` are all grants known, in spend order, and
    /// `body.waiting` sums only what is not loaded.
    pub(super) wallet: Wallet,
    pub(super) now: Time,
    /// The instant of the last entry; the next is never before it.
    pub(super) entered_at: Time,
    /// Where the grants that were not in the wallet row come from.
    pub(super) origins: BTreeMap<GrantId, Origin>,
    pub(super) waiting_loaded: bool,
    /// The last place in the wallet row at the start: what waits unloaded comes after it.
    pub(super) last_inline: Option<Order>,
    pub(super) holds: Vec<Kept>,
    pub(super) holds_loaded: bool,
    pub(super) entries: Vec<Entry>,
    pub(super) days: Vec<Rollup>,
    pub(super) crossings: Vec<Crossing>,
    pub(super) noted: bool,
}

impl Turn {
    /// What beside the wallet row a spend or a new hold of `amount` at `now` needs.
    #[must_use]
    pub fn needs(wallet: &Wallet, amount: Amount, now: Time) -> Needs {
        let now = now.max(wallet.last_at);
        let body = &wallet.body;
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let holds = is_due(body.holds.due_at);
        let short = body.waiting.available.is_positive() && usable(&body.grants, now) < amount;
        let freed = holds && body.waiting.held.is_positive();
        Needs { waiting: is_due(body.waiting.due_at) || short || freed, holds }
    }

    /// What any other operation needs: everything there is.
    #[must_use]
    pub fn needs_all(wallet: &Wallet) -> Needs {
        Needs { waiting: wallet.body.waiting.count > 0, holds: wallet.body.holds.open > 0 }
    }

    /// Opens a turn at `max(now, wallet.last_at)`, puts down what has fallen due by then (releases,
    /// expiries with their rollovers, starts, `due` allowances, debt paid from them) in order of the instants.
    /// Those entries name the job `settle` as their cause and the grant or hold as their subject.
    ///
    /// Panics when something that is not loaded has fallen due: ask [`Turn::needs`] first.
    #[must_use]
    pub fn open(wallet: Wallet, loaded: Loaded, due: Vec<DueAllowance>, now: Time) -> Self {
        let (now, entered_at) = (now.max(wallet.last_at), wallet.last_at);
        let mut turn = Self {
            waiting_loaded: wallet.body.waiting.count == 0,
            last_inline: wallet.body.grants.last().map(Grant::spend_order),
            holds_loaded: wallet.body.holds.open == 0,
            wallet,
            now,
            entered_at,
            origins: BTreeMap::new(),
            holds: Vec::new(),
            entries: Vec::new(),
            days: Vec::new(),
            crossings: Vec::new(),
            noted: false,
        };
        turn.load(loaded);
        let body = &turn.wallet.body;
        let missing = |at: Option<Time>| at.is_some_and(|at| at <= now);
        assert!(turn.waiting_loaded || !missing(body.waiting.due_at), "waiting grants have fallen due, unloaded");
        assert!(turn.holds_loaded || !missing(body.holds.due_at), "holds have run out, unloaded");
        turn.settle(due);
        turn.roll_periods();
        turn
    }

    /// Adds what was loaded later, when [`Turn::still_needs`] asked for it.
    pub fn load(&mut self, mut loaded: Loaded) {
        let rows = loaded.closed.iter_mut().chain(loaded.waiting.iter_mut().flatten());
        self.wallet.body.grants.iter_mut().chain(rows).for_each(Grant::forget_done_rollover);
        for grant in loaded.closed {
            if self.position(grant.id).is_none() {
                self.origins.insert(grant.id, Origin::Closed(grant.clone()));
                self.insert(grant);
            }
        }
        if let Some(waiting) = loaded.waiting.filter(|_| !self.waiting_loaded) {
            assert_eq!(waiting.len(), self.wallet.body.waiting.count as usize, "not all waiting grants are loaded");
            self.wallet.body.waiting = Waiting::default();
            self.waiting_loaded = true;
            for grant in waiting {
                self.origins.insert(grant.id, Origin::Waiting(grant.clone()));
                self.wallet.body.grants.push(grant);
            }
            self.wallet.body.grants.sort_by_key(Grant::spend_order);
        }
        self.holds_loaded |= loaded.holds.is_some();
        for hold in loaded.holds.into_iter().flatten() {
            if !self.holds.iter().any(|kept| kept.hold.id == hold.id) {
                self.holds.push(Kept { hold, changed: false });
            }
        }
        if self.holds_loaded {
            let open = self.holds.iter().filter(|kept| kept.hold.state == HoldState::Open).count();
            assert_eq!(open, usize::from(self.wallet.body.holds.open), "not all open holds are loaded");
        }
    }

    /// What a spend or a new hold of `amount` needs that this turn has not loaded yet.
    #[must_use]
    pub fn still_needs(&self, amount: Amount) -> Needs {
        let body = &self.wallet.body;
        let short = body.waiting.available.is_positive() && usable(&body.grants, self.now) < amount;
        Needs { waiting: short && !self.waiting_loaded, holds: false }
    }

    /// The turn's instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The wallet as it stands. What was loaded stands among its grants until the turn is closed.
    #[must_use]
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// What could be spent now, waiting grants included.
    #[must_use]
    pub fn available(&self) -> Amount {
        let body = &self.wallet.body;
        usable(&body.grants, self.now).checked_add(body.waiting.available).unwrap_or(Amount::MAX)
    }

    /// What the wallet shows now, listing at most `most` grants.
    #[must_use]
    pub fn balance(&self, most: usize) -> Balance {
        self.wallet.balance(self.now, most)
    }

    /// A grant as it stands now, if it is in the wallet row, loaded or made by this turn.
    #[must_use]
    pub fn find(&self, id: GrantId) -> Option<&Grant> {
        self.position(id).map(|place| &self.wallet.body.grants[place])
    }

    /// The one way anything changes: an entry is chained to the ledger and applied. Nothing for an amount of nothing.
    pub(super) fn enter(&mut self, at: Time, kind: EntryKind, place: Option<usize>, amount: Amount, why: &Why) {
        if !amount.is_zero() {
            self.enter_terms(at, kind, place, amount, None, why);
        }
    }

    fn enter_terms(
        &mut self,
        at: Time,
        kind: EntryKind,
        place: Option<usize>,
        amount: Amount,
        terms: Option<&Terms>,
        why: &Why,
    ) {
        let applied = self.wallet.body.apply(kind, place, amount);
        assert!(applied.is_ok(), "{kind:?} of {amount} breaks a rule: {applied:?}");
        self.entered_at = self.entered_at.max(at);
        self.wallet.seq += 1;
        let mut entry = Entry {
            seq: self.wallet.seq,
            at: self.entered_at,
            kind,
            grant: place.map(|place| self.wallet.body.grants[place].id),
            amount,
            terms: terms.map(Terms::digest),
            why: why.clone(),
            hash: Hash::default(),
        };
        entry.hash = Chain::hash(&self.wallet.customer, &self.wallet.unit, &self.wallet.head, &entry);
        self.wallet.head = entry.hash;
        self.entries.push(entry);
    }

    /// Puts a new grant into the wallet; answers its place.
    pub(super) fn put_in(&mut self, at: Time, terms: &Terms, why: &Why) -> usize {
        assert!(self.position(terms.id).is_none(), "{} is in the wallet already", terms.id);
        let empty = Grant { granted: Amount::ZERO, available: Amount::ZERO, ..Grant::new(terms) };
        self.origins.insert(terms.id, Origin::New(terms.clone()));
        let place = self.insert(empty);
        self.enter_terms(at, EntryKind::Grant, Some(place), terms.amount, Some(terms), why);
        place
    }

    /// Where a grant stands among those known.
    pub(super) fn position(&self, id: GrantId) -> Option<usize> {
        self.wallet.body.grants.iter().position(|grant| grant.id == id)
    }

    /// Where a grant stands that must be known.
    pub(super) fn place(&self, id: GrantId) -> usize {
        let place = self.position(id);
        assert!(place.is_some(), "{id} is named but not loaded");
        place.unwrap_or_default()
    }

    fn insert(&mut self, grant: Grant) -> usize {
        let grants = &mut self.wallet.body.grants;
        let order = grant.spend_order();
        let place = grants.partition_point(|other| other.spend_order() < order);
        grants.insert(place, grant);
        place
    }

    /// What is open in the wallet in all: available (started or not), held and frozen. Needs everything loaded.
    pub(super) fn open_total(&self) -> i64 {
        assert!(self.waiting_loaded, "the waiting grants are not loaded");
        let open = |grant: &Grant| grant.available.micros() + grant.held.micros() + grant.frozen.micros();
        self.wallet.body.grants.iter().map(open).sum()
    }

    /// What open holds set aside.
    pub(super) fn held_total(&self) -> i64 {
        let body = &self.wallet.body;
        body.grants.iter().map(|grant| grant.held.micros()).sum::<i64>() + body.waiting.held.micros()
    }

    /// Credit available at `at` pays what is owed, in spend order.
    pub(super) fn pay_debt(&mut self, at: Time, why: &Why) {
        for place in 0..self.wallet.body.grants.len() {
            let owed = self.wallet.body.debt.outstanding();
            if owed.is_zero() {
                return;
            }
            let usable = self.wallet.body.grants[place].usable(at);
            self.enter(at, EntryKind::DebtPaid, Some(place), usable.min(owed), why);
        }
    }
}

/// Why something is put down that had fallen due: the job `settle`, on its grant or hold.
pub(super) fn settled(subject: impl ToString) -> Why {
    let cause = Cause { kind: CauseKind::Job, id: String::from("settle"), request: None };
    Why { cause, subject: subject.to_string(), user: None, metadata: None }
}
