//! The end of a turn: which grants stand in the wallet row, which wait, and whose rows must be written.

use super::{
    grant::{Grant, GrantState, Terms},
    hold::HoldState,
    turn::{Changes, INLINE, Origin, Turn},
    wallet::Waiting,
};
use crate::{Amount, Time};
use alloc::vec::Vec;

impl Turn {
    /// Ends the turn: the first [`INLINE`] usable grants in spend order go into the wallet row, the rest wait.
    #[must_use]
    pub fn close(self) -> Changes {
        self.close_with(INLINE)
    }

    /// Ends the turn with at most `limit` grants in the wallet row; tests make it small.
    ///
    /// When all started grants fit they all stand in the row; when they do not, only those that something
    /// can be spent of do, so that what is merely held or frozen never crowds them out.
    /// Grants that were in the row and are not used up stay there unless all that wait was loaded or
    /// the row is full, so that an ordinary spend writes no other row.
    #[must_use]
    pub fn close_with(mut self, limit: usize) -> Changes {
        self.close_holds();
        let rows = self.place_grants(limit);
        let Self { mut wallet, now, holds, entries, days, crossings, noted, .. } = self;
        wallet.last_at = now;
        wallet.body.ended.retain(|(_, expires_at)| *expires_at > now);
        let changed = holds.into_iter().filter(|kept| kept.changed).map(|kept| kept.hold).collect();
        let (new_grants, grants) = (rows.new, rows.changed);
        Changes { wallet, entries, new_grants, grants, holds: changed, days, crossings, noted }
    }

    /// Leaves in the wallet row the grants that belong there and sums the others.
    fn place_grants(&mut self, limit: usize) -> Rows {
        let grants = core::mem::take(&mut self.wallet.body.grants);
        let open = grants.iter().filter(|grant| !grant.is_closed()).count();
        let all_known = self.waiting_loaded && (open > limit || !self.origins.is_empty());
        let mut rows = Rows::default();
        let mut inline = Vec::with_capacity(open.min(limit));
        for grant in grants {
            let may_stand = match (all_known, self.origins.contains_key(&grant.id)) {
                (true, _) if open > limit => grant.usable(self.now).is_positive(),
                (true, _) => grant.has_started(self.now),
                (false, true) => self.sorts_inline(&grant),
                (false, false) => true,
            };
            if grant.is_closed() {
                self.settle_row(grant, GrantState::Closed, &mut rows);
            } else if may_stand && inline.len() < limit {
                if self.origins.contains_key(&grant.id) {
                    self.settle_row(grant.clone(), GrantState::Inline, &mut rows);
                }
                inline.push(grant);
            } else {
                add_to(&mut self.wallet.body.waiting, &grant, self.now);
                self.settle_row(grant, GrantState::Waiting, &mut rows);
            }
        }
        self.wallet.body.grants = inline;
        rows
    }

    /// Whether a grant new to the row may stand in it: it has started and comes before all that waits unloaded.
    fn sorts_inline(&self, grant: &Grant) -> bool {
        let first = self.waiting_loaded || self.last_inline.is_some_and(|last| grant.spend_order() < last);
        first && grant.usable(self.now).is_positive()
    }

    /// Says what must be written of the row of `grant`, which is now in `state`.
    fn settle_row(&mut self, grant: Grant, state: GrantState, rows: &mut Rows) {
        match self.origins.remove(&grant.id) {
            Some(Origin::New(terms)) => rows.new.push((terms, grant, state)),
            Some(Origin::Waiting(before)) if state == GrantState::Waiting && before == grant => {}
            Some(Origin::Closed(before)) if state == GrantState::Closed && before == grant => {}
            _ => rows.changed.push((grant, state)),
        }
    }

    fn close_holds(&mut self) {
        if self.holds_loaded {
            let open = || self.holds.iter().map(|kept| &kept.hold).filter(|hold| hold.state == HoldState::Open);
            assert_eq!(open().count(), usize::from(self.wallet.body.holds.open), "open holds are counted wrong");
            self.wallet.body.holds.due_at = open().map(|hold| hold.expires_at).min();
        }
    }
}

/// The grants whose own rows must be written.
#[derive(Default)]
struct Rows {
    new: Vec<(Terms, Grant, GrantState)>,
    changed: Vec<(Grant, GrantState)>,
}

/// Adds a grant to the sum of those that wait.
pub(super) fn add_to(waiting: &mut Waiting, grant: &Grant, now: Time) {
    let usable = grant.usable(now);
    waiting.count += 1;
    add(&mut waiting.available, usable);
    add(&mut waiting.held, grant.held);
    add(&mut waiting.frozen, grant.frozen);
    if usable.is_positive() {
        waiting.next_expiry = waiting.next_expiry.into_iter().chain(grant.expires_at).min();
        match waiting.by_source.binary_search_by_key(&grant.source_kind, |(kind, _)| *kind) {
            Ok(place) => add(&mut waiting.by_source[place].1, usable),
            Err(place) => waiting.by_source.insert(place, (grant.source_kind, usable)),
        }
    }
    let start = Some(grant.effective_at).filter(|at| *at > now);
    let expiry = grant.expires_at.filter(|at| *at > now);
    if grant.available.is_positive() {
        waiting.due_at = waiting.due_at.into_iter().chain(start).chain(expiry).min();
    }
}

fn add(sum: &mut Amount, amount: Amount) {
    *sum = super::counter::plus(*sum, amount);
}
