//! What must hold after every step, as functions that say what does not.

use super::{
    close::add_to,
    entry::{Entry, EntryKind, Hash},
    figures::{Figures, apply_overflow, names_grant},
    grant::Grant,
    hash::Chain,
    hold::{Hold, HoldState, MOST_OPEN},
    wallet::{Debt, HoldsSummary, Waiting, Wallet},
};
use crate::{
    Amount, Time,
    ids::{CustomerId, GrantId, Unit},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::fmt;

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What should hold, in words.
    pub rule: &'static str,
    /// The sequence number of the entry that is wrong, if it is one.
    pub entry: Option<u64>,
    /// The grant that is wrong, if it is one.
    pub grant: Option<GrantId>,
    /// What is there instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            write!(f, "entry {entry}: ")?;
        }
        if let Some(grant) = self.grant {
            write!(f, "{grant}: ")?;
        }
        write!(f, "{} ({})", self.rule, self.found)
    }
}

fn broken(rule: &'static str, found: String) -> Violation {
    Violation { rule, entry: None, grant: None, found }
}

fn must(holds: bool, rule: &'static str, found: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(broken(rule, found())) }
}

/// Checks a stored wallet with its waiting grants (all of them) and its open holds (all of them), as of its last write.
///
/// # Errors
/// The first thing that does not hold.
pub fn check(wallet: &Wallet, waiting: &[Grant], holds: &[Hold]) -> Result<(), Violation> {
    let body = &wallet.body;
    let all: Vec<&Grant> = body.grants.iter().chain(waiting).collect();
    check_grants(&all, wallet.last_at)?;
    check_places(wallet, waiting)?;
    check_holds(&body.holds, &all, holds, wallet.last_at)?;
    let Debt { incurred, paid, forgiven } = body.debt;
    let owed = incurred.micros() - paid.micros() - forgiven.micros();
    let fine = paid.micros() >= 0 && forgiven.micros() >= 0 && owed >= 0 && body.overflow.micros() >= 0;
    must(fine, "debt is incurred less paid less forgiven, nothing negative", || format!("{:?}", body.debt))?;
    let available: i64 = all.iter().map(|grant| grant.usable(wallet.last_at).micros()).sum();
    must(owed == 0 || available == 0, "with debt nothing is available", || format!("{owed} owed, {available} there"))
}

fn check_grants(all: &[&Grant], at: Time) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    let mut total = 0;
    for grant in all {
        let of_grant = |violation: Violation| Violation { grant: Some(grant.id), ..violation };
        Figures::of(grant).check().map_err(|rule| of_grant(broken(rule, format!("{grant:?}"))))?;
        must(seen.insert(grant.id), "a grant stands in one place", || String::from("twice")).map_err(of_grant)?;
        must(!grant.is_closed(), "an open grant has something left", || String::from("none")).map_err(of_grant)?;
        let settled = grant.available.is_zero() || !grant.has_expired(at);
        must(settled, "what expired is not available", || format!("{}", grant.available)).map_err(of_grant)?;
        total += grant.available.micros() + grant.held.micros() + grant.frozen.micros();
    }
    must(total <= Amount::MAX.micros(), "the total is within bounds", || format!("{total} millionths"))
}

fn check_places(wallet: &Wallet, waiting: &[Grant]) -> Result<(), Violation> {
    let (body, at) = (&wallet.body, wallet.last_at);
    let orders: Vec<_> = body.grants.iter().map(Grant::spend_order).collect();
    must(orders.is_sorted(), "the grants in the row are in spend order", || format!("{orders:?}"))?;
    let started = body.grants.iter().all(|grant| grant.has_started(at));
    must(started, "the grants in the row have started", || format!("{:?}", body.grants))?;
    let first = waiting.iter().filter(|grant| grant.usable(at).is_positive()).map(Grant::spend_order).min();
    let last = body.grants.iter().rfind(|grant| grant.available.is_positive()).map(Grant::spend_order);
    let behind = first.zip(last).is_none_or(|(first, last)| last < first);
    must(behind, "what waits comes after what is in the row", || format!("{first:?} before {last:?}"))?;
    let mut sum = Waiting::default();
    waiting.iter().for_each(|grant| add_to(&mut sum, grant, at));
    must(sum == body.waiting, "what waits is summed", || format!("{:?}, not {sum:?}", body.waiting))
}

fn check_holds(summary: &HoldsSummary, grants: &[&Grant], holds: &[Hold], at: Time) -> Result<(), Violation> {
    let open = || holds.iter().filter(|hold| hold.state == HoldState::Open);
    let due_at = open().map(|hold| hold.expires_at).min();
    let same = usize::from(summary.open) == open().count() && summary.due_at == due_at && summary.open <= MOST_OPEN;
    must(same, "open holds are summed", || format!("{summary:?}, but {} and {due_at:?}", open().count()))?;
    let running = due_at.is_none_or(|due| due > at);
    must(running, "an open hold has not run out", || format!("{due_at:?} at {at}"))?;
    let mut held: BTreeMap<GrantId, i64> = BTreeMap::new();
    for hold in open() {
        let parts: i64 = hold.parts.iter().map(|part| part.amount.micros()).sum();
        must(parts == hold.amount.micros(), "a hold is the sum of its parts", || format!("{hold:?}"))?;
        for part in &hold.parts {
            *held.entry(part.grant).or_default() += part.amount.micros();
        }
    }
    for grant in grants {
        let parts = held.remove(&grant.id).unwrap_or(0);
        let found = || format!("{} held, {parts} millionths in holds", grant.held);
        must(grant.held.micros() == parts, "what is held of a grant is in open holds", found)
            .map_err(|violation| Violation { grant: Some(grant.id), ..violation })?;
    }
    must(held.is_empty(), "holds are of open grants", || format!("{held:?}"))
}

/// A wallet recomputed from its entries alone, one after another from the first.
#[derive(Clone, Debug)]
pub struct Replay {
    customer: CustomerId,
    unit: Unit,
    seq: u64,
    head: Hash,
    at: Time,
    grants: BTreeMap<GrantId, Figures>,
    debt: Debt,
    overflow: Amount,
}

impl Replay {
    /// A wallet before its first entry.
    #[must_use]
    pub fn new(customer: CustomerId, unit: Unit) -> Self {
        Self {
            customer,
            unit,
            seq: 0,
            head: Hash::default(),
            at: Time::from_micros(i64::MIN),
            grants: BTreeMap::new(),
            debt: Debt::default(),
            overflow: Amount::ZERO,
        }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// What is wrong with it; nothing after it can be trusted.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Violation> {
        let of_entry = |violation: Violation| Violation { entry: Some(entry.seq), grant: entry.grant, ..violation };
        self.check_chain(entry).map_err(of_entry)?;
        let applied = self.apply(entry);
        applied.map_err(|rule| of_entry(broken(rule, format!("{:?} of {}", entry.kind, entry.amount))))?;
        self.seq = entry.seq;
        self.head = entry.hash;
        self.at = entry.at;
        Ok(())
    }

    fn check_chain(&self, entry: &Entry) -> Result<(), Violation> {
        let next = self.seq + 1;
        must(entry.seq == next, "entries are numbered without a gap", || format!("{} where {next} is due", entry.seq))?;
        must(entry.at >= self.at, "time does not go back", || format!("{} after {}", entry.at, self.at))?;
        let hash = Chain::hash(&self.customer, &self.unit, &self.head, entry);
        must(hash == entry.hash, "an entry's hash is that of its fields and of the entry before", || {
            String::from("another hash")
        })
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), &'static str> {
        if entry.grant.is_some() != names_grant(entry.kind) {
            return Err("the entry names a grant where it must not, or none where it must");
        }
        if entry.terms.is_some() != (entry.kind == EntryKind::Grant) {
            return Err("a new grant's entry has the digest of its terms, no other has");
        }
        if let Some(grant) = entry.grant {
            if entry.kind != EntryKind::Grant && !self.grants.contains_key(&grant) {
                return Err("the entry moves a grant that was never put in");
            }
            self.grants.entry(grant).or_default().apply(entry.kind, entry.amount)?;
        }
        self.debt.apply(entry.kind, entry.amount)?;
        apply_overflow(&mut self.overflow, entry.kind, entry.amount)
    }

    /// The hash of the last entry taken; zeroes before the first.
    #[must_use]
    pub fn head(&self) -> &Hash {
        &self.head
    }

    /// The figures of a grant by its entries.
    #[must_use]
    pub fn figures(&self, grant: GrantId) -> Option<Figures> {
        self.grants.get(&grant).copied()
    }

    /// Compares with what is stored: the wallet row, and every grant it ever had (those in the row by
    /// their figures there, the others by those in their own rows).
    ///
    /// # Errors
    /// The first difference.
    pub fn matches(
        &self,
        wallet: &Wallet,
        grants: impl IntoIterator<Item = (GrantId, Figures)>,
    ) -> Result<(), Violation> {
        let (seq, head) = (wallet.seq, wallet.head);
        must(seq == self.seq, "the wallet counts its entries", || format!("{seq} counted, {} there", self.seq))?;
        must(head == self.head, "the wallet's head is the last entry's hash", || String::from("another hash"))?;
        let body = &wallet.body;
        must(body.debt == self.debt, "the debt is its entries' sum", || {
            format!("{:?}, not {:?}", body.debt, self.debt)
        })?;
        must(body.overflow == self.overflow, "overage is its entries' sum", || {
            format!("{}, not {}", body.overflow, self.overflow)
        })?;
        let mut missing = self.grants.clone();
        for (id, stored) in grants {
            let recomputed = missing.remove(&id);
            let found = || format!("{stored:?}, not {recomputed:?}");
            must(recomputed == Some(stored), "a grant's figures are its entries' sum", found)
                .map_err(|violation| Violation { grant: Some(id), ..violation })?;
        }
        let first = missing.keys().next().copied();
        must(missing.is_empty(), "every grant in the ledger is stored", || format!("{} are not", missing.len()))
            .map_err(|violation| Violation { grant: first, ..violation })
    }
}
