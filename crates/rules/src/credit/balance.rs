//! A balance: what a wallet shows of itself at one instant.

use super::{
    grant::{Grant, SourceKind},
    wallet::Wallet,
};
use crate::{Amount, Time, ids::GrantId};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a wallet shows at one instant. Sums count every open grant; `grants` lists the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What can be spent now.
    pub available: Amount,
    /// What holds have set aside.
    pub held: Amount,
    /// What is owed.
    pub debt: Amount,
    /// `available` by where it came from; kinds with nothing left out.
    pub by_source: Vec<(SourceKind, Amount)>,
    /// The first started, open grants in spend order.
    pub grants: Vec<BalanceGrant>,
    /// Whether there are more open grants than listed.
    pub more_grants: bool,
    /// The earliest expiry of something that can be spent now.
    pub next_expiry: Option<Time>,
    /// When an allowance comes again; the earliest. `None` without one.
    pub renews_at: Option<Time>,
}

/// A grant as a balance lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceGrant {
    /// Its id.
    pub id: GrantId,
    /// Where it came from.
    pub source_kind: SourceKind,
    /// What was put in.
    pub granted: Amount,
    /// What is left to spend.
    pub remaining: Amount,
    /// What holds and disputes have set aside.
    pub held: Amount,
    /// Its place in the spend order, lower first.
    pub priority: u16,
    /// Usable from then.
    pub effective_at: Time,
    /// Unusable from then.
    pub expires_at: Option<Time>,
}

impl Wallet {
    /// Its balance at `now`, listing at most `most` grants; right only when nothing has fallen due unsettled.
    #[must_use]
    pub fn balance(&self, now: Time, most: usize) -> Balance {
        let waiting = &self.body.waiting;
        let mut by_source = [Amount::ZERO; SourceKind::ALL.len()];
        let mut balance = Balance { held: waiting.held, next_expiry: waiting.next_expiry, ..Balance::default() };
        add(&mut balance.held, waiting.frozen);
        for (kind, amount) in &waiting.by_source {
            add(&mut by_source[*kind as usize - 1], *amount);
        }
        for grant in &self.body.grants {
            let usable = grant.usable(now);
            add(&mut balance.held, grant.held);
            add(&mut balance.held, grant.frozen);
            add(&mut by_source[grant.source_kind as usize - 1], usable);
            if usable.is_positive() {
                let expiries = balance.next_expiry.into_iter().chain(grant.expires_at);
                balance.next_expiry = expiries.min();
            }
        }
        by_source.iter().for_each(|amount| add(&mut balance.available, *amount));
        balance.debt = self.body.debt.outstanding();
        let running = self.body.allowances.iter().filter(|given| given.end > now && given.plan.is_positive());
        balance.renews_at = running.map(|given| given.end).min();
        balance.by_source =
            SourceKind::ALL.into_iter().zip(by_source).filter(|(_, amount)| amount.is_positive()).collect();
        balance.grants = self
            .body
            .grants
            .iter()
            .filter(|grant| grant.has_started(now) && !grant.is_closed())
            .take(most)
            .map(listed)
            .collect();
        // Grants that closed in this turn still stand here; whether they do depends on what shared the turn.
        let open = self.body.grants.iter().filter(|grant| !grant.is_closed()).count();
        balance.more_grants = open > balance.grants.len() || waiting.count > 0;
        balance
    }
}

fn listed(grant: &Grant) -> BalanceGrant {
    BalanceGrant {
        id: grant.id,
        source_kind: grant.source_kind,
        granted: grant.granted,
        remaining: grant.available,
        held: grant.held.checked_add(grant.frozen).unwrap_or(Amount::MAX),
        priority: grant.priority,
        effective_at: grant.effective_at,
        expires_at: grant.expires_at,
    }
}

/// Adds within bounds; totals of a wallet never pass [`Amount::MAX`].
fn add(sum: &mut Amount, amount: Amount) {
    *sum = sum.checked_add(amount).unwrap_or(Amount::MAX);
}
