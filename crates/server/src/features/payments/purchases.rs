//! The purchases table: one row for each credit pack that was bought, or is being paid for.

use super::{bucket, claims, opt_text, text};
use crate::{
    features::{customers, operators::audit, subscriptions::Money},
    platform::{
        auth::Actor,
        db::{DbError, Row, Tx, Value},
        error::Error,
        ids::Random,
    },
};
use purser_rules::{
    Amount, Time,
    ids::{CustomerId, GrantId, PurchaseId, TopUpPlanId, Unit},
};
use serde_json::{Value as Json, json};

/// Where a purchase stands; as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// The money is on its way: nothing is granted yet.
    Pending = 1,
    /// It is paid and granted; a part may be refunded.
    Paid = 2,
    /// The money did not come.
    Failed = 3,
    /// All of it was given back.
    Refunded = 4,
    /// A dispute is open, or was lost.
    Disputed = 5,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Paid, Self::Failed, Self::Refunded, Self::Disputed];

    /// As it stands in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }

    /// Where a purchase of `paid` minor units stands by what became of its money.
    fn of(money: &Money, paid: i64) -> Self {
        if money.is_against() {
            Self::Disputed
        } else if money.refunded > 0 && money.refunded >= paid {
            Self::Refunded
        } else {
            Self::Paid
        }
    }

    /// The state stored as `number`.
    fn stored(number: i64) -> Result<Self, DbError> {
        let found = Self::ALL.into_iter().find(|state| *state as i64 == number);
        found.ok_or_else(|| DbError::Bug(format!("a purchase has the unknown state {number}")))
    }
}

/// One sale of a credit pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Its id.
    pub id: PurchaseId,
    /// Who bought it.
    pub customer: CustomerId,
    /// Stripe's session in which it was bought.
    pub session_id: Option<String>,
    /// Stripe's payment; none when it cost nothing.
    pub payment_intent: Option<String>,
    /// The version of the pack; none when no price book has it.
    pub top_up: Option<TopUpPlanId>,
    /// How many packs.
    pub quantity: i64,
    /// What its credits are counted in.
    pub unit: Unit,
    /// How many credits it gives in all.
    pub credits: Amount,
    /// How long they live, in days; for ever when `None`.
    pub expires_in_days: Option<u16>,
    /// Their place in the spend order.
    pub priority: u16,
    /// What is paid, in minor units of the currency.
    pub amount: i64,
    /// What of it was given back.
    pub refunded: i64,
    /// In which currency: three small letters.
    pub currency: String,
    /// Where it stands.
    pub state: State,
    /// The grant it gave, once it is paid.
    pub grant: Option<GrantId>,
    /// When it was first seen.
    pub created_at: Time,
    /// When it was seen to be paid.
    pub paid_at: Option<Time>,
}

const COLUMNS: &str = "id, customer, session_id, payment_intent, top_up_plan_id, quantity, unit, credits, \
    expires_in_days, priority, amount, refunded, currency, state, grant_id, created_at, paid_at";

impl Purchase {
    /// The same after what `money` says.
    pub(super) fn after(&self, money: &Money) -> Self {
        Self { refunded: money.refunded, state: State::of(money, self.amount), ..self.clone() }
    }
}

/// Puts a new purchase down, in the audit trail too.
///
/// # Errors
/// [`DbError::Conflict`] when its session or payment has one: look again.
pub(super) fn insert(tx: &mut Tx<'_>, random: &Random, actor: &Actor, new: &Purchase) -> Result<(), DbError> {
    let sql = "INSERT INTO purchases (id, bucket, customer, session_id, payment_intent, top_up_plan_id, quantity, \
        unit, credits, expires_in_days, priority, amount, refunded, currency, state, grant_id, created_at, paid_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    let params = vec![
        Value::Id(new.id.0),
        bucket(&new.customer),
        text(new.customer.as_str()),
        opt_text(new.session_id.as_deref()),
        opt_text(new.payment_intent.as_deref()),
        new.top_up.map_or(Value::Null, |id| Value::Id(id.0)),
        Value::I64(new.quantity),
        text(new.unit.as_str()),
        Value::I64(new.credits.micros()),
        new.expires_in_days.map_or(Value::Null, |days| Value::I64(days.into())),
        Value::I64(new.priority.into()),
        Value::I64(new.amount),
        Value::I64(new.refunded),
        text(&new.currency),
        Value::I64(new.state as i64),
        new.grant.map_or(Value::Null, |id| Value::Id(id.0)),
        Value::Ts(new.created_at),
        new.paid_at.map_or(Value::Null, Value::Ts),
    ];
    tx.execute(sql, params)?;
    audit(tx, random, actor, "purchase.created", &new.id.to_string(), (None, Some(told(new))));
    Ok(())
}

/// Writes what may change of a purchase, and puts it into the audit trail, unless nothing did.
///
/// # Errors
/// What the database says.
pub(super) fn update(
    tx: &mut Tx<'_>,
    random: &Random,
    actor: &Actor,
    before: &Purchase,
    after: &Purchase,
) -> Result<(), DbError> {
    if before == after {
        return Ok(());
    }
    let sql = "UPDATE purchases SET payment_intent = $1, amount = $2, refunded = $3, state = $4, grant_id = $5, \
        paid_at = $6 WHERE id = $7 AND bucket = $8";
    let params = vec![
        opt_text(after.payment_intent.as_deref()),
        Value::I64(after.amount),
        Value::I64(after.refunded),
        Value::I64(after.state as i64),
        after.grant.map_or(Value::Null, |id| Value::Id(id.0)),
        after.paid_at.map_or(Value::Null, Value::Ts),
        Value::Id(after.id.0),
        bucket(&after.customer),
    ];
    tx.execute(sql, params)?;
    let action = if before.state == after.state { "updated" } else { after.state.as_str() };
    let both = (Some(told(before)), Some(told(after)));
    audit(tx, random, actor, &format!("purchase.{action}"), &after.id.to_string(), both);
    Ok(())
}

/// The purchase of a session; its row is locked until the transaction ends when `lock` is set.
///
/// # Errors
/// What the database says.
pub(super) fn of_session(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    session_id: &str,
    lock: bool,
) -> Result<Option<Purchase>, DbError> {
    let keys = || vec![text(session_id), bucket(customer), text(customer.as_str())];
    if lock {
        // An update that changes nothing: a row lock on PostgreSQL, nothing on SQLite, which has one writer.
        let sql = "UPDATE purchases SET state = state WHERE session_id = $1 AND bucket = $2 AND customer = $3";
        tx.execute(sql, keys())?;
    }
    first(tx, "WHERE session_id = $1 AND bucket = $2 AND customer = $3", keys())
}

/// The purchase of a payment, whoever's it is; its row is locked until the transaction ends when `lock` is set.
///
/// # Errors
/// What the database says.
pub(super) fn of_payment(tx: &mut Tx<'_>, payment_intent: &str, lock: bool) -> Result<Option<Purchase>, DbError> {
    let Some(customer) = claims::of(tx, payment_intent)? else { return Ok(None) };
    let keys = || vec![text(payment_intent), bucket(&customer), text(customer.as_str())];
    if lock {
        let sql = "UPDATE purchases SET state = state WHERE payment_intent = $1 AND bucket = $2 AND customer = $3";
        tx.execute(sql, keys())?;
    }
    first(tx, "WHERE payment_intent = $1 AND bucket = $2 AND customer = $3", keys())
}

/// Up to `most` purchases of a customer before `after`, newest first.
///
/// # Errors
/// `unknown_customer`; what the database says.
pub fn list(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    after: Option<PurchaseId>,
    most: i64,
) -> Result<Vec<Purchase>, Error> {
    customers::find(tx, customer)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM purchases WHERE customer = $1 AND bucket = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    );
    let before = Value::Id(after.map_or(u128::MAX, |id| id.0));
    let rows = tx.query(&sql, vec![text(customer.as_str()), bucket(customer), before, Value::I64(most)])?;
    rows.iter().map(|row| read(row).map_err(Error::from)).collect()
}

fn first(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Option<Purchase>, DbError> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM purchases {rest}"), params)?;
    row.as_ref().map(read).transpose()
}

/// What a row holds that no version of ours wrote.
fn strange(what: &str) -> DbError {
    DbError::Bug(format!("a purchase holds a {what} that breaks its rule"))
}

fn read(row: &Row) -> Result<Purchase, DbError> {
    let small = |number: i64| u16::try_from(number).map_err(|_| strange("number"));
    Ok(Purchase {
        id: PurchaseId(row.id(0)?),
        customer: claims::customer(row.text(1)?)?,
        session_id: row.opt_text(2)?.map(str::to_owned),
        payment_intent: row.opt_text(3)?.map(str::to_owned),
        top_up: row.opt_id(4)?.map(TopUpPlanId),
        quantity: row.i64(5)?,
        unit: Unit::new(row.text(6)?).map_err(|_| strange("unit"))?,
        credits: Amount::from_micros(row.i64(7)?).ok_or_else(|| strange("number"))?,
        expires_in_days: row.opt_i64(8)?.map(small).transpose()?,
        priority: small(row.i64(9)?)?,
        amount: row.i64(10)?,
        refunded: row.i64(11)?,
        currency: row.text(12)?.to_owned(),
        state: State::stored(row.i64(13)?)?,
        grant: row.opt_id(14)?.map(GrantId),
        created_at: row.ts(15)?,
        paid_at: row.opt_ts(16)?,
    })
}

/// A purchase as the audit trail tells it.
fn told(purchase: &Purchase) -> Json {
    json!({
        "customer_id": purchase.customer.as_str(),
        "session_id": purchase.session_id,
        "payment_intent": purchase.payment_intent,
        "amount": purchase.amount,
        "refunded": purchase.refunded,
        "currency": purchase.currency,
        "state": purchase.state.as_str(),
        "grant_id": purchase.grant.map(|id| id.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Money, State};

    #[test]
    fn what_was_given_back_whole_is_refunded() {
        let money = Money { refunded: 120, ..Money::default() };
        for (paid, state) in [(121, State::Paid), (120, State::Refunded), (119, State::Refunded)] {
            assert_eq!(State::of(&money, paid), state, "{paid}");
        }
        assert_eq!(State::of(&Money::default(), 0), State::Paid, "what cost nothing is not refunded");
    }
}
