//! The top-up plans table.

use super::{currency, name, opt_text, small, stored, terms, text};
use crate::platform::db::{DbError, Row, Tx, Value};
use purser_rules::{
    Time,
    ids::TopUpPlanId,
    pricebook::{Name, OneTimePrice, TopUpTerms},
};

/// A version of a credit pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpPlan {
    /// Its id.
    pub id: TopUpPlanId,
    /// Which pack it is a version of.
    pub family: Name,
    /// The packs it is shown among.
    pub group: Name,
    /// Which version of its family: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it.
    pub internal_id: Name,
    /// What customers read.
    pub public_name: String,
    /// What it promises.
    pub terms: TopUpTerms,
    /// What it costs, if it is sold for money.
    pub price: Option<OneTimePrice>,
    /// Whether it is in use; one that is not is neither sold nor shown.
    pub active: bool,
    /// Whether it is not sold any more, and honoured all the same.
    pub legacy: bool,
    /// When it was first bought; from then on its terms and its price stay.
    pub used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was archived, if it was.
    pub archived_at: Option<Time>,
}

const COLUMNS: &str = "id, family, plan_group, version, internal_id, public_name, terms, stripe_price_id, currency, \
    unit_amount, active, legacy, used_at, created_at, archived_at";

/// Puts a new pack down.
pub(in super::super) fn insert(tx: &mut Tx<'_>, plan: &TopUpPlan) -> Result<(), DbError> {
    let sql = "INSERT INTO top_up_plans (id, family, plan_group, version, internal_id, public_name, terms, \
        stripe_price_id, currency, unit_amount, active, legacy, used_at, created_at, archived_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let [id, currency, amount] = price_values(plan.price.as_ref());
    let params = vec![
        Value::Id(plan.id.0),
        text(plan.family.as_str()),
        text(plan.group.as_str()),
        Value::I64(plan.version.into()),
        text(plan.internal_id.as_str()),
        text(&plan.public_name),
        stored(&plan.terms)?,
        id,
        currency,
        amount,
        Value::Bool(plan.active),
        Value::Bool(plan.legacy),
        plan.used_at.map_or(Value::Null, Value::Ts),
        Value::Ts(plan.created_at),
        plan.archived_at.map_or(Value::Null, Value::Ts),
    ];
    tx.execute(sql, params).map(|_| ())
}

/// Writes what may change of a pack. Whether it was used is [`mark_used`]'s alone.
pub(in super::super) fn update(tx: &mut Tx<'_>, plan: &TopUpPlan) -> Result<(), DbError> {
    let sql = "UPDATE top_up_plans SET internal_id = $1, public_name = $2, terms = $3, stripe_price_id = $4, \
        currency = $5, unit_amount = $6, active = $7, legacy = $8, archived_at = $9 WHERE id = $10";
    let [id, currency, amount] = price_values(plan.price.as_ref());
    let params = vec![
        text(plan.internal_id.as_str()),
        text(&plan.public_name),
        stored(&plan.terms)?,
        id,
        currency,
        amount,
        Value::Bool(plan.active),
        Value::Bool(plan.legacy),
        plan.archived_at.map_or(Value::Null, Value::Ts),
        Value::Id(plan.id.0),
    ];
    tx.execute(sql, params).map(|_| ())
}

/// Deletes a pack.
pub(in super::super) fn delete(tx: &mut Tx<'_>, id: TopUpPlanId) -> Result<(), DbError> {
    tx.execute("DELETE FROM top_up_plans WHERE id = $1", vec![Value::Id(id.0)]).map(|_| ())
}

/// Marks a pack as used at `now` unless it was before. A change of its terms that is under way ends first.
pub(in super::super) fn mark_used(tx: &mut Tx<'_>, id: TopUpPlanId, now: Time) -> Result<(), DbError> {
    let sql = "UPDATE top_up_plans SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    tx.execute(sql, vec![Value::Ts(now), Value::Id(id.0)]).map(|_| ())
}

/// Lets nobody mark the pack `id` as used until the transaction ends.
pub(in super::super) fn lock(tx: &mut Tx<'_>, id: TopUpPlanId) -> Result<(), DbError> {
    // An update that changes nothing: a row lock on PostgreSQL, nothing on SQLite, which has one writer.
    tx.execute("UPDATE top_up_plans SET version = version WHERE id = $1", vec![Value::Id(id.0)]).map(|_| ())
}

/// The pack of `id`.
pub(in super::super) fn by_id(tx: &mut Tx<'_>, id: TopUpPlanId) -> Result<Option<TopUpPlan>, DbError> {
    first(tx, "WHERE id = $1", vec![Value::Id(id.0)])
}

/// This version of this family.
pub(in super::super) fn by_version(tx: &mut Tx<'_>, family: &Name, version: u32) -> Result<Option<TopUpPlan>, DbError> {
    let params = vec![text(family.as_str()), Value::I64(version.into())];
    first(tx, "WHERE family = $1 AND version = $2", params)
}

/// The newest version of a family, archived ones included.
pub(in super::super) fn newest(tx: &mut Tx<'_>, family: &Name) -> Result<Option<TopUpPlan>, DbError> {
    first(tx, "WHERE family = $1 ORDER BY version DESC LIMIT 1", vec![text(family.as_str())])
}

/// The newest version of a family but for the one numbered `version`.
pub(in super::super) fn newest_but(tx: &mut Tx<'_>, family: &Name, version: u32) -> Result<Option<TopUpPlan>, DbError> {
    let params = vec![text(family.as_str()), Value::I64(version.into())];
    first(tx, "WHERE family = $1 AND version <> $2 ORDER BY version DESC LIMIT 1", params)
}

/// The pack that has the Stripe price `id`.
pub(in super::super) fn by_price(tx: &mut Tx<'_>, id: &str) -> Result<Option<TopUpPlan>, DbError> {
    first(tx, "WHERE stripe_price_id = $1", vec![text(id)])
}

/// The newest version that is sold under the app's own name for it, or else its family's.
pub(in super::super) fn on_sale(tx: &mut Tx<'_>, name: &Name) -> Result<Option<TopUpPlan>, DbError> {
    let rest = "WHERE (internal_id = $1 OR family = $2) AND active AND NOT legacy AND archived_at IS NULL \
        ORDER BY version DESC, id DESC LIMIT 1";
    first(tx, rest, vec![text(name.as_str()), text(name.as_str())])
}

/// Up to `most` packs on sale, newest first.
pub(in super::super) fn all_on_sale(tx: &mut Tx<'_>, most: i64) -> Result<Vec<TopUpPlan>, DbError> {
    let rest = "WHERE active AND NOT legacy AND archived_at IS NULL ORDER BY id DESC LIMIT $1";
    all(tx, rest, vec![Value::I64(most)])
}

/// Which packs to list.
#[derive(Clone, Debug, Default)]
pub struct TopUpFilter {
    /// Only this family.
    pub family: Option<Name>,
    /// Only those older than this one.
    pub after: Option<TopUpPlanId>,
}

/// Up to `most` packs that pass `filter`, newest first.
pub(in super::super) fn page(tx: &mut Tx<'_>, filter: &TopUpFilter, most: i64) -> Result<Vec<TopUpPlan>, DbError> {
    let wanted = [
        ("family =", filter.family.as_ref().map(|family| text(family.as_str()))),
        ("id <", filter.after.map(|id| Value::Id(id.0))),
    ];
    let (mut rest, mut params) = (String::new(), Vec::new());
    for (test, value) in wanted {
        let Some(value) = value else { continue };
        params.push(value);
        let joined = if params.len() == 1 { "WHERE" } else { " AND" };
        rest.push_str(&format!("{joined} {test} ${}", params.len()));
    }
    params.push(Value::I64(most));
    rest.push_str(&format!(" ORDER BY id DESC LIMIT ${}", params.len()));
    all(tx, &rest, params)
}

fn first(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Option<TopUpPlan>, DbError> {
    Ok(all(tx, rest, params)?.into_iter().next())
}

fn all(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Vec<TopUpPlan>, DbError> {
    tx.query(&format!("SELECT {COLUMNS} FROM top_up_plans {rest}"), params)?.iter().map(read).collect()
}

/// Id, currency and amount of a price as parameters.
fn price_values(price: Option<&OneTimePrice>) -> [Value; 3] {
    let Some(price) = price else { return [Value::Null, Value::Null, Value::Null] };
    let amount = price.unit_amount.map_or(Value::Null, Value::I64);
    [opt_text(price.stripe_price_id.as_deref()), text(price.currency.as_str()), amount]
}

fn read(row: &Row) -> Result<TopUpPlan, DbError> {
    let price = if row.is_null(8) {
        None
    } else {
        let stripe_price_id = row.opt_text(7)?.map(str::to_owned);
        Some(OneTimePrice { stripe_price_id, currency: currency(row, 8)?, unit_amount: row.opt_i64(9)? })
    };
    Ok(TopUpPlan {
        id: TopUpPlanId(row.id(0)?),
        family: name(row, 1)?,
        group: name(row, 2)?,
        version: small(row, 3)?,
        internal_id: name(row, 4)?,
        public_name: row.text(5)?.to_owned(),
        terms: terms(row, 6)?,
        price,
        active: row.bool(10)?,
        legacy: row.bool(11)?,
        used_at: row.opt_ts(12)?,
        created_at: row.ts(13)?,
        archived_at: row.opt_ts(14)?,
    })
}
