//! Prices that were in no plan when a subscription was written, and are in one now: the plan is recorded and all follows
//! from it, without an event that tells of the subscription again (rules 2.4). Stripe is not asked.

use super::{record, store::text};
use crate::platform::{
    App,
    auth::Actor,
    db::{DbError, Tx, Value},
    error::Error,
};
use purser_rules::Time;

/// How many are looked for at once.
const SLICE: i64 = 100;
/// Most slices of one run; the next goes on.
const MOST_SLICES: usize = 10;
/// An item whose period ended this long ago is of a subscription that ended, or of which Stripe told nothing for as long:
/// then an event or a sync must tell of it first. In seconds.
const LATE: i64 = 35 * 86_400;

/// By what an item without a plan is found.
#[derive(Debug)]
struct Way {
    /// What the book sells of which there is such an item. One seek for each: what nobody mapped costs nothing, however
    /// much that is. A join could be turned round by the database, and read all of it.
    sold: &'static str,
    /// Those items, for the same reason without a join, the earliest first: when the period ends, and the subscription,
    /// which has not ended.
    items: &'static str,
}

/// By its price; and by its product, unless the price sells a pack.
static WAYS: [Way; 2] = [
    Way {
        sold: "SELECT p.stripe_price_id FROM plan_prices p WHERE (SELECT i.subscription FROM subscription_items i \
            WHERE i.price = p.stripe_price_id AND i.plan_id IS NULL AND i.period_end > $1 \
            ORDER BY i.period_end LIMIT 1) IS NOT NULL",
        items: "SELECT i.period_end, i.subscription FROM subscription_items i WHERE i.price = $1 AND i.plan_id IS NULL \
            AND (i.period_end, i.subscription) > ($2, $3) AND (SELECT s.ended_at FROM subscriptions s \
            WHERE s.id = i.subscription AND s.bucket = i.bucket) IS NULL \
            ORDER BY i.period_end, i.subscription LIMIT $4",
    },
    Way {
        sold: "SELECT DISTINCT p.stripe_product_id FROM plans p WHERE (SELECT i.subscription FROM subscription_items i \
            WHERE i.product = p.stripe_product_id AND i.plan_id IS NULL AND i.period_end > $1 \
            ORDER BY i.period_end LIMIT 1) IS NOT NULL",
        items: "SELECT i.period_end, i.subscription FROM subscription_items i WHERE i.product = $1 AND i.plan_id IS NULL \
            AND (i.period_end, i.subscription) > ($2, $3) AND (SELECT s.ended_at FROM subscriptions s \
            WHERE s.id = i.subscription AND s.bucket = i.bucket) IS NULL \
            AND (SELECT t.id FROM top_up_plans t WHERE t.stripe_price_id = i.price) IS NULL \
            ORDER BY i.period_end, i.subscription LIMIT $4",
    },
];

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Subscriptions that were written with their plans.
    pub mapped: u64,
    /// Those that could not be; the log says why. They are tried again.
    pub failed: u64,
}

/// Records the plans of live subscriptions with an item of which none was known and is now, each in a transaction of its
/// own, as the job `job`, until it is `late`. One that cannot be written holds up no other.
///
/// # Errors
/// What the database says; what was done until then stays.
pub(super) async fn map_known(app: &App, job: &'static str, late: impl Fn() -> bool) -> Result<Known, Error> {
    let since = app.clock().now().plus_seconds(-LATE);
    let (mut done, mut slices) = (Known::default(), 0);
    for way in &WAYS {
        let names = app.db().read(move |tx| sold(tx, way, since)).await?;
        for name in names {
            let mut after = (since, String::new());
            while slices < MOST_SLICES {
                let (which, from) = (name.clone(), after.clone());
                let found = app.db().read(move |tx| items(tx, way, &which, &from)).await?;
                let Some(last) = found.last() else { break };
                slices += 1;
                after.clone_from(last);
                for (_, id) in found {
                    if late() {
                        return Ok(done);
                    }
                    record_plan(app, job, id, &mut done).await;
                }
            }
        }
    }
    Ok(done)
}

/// Records the plan of the subscription `id`, and counts it.
async fn record_plan(app: &App, job: &'static str, id: String, done: &mut Known) {
    let (random, grace_days, name) = (app.random().clone(), app.config().grace_days, id.clone());
    let again = app.db().write(move |tx| record::again(tx, &random, &Actor::job(job), &name, grace_days));
    match again.await {
        Ok(written) => done.mapped += u64::from(written),
        Err(error) => {
            tracing::warn!(id, error = error.message, "the plan of a subscription could not be recorded");
            done.failed += 1;
        }
    }
}

/// What the book sells of which there is an item without a plan, whose period ended after `since`, or runs.
fn sold(tx: &mut Tx<'_>, way: &Way, since: Time) -> Result<Vec<String>, DbError> {
    let rows = tx.query(way.sold, vec![Value::Ts(since)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// Some of the items of that name without a plan, after the place `after`.
fn items(tx: &mut Tx<'_>, way: &Way, name: &str, after: &(Time, String)) -> Result<Vec<(Time, String)>, DbError> {
    let rows = tx.query(way.items, place(name, after))?;
    rows.iter().map(|row| Ok((row.ts(0)?, row.text(1)?.to_owned()))).collect()
}

fn place(name: &str, (at, id): &(Time, String)) -> Vec<Value> {
    vec![text(name), Value::Ts(*at), text(id), Value::I64(SLICE)]
}

#[cfg(test)]
mod tests {
    use super::{Time, Value, WAYS, place};
    use crate::platform::db::scratch;

    #[tokio::test]
    async fn what_is_to_be_mapped_is_found_by_what_the_book_sells() {
        let (db, _folder) = scratch::migrated().await;
        let begin = Time::from_micros(0);
        for (way, by) in WAYS.iter().zip(["unmapped (price=?", "unmapped_product (product=?"]) {
            let index = format!("INDEX subscription_items_{by} AND ");
            let plan = scratch::plan(&db, way.sold, vec![Value::Ts(begin)]).await;
            assert!(plan.contains(&index) && plan.contains("period_end>?"), "{plan}");
            let plan = scratch::plan(&db, way.items, place("price_1", &(begin, String::new()))).await;
            assert!(plan.contains(&index) && plan.contains("(period_end,subscription)>(?,?)"), "{plan}");
            assert!(plan.contains("SEARCH s USING PRIMARY KEY"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "they come in their order: {plan}");
        }
    }
}
