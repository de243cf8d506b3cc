//! The customers table.

use crate::platform::{
    db::{DbError, Load, Row, Table, Tx, Type, Value},
    ids::Random,
};
use purser_rules::{Time, ids::CustomerId};

/// A customer as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The id the app chose.
    pub id: CustomerId,
    /// A name to show.
    pub name: Option<String>,
    /// Where bills and notices go.
    pub email: Option<String>,
    /// The same customer at Stripe.
    pub stripe_customer_id: Option<String>,
    /// The IANA time zone its days are counted in.
    pub time_zone: String,
    /// How its zone changed, as it is stored; none when it never did.
    pub zones: Option<Vec<u8>>,
    /// The app's own data: a JSON object, byte for byte.
    pub metadata: Vec<u8>,
    /// Whether spends in mode `overflow` may go beyond its grants.
    pub overage_allowed: bool,
    /// What its personal data is digested with; erased with it.
    pub salt: Vec<u8>,
    /// When it was archived, if it was.
    pub archived_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl Customer {
    /// A customer of whom only the id is known.
    pub(super) fn blank(id: &CustomerId, random: &Random, now: Time) -> Self {
        Self {
            id: id.clone(),
            name: None,
            email: None,
            stripe_customer_id: None,
            time_zone: "UTC".to_owned(),
            zones: None,
            metadata: b"{}".to_vec(),
            overage_allowed: false,
            salt: random.bytes().to_vec(),
            archived_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Customers: one row each.
pub(super) static CUSTOMERS: Table = Table { name: "customers", key: KEY, columns: COLUMNS };

/// What finds a customer.
pub(super) const KEY: &[(&str, Type)] = &[("id", Type::Text), ("bucket", Type::I64)];

const COLUMNS: &[(&str, Type)] = &[
    ("name", Type::Text),
    ("email", Type::Text),
    ("stripe_customer_id", Type::Text),
    ("time_zone", Type::Text),
    ("metadata", Type::Bytes),
    ("overage_allowed", Type::Bool),
    ("salt", Type::Bytes),
    ("archived_at", Type::Ts),
    ("created_at", Type::Ts),
    ("updated_at", Type::Ts),
    ("zones", Type::Bytes),
];

/// What a load answers, in the order [`read`] takes it.
const ROW: &[(&str, Type)] = &[
    ("name", Type::Text),
    ("email", Type::Text),
    ("stripe_customer_id", Type::Text),
    ("time_zone", Type::Text),
    ("metadata", Type::Bytes),
    ("overage_allowed", Type::Bool),
    ("salt", Type::Bytes),
    ("archived_at", Type::Ts),
    ("created_at", Type::Ts),
    ("updated_at", Type::Ts),
    ("id", Type::Text),
    ("zones", Type::Bytes),
];

const NAMES: &str = "name, email, stripe_customer_id, time_zone, metadata, overage_allowed, salt, archived_at, \
    created_at, updated_at, id, zones";

/// The wallets, as far as an archiving locks them.
static WALLETS: Table = Table {
    name: "wallets",
    key: &[("customer", Type::Text), ("unit", Type::Text), ("bucket", Type::I64)],
    columns: &[],
};

/// The values that find a customer.
pub(super) fn key(id: &CustomerId) -> Vec<Value> {
    vec![Value::Text(id.as_str().to_owned()), bucket(id)]
}

/// The bucket of `id` as a parameter.
fn bucket(id: &CustomerId) -> Value {
    Value::I64(i64::from(id.bucket().0))
}

/// The customer of `id`, its row locked until the transaction ends when `lock` is set.
pub(super) fn load(tx: &mut Tx<'_>, id: &CustomerId, lock: bool) -> Result<Option<Customer>, DbError> {
    let loads = vec![Load::Many { table: &CUSTOMERS, by: KEY, columns: ROW, keys: vec![key(id)], lock }];
    tx.load(loads)?.iter().flatten().next().map(read).transpose()
}

/// Locks all wallets of `id`, in the order of their units.
pub(super) fn lock_wallets(tx: &mut Tx<'_>, id: &CustomerId) -> Result<(), DbError> {
    let loads = vec![Load::Many {
        table: &WALLETS,
        by: &[("customer", Type::Text), ("bucket", Type::I64)],
        columns: &[("unit", Type::Text)],
        keys: vec![key(id)],
        lock: true,
    }];
    tx.load(loads).map(|_| ())
}

/// Whether a subscription of `id` is paid for, or may be: in Stripe's words, since one counts too that is paused, or whose
/// first payment is under way.
/// Another feature's table, as the wallets are: an archiving has to know.
pub(super) fn has_live_subscription(tx: &mut Tx<'_>, id: &CustomerId) -> Result<bool, DbError> {
    let sql = "SELECT id FROM subscriptions WHERE customer = $1 AND bucket = $2 \
        AND status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused') LIMIT 1";
    Ok(tx.first(sql, key(id))?.is_some())
}

/// For how long Stripe lets a checkout be paid at most, in seconds.
const CHECKOUT_LASTS: i64 = 24 * 3_600;
/// How long after its end, in seconds, it may be heard yet that a checkout was paid in time.
const CHECKOUT_HEARD: i64 = 3_600;

/// Those of [`has_open_checkout`]: by the index of the checkouts that are being opened or open, of which a customer has
/// one for each purpose.
const OPEN_CHECKOUT: &str = "SELECT id FROM checkout_sessions WHERE customer = $1 AND bucket = $2 \
    AND purpose IN ('subscription', 'top_up') AND state <= 2 \
    AND (expires_at > $3 OR (expires_at IS NULL AND created_at > $4)) LIMIT 1";

/// Whether something may be paid yet by a checkout of `id`. One whose end nobody told of is over some time after it all
/// the same. Another feature's table too.
pub(super) fn has_open_checkout(tx: &mut Tx<'_>, id: &CustomerId) -> Result<bool, DbError> {
    let ended = tx.now().plus_seconds(-CHECKOUT_HEARD);
    let mut params = key(id);
    params.extend([Value::Ts(ended), Value::Ts(ended.plus_seconds(-CHECKOUT_LASTS))]);
    Ok(tx.first(OPEN_CHECKOUT, params)?.is_some())
}

/// For how long money is waited for, in seconds. Our choice, and a generous one: a bank debit takes days, and how long a
/// voucher may be paid is the seller's to set. Source: <https://docs.stripe.com/payments/boleto/accept-a-payment>
const MONEY_COMES: i64 = 90 * 86_400;

/// Those of [`has_pending_purchase`].
const PENDING_PURCHASE: &str = "SELECT id FROM purchases WHERE customer = $1 AND bucket = $2 AND state = 1 \
    AND created_at > $3 LIMIT 1";

/// Whether the money for a pack of `id` may come yet. Another feature's table too.
pub(super) fn has_pending_purchase(tx: &mut Tx<'_>, id: &CustomerId) -> Result<bool, DbError> {
    let mut params = key(id);
    params.push(Value::Ts(tx.now().plus_seconds(-MONEY_COMES)));
    Ok(tx.first(PENDING_PURCHASE, params)?.is_some())
}

/// Puts a new customer down; answers false when another made it meanwhile.
pub(super) fn insert(tx: &mut Tx<'_>, new: &Customer) -> Result<bool, DbError> {
    let sql = "INSERT INTO customers (name, email, stripe_customer_id, time_zone, metadata, overage_allowed, salt, \
        archived_at, created_at, updated_at, zones, id, bucket) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id, bucket) DO NOTHING";
    let mut params = values(new);
    params.extend(key(&new.id));
    tx.execute(sql, params).map(|rows| rows == 1)
}

/// Writes what changed.
pub(super) fn update(tx: &mut Tx<'_>, customer: &Customer) -> Result<(), DbError> {
    let sql = "UPDATE customers SET name = $1, email = $2, stripe_customer_id = $3, time_zone = $4, metadata = $5, \
        overage_allowed = $6, salt = $7, archived_at = $8, created_at = $9, updated_at = $10, \
        zones = $11 WHERE id = $12 AND bucket = $13";
    let mut params = values(customer);
    params.extend(key(&customer.id));
    tx.execute(sql, params).map(|_| ())
}

/// Up to `most` customers after `after`, by id.
pub(super) fn page(tx: &mut Tx<'_>, after: Option<&CustomerId>, most: i64) -> Result<Vec<Customer>, DbError> {
    let after = Value::Text(after.map_or_else(String::new, |id| id.as_str().to_owned()));
    let sql = format!("SELECT {NAMES} FROM customers WHERE id > $1 ORDER BY id LIMIT $2");
    tx.query(&sql, vec![after, Value::I64(most)])?.iter().map(read).collect()
}

/// Those of [`by_stripe`], by the index of Stripe's ids: of the few that have one, who is archived is left out.
const BY_STRIPE: &str =
    "SELECT id FROM customers WHERE stripe_customer_id = $1 AND archived_at IS NULL ORDER BY id LIMIT 2";

/// Up to two customers that say to be the Stripe customer `id`. Who is archived says nothing any more: its successor
/// may be the same one at Stripe.
pub(super) fn by_stripe(tx: &mut Tx<'_>, id: &str) -> Result<Vec<CustomerId>, DbError> {
    let rows = tx.query(BY_STRIPE, vec![Value::Text(id.to_owned())])?;
    rows.iter().map(|row| CustomerId::new(row.text(0)?).map_err(|_| strange())).collect()
}

/// A customer that said to be the Stripe customer `id` before it was archived.
pub(super) fn archived_by_stripe(tx: &mut Tx<'_>, id: &str) -> Result<Option<CustomerId>, DbError> {
    let sql = "SELECT id FROM customers WHERE stripe_customer_id = $1 AND archived_at IS NOT NULL ORDER BY id LIMIT 1";
    let row = tx.first(sql, vec![Value::Text(id.to_owned())])?;
    row.map(|row| CustomerId::new(row.text(0)?).map_err(|_| strange())).transpose()
}

/// The customer that is bound to the Stripe customer `id`.
pub(super) fn bound(tx: &mut Tx<'_>, id: &str) -> Result<Option<CustomerId>, DbError> {
    let sql = "SELECT customer FROM stripe_customers WHERE stripe_customer_id = $1";
    let row = tx.first(sql, vec![Value::Text(id.to_owned())])?;
    row.map(|row| CustomerId::new(row.text(0)?).map_err(|_| strange())).transpose()
}

/// Binds the Stripe customer `stripe_id` to the customer `id`, unless it is bound.
pub(super) fn bind(tx: &mut Tx<'_>, stripe_id: &str, id: &CustomerId) -> Result<(), DbError> {
    let sql = "INSERT INTO stripe_customers (stripe_customer_id, customer, created_at) VALUES ($1, $2, $3) \
        ON CONFLICT (stripe_customer_id) DO NOTHING";
    let now = tx.now();
    let params = vec![Value::Text(stripe_id.to_owned()), Value::Text(id.as_str().to_owned()), Value::Ts(now)];
    tx.execute(sql, params).map(drop)
}

/// The values of a customer's columns after its key.
pub(super) fn values(customer: &Customer) -> Vec<Value> {
    let text = |value: &Option<String>| value.clone().map_or(Value::Null, Value::Text);
    vec![
        text(&customer.name),
        text(&customer.email),
        text(&customer.stripe_customer_id),
        Value::Text(customer.time_zone.clone()),
        Value::Bytes(customer.metadata.clone()),
        Value::Bool(customer.overage_allowed),
        Value::Bytes(customer.salt.clone()),
        customer.archived_at.map_or(Value::Null, Value::Ts),
        Value::Ts(customer.created_at),
        Value::Ts(customer.updated_at),
        customer.zones.clone().map_or(Value::Null, Value::Bytes),
    ]
}

fn read(row: &Row) -> Result<Customer, DbError> {
    let text = |at: usize| row.opt_text(at).map(|value| value.map(str::to_owned));
    let id = CustomerId::new(row.text(10)?).map_err(|_| strange())?;
    Ok(Customer {
        id,
        name: text(0)?,
        email: text(1)?,
        stripe_customer_id: text(2)?,
        time_zone: row.text(3)?.to_owned(),
        metadata: row.bytes(4)?.to_vec(),
        overage_allowed: row.bool(5)?,
        salt: row.bytes(6)?.to_vec(),
        archived_at: row.opt_ts(7)?,
        created_at: row.ts(8)?,
        updated_at: row.ts(9)?,
        zones: row.opt_bytes(11)?.map(<[u8]>::to_vec),
    })
}

fn strange() -> DbError {
    DbError::Bug("a customer's id breaks its rule".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{BY_STRIPE, OPEN_CHECKOUT, PENDING_PURCHASE, Time, Value};
    use crate::platform::db::scratch;

    #[tokio::test]
    async fn who_says_to_be_a_customer_of_stripes_is_found_by_its_id_there() {
        let (db, _folder) = scratch::migrated().await;
        let plan = scratch::plan(&db, BY_STRIPE, vec![Value::Text("cus_1".to_owned())]).await;
        assert!(plan.contains("INDEX customers_by_stripe (stripe_customer_id=?)"), "{plan}");
    }

    #[tokio::test]
    async fn an_open_checkout_is_found_among_those_that_are_open() {
        let (db, _folder) = scratch::migrated().await;
        let at = Value::Ts(Time::from_micros(0));
        let params = vec![Value::Text("acme".to_owned()), Value::I64(7), at.clone(), at];
        let plan = scratch::plan(&db, OPEN_CHECKOUT, params).await;
        assert!(plan.contains("INDEX checkout_sessions_open (customer=? AND purpose=? AND bucket=?)"), "{plan}");
    }

    #[tokio::test]
    async fn money_on_its_way_is_found_without_what_came() {
        let (db, _folder) = scratch::migrated().await;
        let params = vec![Value::Text("acme".to_owned()), Value::I64(7), Value::Ts(Time::from_micros(0))];
        let plan = scratch::plan(&db, PENDING_PURCHASE, params).await;
        assert!(plan.contains("INDEX purchases_pending (customer=? AND bucket=? AND created_at>?)"), "{plan}");
    }
}
