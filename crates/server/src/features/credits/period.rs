//! Credits of paid periods in a wallet: given, ended, cut, suspended and taken back by whoever knows the subscriptions.
//! Which of it is to be done is decided there, with the wallet locked; how it is written stands here.

use super::{
    grant_rows::{self, GrantRow},
    idempotency::Operation,
    reversals::{load_grants, put_later},
    store::{bucket, bug, closed_grants, text},
    view,
    write::{Call, Opened, write},
};
use crate::platform::{
    auth::Actor,
    db::{DbError, Tx},
    error::{Code, Error},
    ids::Random,
};
use purser_rules::{
    Amount, Time,
    credit::{Grant, Loaded, Payment, SourceKind, Terms, Wallet},
    ids::{CustomerId, GrantId, Unit},
};

/// Whose period credits are written, and who says so.
#[derive(Clone, Debug)]
pub struct PeriodCall {
    /// Whose wallet.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// Which event or job says so.
    pub actor: Actor,
}

/// A wallet that is locked and brought up to now, for what its subscriptions give and take.
#[derive(Debug)]
pub struct PeriodWallet<'a> {
    opened: &'a mut Opened,
    customer: &'a CustomerId,
    unit: &'a Unit,
}

/// Does to a wallet what `decide` says, in one write. Answers false, and does nothing, when the customer is archived:
/// its wallets take no more writes.
///
/// # Errors
/// What `decide` says, and those of [`write`].
pub fn period(
    tx: &mut Tx<'_>,
    asked: &PeriodCall,
    random: &Random,
    decide: impl FnOnce(&mut Tx<'_>, &mut PeriodWallet<'_>) -> Result<(), Error>,
) -> Result<bool, Error> {
    let call = Call {
        customer: asked.customer.clone(),
        unit: asked.unit.clone(),
        operation: Operation::Grant,
        key: None,
        request: Vec::new(),
        actor: asked.actor.clone(),
        create: false,
        random: random.clone(),
        grants: Vec::new(),
    };
    let done = write(tx, &call, |tx, opened| {
        decide(tx, &mut PeriodWallet { opened, customer: &asked.customer, unit: &asked.unit })
    });
    match done {
        Ok(_) => Ok(true),
        Err(error) if error.code == Code::CustomerArchived => Ok(false),
        Err(error) => Err(error),
    }
}

impl PeriodWallet<'_> {
    /// The wallet as it stands.
    #[must_use]
    pub fn wallet(&self) -> &Wallet {
        self.opened.turn.wallet()
    }

    /// Whose it is.
    #[must_use]
    pub const fn customer(&self) -> &CustomerId {
        self.customer
    }

    /// The instant of this write.
    #[must_use]
    pub fn now(&self) -> Time {
        self.opened.turn.now()
    }

    /// Gives a grant, once: answers false when it was given before.
    ///
    /// # Errors
    /// `total_too_large`; what the database says.
    pub fn grant(&mut self, tx: &mut Tx<'_>, terms: &Terms) -> Result<bool, Error> {
        if self.opened.turn.find(terms.id).is_some() || grant_rows::by_id(tx, terms.id)?.is_some() {
            return Ok(false);
        }
        let why = self.opened.why(terms.id, None, None);
        let grant = self.opened.turn.grant(terms, &why)?;
        let row = GrantRow {
            customer: self.customer.clone(),
            unit: self.unit.clone(),
            source_id: terms.source_id.clone(),
            metadata: None,
            created_at: self.opened.turn.now(),
            grant,
        };
        let told = serde_json::to_value(view::grant(&row)).map_err(|e| DbError::Bug(format!("an audit line: {e}")))?;
        self.opened.audit(tx, "grant.created", &terms.id.to_string(), (None, told));
        Ok(true)
    }

    /// Ends grants before their time, as if they expired now.
    pub fn end_early(&mut self, grants: &[GrantId]) {
        for grant in grants {
            self.opened.turn.end_early(*grant);
        }
    }

    /// A grant as it stands; none if there was nothing to give.
    ///
    /// # Errors
    /// What the database says.
    pub fn find(&mut self, tx: &mut Tx<'_>, grant: GrantId) -> Result<Option<&Grant>, Error> {
        self.know(tx, &[grant])?;
        Ok(self.opened.turn.find(grant))
    }

    /// Cuts grants down so that with what is spent of them no more than `amount` is left: the last of them first.
    ///
    /// # Errors
    /// What the database says.
    pub fn cut(&mut self, tx: &mut Tx<'_>, grants: &[GrantId], amount: Amount) -> Result<(), Error> {
        let there = self.there(tx, grants)?;
        if let Some(last) = there.last() {
            let why = self.opened.why(*last, None, None);
            self.opened.turn.cut(&there, amount, &why);
        }
        Ok(())
    }

    /// Ends grants with their subscription: what is left of them is revoked, and what is returned of them later.
    ///
    /// # Errors
    /// What the database says.
    pub fn end_for_good(&mut self, tx: &mut Tx<'_>, grants: &[GrantId]) -> Result<(), Error> {
        let there = self.there(tx, grants)?;
        if let Some(last) = there.last() {
            let why = self.opened.why(*last, None, None);
            self.opened.turn.end_for_good(&there, &why);
        }
        Ok(())
    }

    /// Lets what is returned of grants come back again, though they ended with their subscription.
    pub fn end_no_more(&mut self, grants: &[GrantId]) {
        self.opened.turn.end_no_more(grants);
    }

    /// Changes what is refunded, disputed or suspended of a payment, and brings its grants to that. What was kept of
    /// the payment before wins over `payment`, but for grants that it gave since. Answers all its grants: what they
    /// carried over and what was given again for them too.
    ///
    /// # Errors
    /// `total_too_large`; what the database says.
    pub fn reverse(
        &mut self,
        tx: &mut Tx<'_>,
        payment: Payment,
        change: impl FnOnce(&mut Payment),
    ) -> Result<Vec<GrantId>, Error> {
        let mut payment = match self.kept(tx, &payment.id)? {
            Some(kept) => joined(kept, &payment),
            None => payment,
        };
        let before = payment.clone();
        change(&mut payment);
        for grant in payment.grants.clone() {
            let carried = self.carried(grant);
            if !payment.grants.contains(&carried) {
                payment.grants.push(carried);
            }
        }
        load_grants(tx, &mut self.opened.turn, [&payment])?;
        payment.grants.retain(|grant| self.opened.turn.find(*grant).is_some());
        let why = self.opened.why(&payment.id, None, None);
        self.opened.turn.reverse_since(&before, &mut payment, &why)?;
        put_later(tx, self.customer, self.unit, std::slice::from_ref(&payment));
        Ok(payment.grants)
    }

    /// The payment `id` as it was kept.
    ///
    /// # Errors
    /// What the database says.
    pub fn kept(&self, tx: &mut Tx<'_>, id: &str) -> Result<Option<Payment>, DbError> {
        let sql = "SELECT body FROM payments WHERE id = $1 AND customer = $2 AND unit = $3 AND bucket = $4";
        let params = vec![text(id), text(self.customer.as_str()), text(self.unit.as_str()), bucket(self.customer)];
        let row = tx.first(sql, params)?;
        row.map(|row| serde_json::from_str(row.text(0)?).map_err(|e| bug(&format!("a payment: {e}")))).transpose()
    }

    /// The grant into which goes what is left of `grant` when it rolls over, whether it is there or not.
    #[must_use]
    pub fn carried(&self, grant: GrantId) -> GrantId {
        self.wallet().derive_grant(SourceKind::Rollover, &grant.to_string())
    }

    /// Those of `grants` that there are: nothing may have been left of one to give, or to carry over.
    fn there(&mut self, tx: &mut Tx<'_>, grants: &[GrantId]) -> Result<Vec<GrantId>, DbError> {
        self.know(tx, grants)?;
        Ok(grants.iter().copied().filter(|id| self.opened.turn.find(*id).is_some()).collect())
    }

    /// Loads those of `grants` that are closed.
    fn know(&mut self, tx: &mut Tx<'_>, grants: &[GrantId]) -> Result<(), DbError> {
        let unknown: Vec<GrantId> = grants.iter().copied().filter(|id| self.opened.turn.find(*id).is_none()).collect();
        self.opened.turn.load(Loaded { closed: closed_grants(tx, &unknown)?, ..Loaded::default() });
        Ok(())
    }
}

/// What was kept of a payment, with the grants that it gave since.
fn joined(mut kept: Payment, now: &Payment) -> Payment {
    let more = now.grants.iter().filter(|grant| !kept.grants.contains(grant)).copied().collect::<Vec<_>>();
    kept.grants.extend(more);
    kept.granted = kept.granted.max(now.granted);
    kept
}
