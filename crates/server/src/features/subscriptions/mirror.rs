//! Which objects are mirrored, whose they are, and how often each was written: what a record is fenced by.
//!
//! Who writes a mirror says which revision it saw before it asked Stripe. If that is not the last one any more,
//! somebody asked later and has written already, so what was fetched is old and counts no more.

use super::{Unrecorded, period, store::text};
use crate::{
    features::customers,
    platform::{
        db::{DbError, Load, Row, Table, Tx, Type, Value},
        error::{Code, Error},
    },
};
use purser_rules::ids::{Bucket, CustomerId};
use std::collections::BTreeMap;

/// The name under which our own id of the customer stands in the metadata of a subscription.
pub const CUSTOMER_KEY: &str = "purser_customer_id";

/// Every object that is mirrored.
static MIRRORS: Table = Table {
    name: "stripe_mirrors",
    key: &[("id", Type::Text)],
    columns: &[
        ("kind", Type::Text),
        ("stripe_customer_id", Type::Text),
        ("customer", Type::Text),
        ("bucket", Type::I64),
        ("revision", Type::I64),
        ("fetched_at", Type::Ts),
    ],
};

/// What objects are mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Subscription,
    Invoice,
    /// A customer of Stripe's, and what it pays with.
    Payer,
    /// What a customer of Stripe's is entitled to.
    Entitlements,
}

impl Kind {
    /// As it is stored.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Invoice => "invoice",
            Self::Payer => "payer",
            Self::Entitlements => "entitlements",
        }
    }

    /// The kind stored as `word`.
    fn stored(word: &str) -> Result<Self, DbError> {
        let all = [Self::Subscription, Self::Invoice, Self::Payer, Self::Entitlements];
        let found = all.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| DbError::Bug(format!("a mirror of the unknown kind {word}")))
    }
}

/// An object that is mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    pub id: String,
    pub kind: Kind,
    pub stripe_customer_id: String,
    /// Whose it is, once that is known. It stays.
    pub customer: Option<CustomerId>,
    /// Whether that became known in this transaction.
    pub newly_bound: bool,
    /// Where its rows are.
    pub bucket: Bucket,
    /// How often it was written.
    pub revision: i64,
}

impl Mirror {
    /// The bucket as a parameter.
    pub fn bucket(&self) -> Value {
        Value::I64(i64::from(self.bucket.0))
    }

    /// The customer as a parameter.
    pub fn customer(&self) -> Value {
        self.customer.as_ref().map_or(Value::Null, |id| text(id.as_str()))
    }
}

/// The object that is about to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing<'a> {
    pub kind: Kind,
    pub id: &'a str,
    pub stripe_customer_id: &'a str,
    /// Its metadata, which may name our customer.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The customer of what it belongs to, if that is known.
    pub customer: Option<&'a CustomerId>,
    /// Whose the checkout is that made it, if it was looked at for that.
    pub payer: Option<&'a CustomerId>,
    /// What stood there before Stripe was asked: 0 for nothing.
    pub seen: i64,
}

/// How often the object `id` was written; 0 for never.
pub(super) fn revision(tx: &mut Tx<'_>, id: &str) -> Result<i64, DbError> {
    let row = tx.first("SELECT revision FROM stripe_mirrors WHERE id = $1", vec![text(id)])?;
    row.map_or(Ok(0), |row| row.i64(0))
}

/// Where the rows of the object `id` are, if it is mirrored.
pub(super) fn bucket_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<Bucket>, DbError> {
    let row = tx.first("SELECT bucket FROM stripe_mirrors WHERE id = $1", vec![text(id)])?;
    row.map(|row| bucket_stored(row.i64(0)?)).transpose()
}

/// Locks the object and counts one more writing of it, bound to its customer if that is known now.
///
/// # Errors
/// [`Unrecorded::Stale`] when it was written since `writing.seen`; what the database says.
pub(super) fn open(tx: &mut Tx<'_>, writing: &Writing<'_>) -> Result<Mirror, Unrecorded> {
    let there = lock(tx, writing.id)?;
    if there.as_ref().map_or(0, |mirror| mirror.revision) != writing.seen {
        return Err(Unrecorded::Stale);
    }
    let new = there.is_none();
    let mut mirror = there.unwrap_or_else(|| Mirror {
        id: writing.id.to_owned(),
        kind: writing.kind,
        stripe_customer_id: writing.stripe_customer_id.to_owned(),
        customer: None,
        newly_bound: false,
        bucket: bucket_without_customer(writing.stripe_customer_id),
        revision: 0,
    });
    if mirror.customer.is_none()
        && let Some(customer) = owner(tx, writing)?
    {
        bind(tx, &mut mirror, &customer);
        period::bound(tx, &mirror, new)?;
    }
    mirror.revision += 1;
    if !new {
        update(tx, &mirror);
    } else if !insert(tx, &mirror)? {
        return Err(Unrecorded::Stale);
    }
    Ok(mirror)
}

/// Puts a new row down; answers false when another made it meanwhile.
fn insert(tx: &mut Tx<'_>, mirror: &Mirror) -> Result<bool, DbError> {
    let sql = "INSERT INTO stripe_mirrors (id, kind, stripe_customer_id, customer, bucket, revision, fetched_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
    let now = tx.now();
    let params = vec![
        text(&mirror.id),
        text(mirror.kind.as_str()),
        text(&mirror.stripe_customer_id),
        mirror.customer(),
        mirror.bucket(),
        Value::I64(mirror.revision),
        Value::Ts(now),
    ];
    tx.execute(sql, params).map(|rows| rows == 1)
}

/// Writes the row of an object that is known.
fn update(tx: &mut Tx<'_>, mirror: &Mirror) {
    let sql = "UPDATE stripe_mirrors SET customer = $1, bucket = $2, revision = $3, fetched_at = $4 WHERE id = $5";
    let (revision, now) = (Value::I64(mirror.revision), tx.now());
    tx.later(sql, vec![mirror.customer(), mirror.bucket(), revision, Value::Ts(now), text(&mirror.id)]);
}

/// Counts one more writing of an object whose row is locked, for which Stripe was not asked: whoever asked before that
/// asks again.
pub(super) fn count(tx: &mut Tx<'_>, mirror: &mut Mirror) {
    mirror.revision += 1;
    let sql = "UPDATE stripe_mirrors SET revision = $1 WHERE id = $2";
    tx.later(sql, vec![Value::I64(mirror.revision), text(&mirror.id)]);
}

/// The object `id`, its row locked until the transaction ends.
pub(super) fn lock(tx: &mut Tx<'_>, id: &str) -> Result<Option<Mirror>, DbError> {
    let (by, columns, keys) = (MIRRORS.key, MIRRORS.columns, vec![vec![text(id)]]);
    let rows = tx.load(vec![Load::Many { table: &MIRRORS, by, columns, keys, lock: true }])?;
    rows.iter().flatten().next().map(|row| read(id, row)).transpose()
}

fn read(id: &str, row: &Row) -> Result<Mirror, DbError> {
    let strange = |_| DbError::Bug("a mirror's customer breaks its rule".to_owned());
    Ok(Mirror {
        id: id.to_owned(),
        kind: Kind::stored(row.text(0)?)?,
        stripe_customer_id: row.text(1)?.to_owned(),
        customer: row.opt_text(2)?.map(CustomerId::new).transpose().map_err(strange)?,
        newly_bound: false,
        bucket: bucket_stored(row.i64(3)?)?,
        revision: row.i64(4)?,
    })
}

/// The bucket stored as `number`.
fn bucket_stored(number: i64) -> Result<Bucket, DbError> {
    u8::try_from(number).map(Bucket).map_err(|_| DbError::Bug("a mirror's bucket".to_owned()))
}

/// Where the rows of a customer are that Purser does not know yet.
pub(super) fn bucket_without_customer(stripe_customer_id: &str) -> Bucket {
    CustomerId::new(stripe_customer_id).map_or(Bucket(0), |id| id.bucket())
}

/// Whose the object is: whose it belongs to is, else who is or says to be its Stripe customer, else who its metadata
/// names, else whose checkout made it. Who says so and is archived is passed over, or it would have for ever what its
/// successor pays for.
fn owner(tx: &mut Tx<'_>, writing: &Writing<'_>) -> Result<Option<CustomerId>, Error> {
    if let Some(customer) = writing.customer {
        return Ok(Some(customer.clone()));
    }
    if let Some(customer) = customers::find_by_stripe(tx, writing.stripe_customer_id)? {
        return Ok(Some(customer));
    }
    let named = writing.metadata.and_then(|all| all.get(CUSTOMER_KEY)).and_then(|name| CustomerId::new(name).ok());
    if let Some(named) = named {
        match customers::find(tx, &named) {
            Ok(customer) => return Ok(Some(customer.id)),
            Err(error) if error.code == Code::UnknownCustomer => {}
            Err(error) => return Err(error),
        }
    }
    let Some(payer) = writing.payer else { return Ok(None) };
    let payer = customers::find(tx, payer)?;
    Ok(payer.archived_at.is_none().then_some(payer.id))
}

/// Binds the object, whose row is locked, to `customer`, and moves its rows there. A subscription takes its invoices
/// along.
pub(super) fn bind(tx: &mut Tx<'_>, mirror: &mut Mirror, customer: &CustomerId) {
    let old = mirror.bucket();
    mirror.customer = Some(customer.clone());
    mirror.newly_bound = true;
    mirror.bucket = customer.bucket();
    let statements: &[&'static str] = match mirror.kind {
        Kind::Subscription => &[
            "UPDATE subscriptions SET customer = $1, bucket = $2 WHERE id = $3 AND bucket = $4",
            "UPDATE subscription_items SET customer = $1, bucket = $2 WHERE subscription = $3 AND bucket = $4",
            "UPDATE subscription_changes SET customer = $1, bucket = $2 WHERE subscription = $3 AND bucket = $4",
            "UPDATE stripe_mirrors SET customer = $1, bucket = $2 \
                WHERE id IN (SELECT id FROM invoices WHERE subscription = $3 AND bucket = $4) AND customer IS NULL",
            "UPDATE invoices SET customer = $1, bucket = $2 WHERE subscription = $3 AND bucket = $4 AND customer IS NULL",
        ],
        Kind::Invoice => &["UPDATE invoices SET customer = $1, bucket = $2 WHERE id = $3 AND bucket = $4"],
        Kind::Payer => &[
            "UPDATE payers SET customer = $1, bucket = $2 WHERE id = $3 AND bucket = $4",
            "UPDATE payment_methods SET customer = $1, bucket = $2 WHERE stripe_customer_id = $3 AND bucket = $4",
        ],
        Kind::Entitlements => {
            &["UPDATE active_entitlements SET customer = $1, bucket = $2 WHERE stripe_customer_id = $3 AND bucket = $4"]
        }
    };
    let id = match mirror.kind {
        Kind::Subscription | Kind::Invoice => &mirror.id,
        Kind::Payer | Kind::Entitlements => &mirror.stripe_customer_id,
    };
    for &sql in statements {
        tx.later(sql, vec![mirror.customer(), mirror.bucket(), text(id), old.clone()]);
    }
}

/// Writes to whom `mirror` was bound; nothing else of it is new.
pub(super) fn put_bound(tx: &mut Tx<'_>, mirror: &Mirror) {
    let sql = "UPDATE stripe_mirrors SET customer = $1, bucket = $2 WHERE id = $3";
    tx.later(sql, vec![mirror.customer(), mirror.bucket(), text(&mirror.id)]);
}

/// Those of [`to_bind`]. By the index of what has no customer, in its order: what has one is not looked at.
const TO_BIND: &str = "SELECT m.id FROM stripe_mirrors m WHERE m.customer IS NULL AND m.id > $1 AND (EXISTS \
    (SELECT 1 AS one FROM stripe_customers s WHERE s.stripe_customer_id = m.stripe_customer_id) OR EXISTS \
    (SELECT 1 AS one FROM customers c WHERE c.stripe_customer_id = m.stripe_customer_id AND c.archived_at IS NULL)) \
    ORDER BY m.id LIMIT $2";

/// Up to `most` objects without a customer whose Stripe customer one of ours is bound to or says to be, after the object
/// `after`.
pub(super) fn to_bind(tx: &mut Tx<'_>, after: &str, most: i64) -> Result<Vec<String>, DbError> {
    let rows = tx.query(TO_BIND, vec![text(after), Value::I64(most)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Bucket, TO_BIND, Value, bucket_without_customer, text};
    use crate::platform::db::scratch;

    #[tokio::test]
    async fn what_is_to_be_bound_is_found_by_what_has_no_customer_alone() {
        let (db, _folder) = scratch::migrated().await;
        let plan = scratch::plan(&db, TO_BIND, vec![text(""), Value::I64(100)]).await;
        assert!(plan.contains("INDEX stripe_mirrors_unbound (id>?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "it comes in its order: {plan}");
    }

    #[test]
    fn a_customer_nobody_knows_has_a_bucket_all_the_same() {
        assert_eq!(bucket_without_customer("cus_1"), bucket_without_customer("cus_1"));
        assert_eq!(bucket_without_customer(""), Bucket(0));
        assert_eq!(bucket_without_customer("no id of Stripe's"), Bucket(0));
        let spread: std::collections::BTreeSet<_> =
            (0..100).map(|n| bucket_without_customer(&format!("cus_{n}")).0).collect();
        assert!(spread.len() > 50, "{}", spread.len());
    }
}
