//! The plans table, and the prices of each plan.

use super::{currency, name, opt_text, small, stored, strange, terms, text};
use crate::platform::db::{Column, DbError, Load, Row, Table, Tx, Type, Value};
use purser_rules::{
    Time,
    ids::{PlanId, PlanPriceId},
    pricebook::{Interval, Name, PlanKind, PlanTerms, Price, PriceKind},
};

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Which plan it is a version of.
    pub family: Name,
    /// The families of which a customer has one.
    pub group: Name,
    /// Which version of its family: 1–1,000,000.
    pub version: u32,
    /// The app's own name for it.
    pub internal_id: Name,
    /// What customers read.
    pub public_name: String,
    /// What is up and what is down; higher is up.
    pub rank: u32,
    /// Whether it is the customer's plan, or comes on top of one.
    pub kind: PlanKind,
    /// What it promises.
    pub terms: PlanTerms,
    /// What it costs, in the order in which it was told.
    pub prices: Vec<PlanPrice>,
    /// The product it is at Stripe: unknown prices of it sell this plan.
    pub stripe_product_id: Option<String>,
    /// Whether it is in use; one that is not is neither sold nor shown.
    pub active: bool,
    /// Whether it is not sold any more, and honoured all the same.
    pub legacy: bool,
    /// Whether a customer of its group without a plan has this one.
    pub is_default: bool,
    /// When a customer first had it; from then on its terms stay.
    pub used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was archived, if it was.
    pub archived_at: Option<Time>,
}

impl Plan {
    /// Beside what else its credits stand, as it is written in their keys: its group, of which a customer has one plan; an
    /// add-on gives beside all others. No group has a colon in its name, so none is taken for an add-on.
    #[must_use]
    pub fn key_group(&self) -> String {
        match self.kind {
            PlanKind::Base => self.group.as_str().to_owned(),
            PlanKind::AddOn => format!("add-on:{}", self.family.as_str()),
        }
    }
}

/// A price of a plan, with an id of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPrice {
    /// Its id.
    pub id: PlanPriceId,
    /// What it asks.
    pub price: Price,
}

const COLUMNS: &str = "p.id, p.family, p.plan_group, p.version, p.internal_id, p.public_name, p.rank, p.kind, \
    p.terms, p.stripe_product_id, p.active, p.legacy, p.is_default, p.used_at, p.created_at, p.archived_at";

/// The prices, as they are looked up by their plans.
static PRICES: Table = Table { name: "plan_prices", key: &[("id", Type::Id)], columns: &[] };
const BY_PLAN: &[Column] = &[("plan_id", Type::Id)];
const PRICE: &[Column] = &[
    ("plan_id", Type::Id),
    ("place", Type::I64),
    ("id", Type::Id),
    ("stripe_price_id", Type::Text),
    ("currency", Type::Text),
    ("unit_amount", Type::I64),
    ("period", Type::Text),
    ("period_count", Type::I64),
    ("kind", Type::Text),
];

/// Puts a new plan down, its prices too.
pub(in super::super) fn insert(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), DbError> {
    let sql = "INSERT INTO plans (id, family, plan_group, version, internal_id, public_name, rank, kind, terms, \
        stripe_product_id, active, legacy, is_default, used_at, created_at, archived_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let params = vec![
        Value::Id(plan.id.0),
        text(plan.family.as_str()),
        text(plan.group.as_str()),
        Value::I64(plan.version.into()),
        text(plan.internal_id.as_str()),
        text(&plan.public_name),
        Value::I64(plan.rank.into()),
        text(plan.kind.as_str()),
        stored(&plan.terms)?,
        opt_text(plan.stripe_product_id.as_deref()),
        Value::Bool(plan.active),
        Value::Bool(plan.legacy),
        Value::Bool(plan.is_default),
        plan.used_at.map_or(Value::Null, Value::Ts),
        Value::Ts(plan.created_at),
        plan.archived_at.map_or(Value::Null, Value::Ts),
    ];
    tx.execute(sql, params)?;
    add_prices(tx, plan)
}

/// Writes what may change of a plan, its prices too. Whether it was used is [`mark_used`]'s alone.
pub(in super::super) fn update(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), DbError> {
    let sql = "UPDATE plans SET internal_id = $1, public_name = $2, rank = $3, terms = $4, stripe_product_id = $5, \
        active = $6, legacy = $7, is_default = $8, archived_at = $9 WHERE id = $10";
    let params = vec![
        text(plan.internal_id.as_str()),
        text(&plan.public_name),
        Value::I64(plan.rank.into()),
        stored(&plan.terms)?,
        opt_text(plan.stripe_product_id.as_deref()),
        Value::Bool(plan.active),
        Value::Bool(plan.legacy),
        Value::Bool(plan.is_default),
        plan.archived_at.map_or(Value::Null, Value::Ts),
        Value::Id(plan.id.0),
    ];
    tx.execute(sql, params)?;
    remove_prices(tx, plan.id)?;
    add_prices(tx, plan)
}

/// Deletes a plan and its prices.
pub(in super::super) fn delete(tx: &mut Tx<'_>, id: PlanId) -> Result<(), DbError> {
    remove_prices(tx, id)?;
    tx.execute("DELETE FROM plans WHERE id = $1", vec![Value::Id(id.0)]).map(|_| ())
}

/// Marks a plan as used at `now` unless it was before. A change of its terms that is under way ends first.
pub(in super::super) fn mark_used(tx: &mut Tx<'_>, id: PlanId, now: Time) {
    let sql = "UPDATE plans SET used_at = $1 WHERE id = $2 AND used_at IS NULL";
    tx.later(sql, vec![Value::Ts(now), Value::Id(id.0)]);
}

/// Lets nobody mark the plan `id` as used until the transaction ends.
pub(in super::super) fn lock(tx: &mut Tx<'_>, id: PlanId) -> Result<(), DbError> {
    // An update that changes nothing: a row lock on PostgreSQL, nothing on SQLite, which has one writer.
    tx.execute("UPDATE plans SET version = version WHERE id = $1", vec![Value::Id(id.0)]).map(|_| ())
}

/// The plan of `id`.
pub(in super::super) fn by_id(tx: &mut Tx<'_>, id: PlanId) -> Result<Option<Plan>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.id = $1").into();
    let plan = Load::Query { sql, params: vec![Value::Id(id.0)] };
    let mut answers = tx.load(vec![plan, prices_of([id])])?;
    let prices = answers.pop().unwrap_or_default();
    Ok(with_prices(&answers.pop().unwrap_or_default(), &prices)?.pop())
}

/// This version of this family.
pub(in super::super) fn by_version(tx: &mut Tx<'_>, family: &Name, version: u32) -> Result<Option<Plan>, DbError> {
    let params = vec![text(family.as_str()), Value::I64(version.into())];
    first(tx, "WHERE p.family = $1 AND p.version = $2", params)
}

/// The newest version of a family, archived ones included.
pub(in super::super) fn newest(tx: &mut Tx<'_>, family: &Name) -> Result<Option<Plan>, DbError> {
    first(tx, "WHERE p.family = $1 ORDER BY p.version DESC LIMIT 1", vec![text(family.as_str())])
}

/// The newest version of a family but for the one numbered `version`.
pub(in super::super) fn newest_but(tx: &mut Tx<'_>, family: &Name, version: u32) -> Result<Option<Plan>, DbError> {
    let params = vec![text(family.as_str()), Value::I64(version.into())];
    first(tx, "WHERE p.family = $1 AND p.version <> $2 ORDER BY p.version DESC LIMIT 1", params)
}

/// The plan that has the Stripe price `id`.
pub(in super::super) fn by_price(tx: &mut Tx<'_>, id: &str) -> Result<Option<Plan>, DbError> {
    first(tx, "JOIN plan_prices q ON q.plan_id = p.id WHERE q.stripe_price_id = $1", vec![text(id)])
}

/// The plan that the Stripe product `id` sells: its newest version that is in use; if none is, its newest.
pub(in super::super) fn by_product(tx: &mut Tx<'_>, id: &str) -> Result<Option<Plan>, DbError> {
    let rest = "WHERE p.stripe_product_id = $1 ORDER BY p.active DESC, p.legacy, p.version DESC LIMIT 1";
    first(tx, rest, vec![text(id)])
}

/// The newest plan on sale that has this name of the app's, or is of this family.
pub(in super::super) fn on_sale(tx: &mut Tx<'_>, name: &Name) -> Result<Option<Plan>, DbError> {
    let rest = "WHERE (p.internal_id = $1 OR p.family = $2) AND p.active AND NOT p.legacy AND p.archived_at IS NULL \
        ORDER BY p.version DESC, p.id DESC LIMIT 1";
    first(tx, rest, vec![text(name.as_str()), text(name.as_str())])
}

/// Up to `most` base plans on sale, lowest first.
pub(in super::super) fn bases_on_sale(tx: &mut Tx<'_>, most: i64) -> Result<Vec<Plan>, DbError> {
    let rest = "WHERE p.kind = 'base' AND p.active AND NOT p.legacy AND p.archived_at IS NULL \
        ORDER BY p.rank, p.id LIMIT $1";
    all(tx, rest, vec![Value::I64(most)])
}

/// The default plan of a group.
pub(in super::super) fn default_of(tx: &mut Tx<'_>, group: &Name) -> Result<Option<Plan>, DbError> {
    let rest = "WHERE p.plan_group = $1 AND p.is_default ORDER BY p.version DESC LIMIT 1";
    first(tx, rest, vec![text(group.as_str())])
}

/// The default plans of all groups: group, name, rank, terms, and when each was made.
pub(in super::super) const DEFAULTS: &str = "SELECT plan_group, internal_id, rank, terms, created_at FROM plans \
    WHERE is_default AND kind = 'base' ORDER BY plan_group, version";

/// Which plans to list.
#[derive(Clone, Debug, Default)]
pub struct PlanFilter {
    /// Only this family.
    pub family: Option<Name>,
    /// Only those older than this one.
    pub after: Option<PlanId>,
}

/// Up to `most` plans that pass `filter`, newest first.
pub(in super::super) fn page(tx: &mut Tx<'_>, filter: &PlanFilter, most: i64) -> Result<Vec<Plan>, DbError> {
    let wanted = [
        ("p.family =", filter.family.as_ref().map(|family| text(family.as_str()))),
        ("p.id <", filter.after.map(|id| Value::Id(id.0))),
    ];
    let (mut rest, mut params) = (String::new(), Vec::new());
    for (test, value) in wanted {
        let Some(value) = value else { continue };
        params.push(value);
        let joined = if params.len() == 1 { "WHERE" } else { " AND" };
        rest.push_str(&format!("{joined} {test} ${}", params.len()));
    }
    params.push(Value::I64(most));
    rest.push_str(&format!(" ORDER BY p.id DESC LIMIT ${}", params.len()));
    all(tx, &rest, params)
}

fn first(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Option<Plan>, DbError> {
    Ok(all(tx, rest, params)?.into_iter().next())
}

/// The plans of a query, each with its prices in their order.
fn all(tx: &mut Tx<'_>, rest: &str, params: Vec<Value>) -> Result<Vec<Plan>, DbError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM plans p {rest}"), params)?;
    let ids = rows.iter().map(|row| row.id(0).map(PlanId)).collect::<Result<Vec<_>, _>>()?;
    let prices = tx.load(vec![prices_of(ids)])?.pop().unwrap_or_default();
    with_prices(&rows, &prices)
}

/// A read of the prices of the plans `ids`.
fn prices_of(ids: impl IntoIterator<Item = PlanId>) -> Load {
    let keys = ids.into_iter().map(|id| vec![Value::Id(id.0)]).collect();
    Load::Many { table: &PRICES, by: BY_PLAN, columns: PRICE, keys, lock: false }
}

/// The plans of rows, each with its prices in their order, from the rows of [`prices_of`].
fn with_prices(rows: &[Row], prices: &[Row]) -> Result<Vec<Plan>, DbError> {
    let mut plans = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let told = |row: &Row| Ok::<_, DbError>((PlanId(row.id(0)?), row.i64(1)?, price(row)?));
    let mut prices = prices.iter().map(told).collect::<Result<Vec<_>, _>>()?;
    prices.sort_by_key(|(_, place, _)| *place);
    for (of, _, price) in prices {
        if let Some(plan) = plans.iter_mut().find(|plan| plan.id == of) {
            plan.prices.push(price);
        }
    }
    Ok(plans)
}

/// The plan of a row, without its prices.
fn read(row: &Row) -> Result<Plan, DbError> {
    Ok(Plan {
        id: PlanId(row.id(0)?),
        family: name(row, 1)?,
        group: name(row, 2)?,
        version: small(row, 3)?,
        internal_id: name(row, 4)?,
        public_name: row.text(5)?.to_owned(),
        rank: small(row, 6)?,
        kind: PlanKind::parse(row.text(7)?).ok_or_else(|| strange("kind"))?,
        terms: terms(row, 8)?,
        prices: Vec::new(),
        stripe_product_id: row.opt_text(9)?.map(str::to_owned),
        active: row.bool(10)?,
        legacy: row.bool(11)?,
        is_default: row.bool(12)?,
        used_at: row.opt_ts(13)?,
        created_at: row.ts(14)?,
        archived_at: row.opt_ts(15)?,
    })
}

/// A price from a row of [`PRICE`].
fn price(row: &Row) -> Result<PlanPrice, DbError> {
    let price = Price {
        stripe_price_id: row.opt_text(3)?.map(str::to_owned),
        currency: currency(row, 4)?,
        unit_amount: row.opt_i64(5)?,
        interval: Interval::parse(row.text(6)?).ok_or_else(|| strange("interval"))?,
        interval_count: small(row, 7)?,
        kind: PriceKind::parse(row.text(8)?).ok_or_else(|| strange("kind of price"))?,
    };
    Ok(PlanPrice { id: PlanPriceId(row.id(2)?), price })
}

fn remove_prices(tx: &mut Tx<'_>, plan: PlanId) -> Result<(), DbError> {
    tx.execute("DELETE FROM plan_prices WHERE plan_id = $1", vec![Value::Id(plan.0)]).map(|_| ())
}

fn add_prices(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), DbError> {
    let sql = "INSERT INTO plan_prices (id, plan_id, place, stripe_price_id, currency, unit_amount, period, \
        period_count, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    for (place, PlanPrice { id, price }) in (0_i64..).zip(&plan.prices) {
        let params = vec![
            Value::Id(id.0),
            Value::Id(plan.id.0),
            Value::I64(place),
            opt_text(price.stripe_price_id.as_deref()),
            text(price.currency.as_str()),
            price.unit_amount.map_or(Value::Null, Value::I64),
            text(price.interval.as_str()),
            Value::I64(price.interval_count.into()),
            text(price.kind.as_str()),
        ];
        tx.execute(sql, params)?;
    }
    Ok(())
}
