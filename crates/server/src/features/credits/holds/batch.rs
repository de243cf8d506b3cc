//! Holds, captures and releases that arrive together: loaded together, decided one by one, written together.

use super::{
    CaptureRequest, HoldRequest, ReleaseRequest, capture, capture_call, captured, held, hold, hold_call, release,
    release_call, released, unknown,
};
use crate::{
    features::{
        credits::{
            idempotency::{self, Stored},
            store::{self, HoldRow, Owner, wallet_key},
            write::{Answered, Call, Found, answered_before, decided},
        },
        customers::{self, Facts},
        pricebook::{self, Defaults},
    },
    platform::{
        db::{Batch, Db, DbError, Lane, Load, Row, Tx},
        error::Error,
        ids::Random,
    },
};
use purser_rules::{
    credit::{Loaded, Turn, Wallet},
    ids::{CustomerId, HoldId},
};
use std::collections::{BTreeSet, HashMap};

/// One call about a hold.
#[derive(Clone, Debug)]
pub enum HoldCall {
    /// Makes it.
    Hold(HoldRequest),
    /// Captures it.
    Capture(CaptureRequest),
    /// Releases it.
    Release(ReleaseRequest),
}

impl HoldCall {
    /// The hold it is about, unless that is still to be made.
    const fn about(&self) -> Option<HoldId> {
        match self {
            Self::Hold(_) => None,
            Self::Capture(asked) => Some(asked.hold),
            Self::Release(asked) => Some(asked.hold),
        }
    }
}

/// Where calls about holds are handed in.
pub struct Holds {
    lane: Lane<HoldCalls>,
    batch: HoldCalls,
    db: Db,
}

impl Holds {
    /// A lane of `db`; `random` makes the salts of customers created on first use, if unknown ones are created.
    #[must_use]
    pub fn open(db: &Db, random: &Random, create_unknown: bool) -> Self {
        let batch = HoldCalls { random: random.clone(), create_unknown };
        Self { lane: db.lane(batch.clone()), batch, db: db.clone() }
    }

    /// Does one call; answers once it is durable.
    ///
    /// # Errors
    /// Those of [`hold`], [`capture`] and [`release`]; then nothing is kept.
    pub async fn submit(&self, call: HoldCall) -> Result<Answered, Error> {
        if let Some(answer) = self.lane.submit(call.clone()).await? {
            return answer;
        }
        let batch = self.batch.clone();
        self.db.write(move |tx| batch.alone(tx, &call)).await
    }
}

/// The batch of calls about holds.
#[derive(Clone)]
struct HoldCalls {
    random: Random,
    create_unknown: bool,
}

impl Batch for HoldCalls {
    const NAME: &'static str = "holds";
    type Item = HoldCall;
    /// `None`: the wallet is still to be made. That is for a unit of its own, which a refusal undoes.
    type Answer = Option<Result<Answered, Error>>;

    fn run(&self, tx: &mut Tx<'_>, items: &[HoldCall]) -> Result<Vec<Self::Answer>, DbError> {
        let (mut desk, calls) = Desk::load(self, tx, items)?;
        Ok(items.iter().zip(&calls).map(|(item, call)| desk.decide(tx, self, item, call.as_ref())).collect())
    }

    fn lane(item: &HoldCall) -> u8 {
        match item {
            HoldCall::Hold(asked) => asked.customer.bucket().0,
            HoldCall::Capture(asked) => asked.hold.bucket().0,
            HoldCall::Release(asked) => asked.hold.bucket().0,
        }
    }
}

/// What one batch works on: locked wallets (`None` once a call has taken one), customers, keys and holds.
struct Desk {
    wallets: HashMap<Owner, Option<(Wallet, Loaded)>>,
    customers: HashMap<CustomerId, Facts>,
    keys: HashMap<(String, String), Stored>,
    holds: HashMap<HoldId, HoldRow>,
    defaults: Defaults,
}

impl Desk {
    /// Finds whose holds these are, locks the wallets, then loads the rest: as in a single write. Answers the write that
    /// each item asks for too; none where it is about a hold that is not there.
    fn load(batch: &HoldCalls, tx: &mut Tx<'_>, items: &[HoldCall]) -> Result<(Self, Vec<Option<Call>>), DbError> {
        let about: BTreeSet<HoldId> = items.iter().filter_map(HoldCall::about).collect();
        let mut holds = HashMap::new();
        if !about.is_empty() {
            holds = by_id(tx.load(vec![store::holds(about.iter().copied())])?.pop().unwrap_or_default())?;
        }
        let calls: Vec<Option<Call>> = items.iter().map(|item| batch.call(item, &holds)).collect();
        let known = || calls.iter().flatten();
        let owners: BTreeSet<_> = known().map(|call| (&call.customer, &call.unit)).collect();
        let key = |call: &Call| call.key.as_ref().map(|key| idempotency::key(&call.customer, key));
        let loads: Vec<Load> = vec![
            store::wallets(owners.iter().map(|(customer, unit)| wallet_key(customer, unit)).collect(), true),
            customers::load_facts(known().map(|call| &call.customer).collect::<BTreeSet<_>>()),
            idempotency::load(known().filter_map(key).collect()),
            store::holds(about),
            pricebook::load_defaults(),
        ];
        let mut answers = tx.load(loads)?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let wallets = next().iter().map(store::wallet).collect::<Result<Vec<_>, _>>()?;
        let customers = next().iter().map(customers::facts).collect::<Result<_, _>>()?;
        let keys = next().iter().map(idempotency::stored).collect::<Result<_, _>>()?;
        // What they were before the lock may have changed since.
        let holds = by_id(next())?;
        let defaults = pricebook::defaults(&next())?;
        let wanted: Vec<_> = wallets.iter().map(|wallet| (wallet, Turn::needs_all(wallet))).collect();
        let loaded = store::load_all(tx, &wanted)?;
        let owned = |wallet: Wallet| ((wallet.customer.clone(), wallet.unit.clone()), wallet);
        let wallets = wallets.into_iter().map(owned).zip(loaded);
        let wallets = wallets.map(|((owner, wallet), loaded)| (owner, Some((wallet, loaded)))).collect();
        Ok((Self { wallets, customers, keys, holds, defaults }, calls))
    }

    /// Replays, refuses or does one call. What the database fails at fails the batch.
    fn decide(
        &mut self,
        tx: &mut Tx<'_>,
        batch: &HoldCalls,
        item: &HoldCall,
        call: Option<&Call>,
    ) -> Option<Result<Answered, Error>> {
        let Some(call) = call else { return item.about().map(|id| Err(unknown(id))) };
        let wallet = self.wallets.get_mut(&(call.customer.clone(), call.unit.clone()))?;
        let facts = self.customers.get(&call.customer)?.clone();
        let Some((wallet, loaded)) = wallet.take() else { return Some(batch.alone(tx, item)) };
        let key = call.key.as_ref().map(|key| (call.customer.as_str().to_owned(), key.clone()));
        let stored = key.and_then(|key| self.keys.get(&key)).cloned();
        let row = item.about().and_then(|id| self.holds.get(&id)).cloned();
        let defaults = Defaults::clone(&self.defaults);
        Some(done(tx, item, row, call, Found { wallet, facts, stored, defaults }, loaded))
    }
}

/// Replays, refuses or does a call whose wallet nothing in the batch has written.
fn done(
    tx: &mut Tx<'_>,
    item: &HoldCall,
    row: Option<HoldRow>,
    call: &Call,
    found: Found,
    loaded: Loaded,
) -> Result<Answered, Error> {
    if let Some(before) = answered_before(call, &found)? {
        return Ok(before);
    }
    match (item, row) {
        (HoldCall::Hold(asked), _) => decided(tx, call, found, loaded, |_, opened| held(opened, asked)),
        (HoldCall::Capture(asked), Some(row)) => {
            decided(tx, call, found, loaded, |tx, opened| captured(tx, opened, asked, row))
        }
        (HoldCall::Release(_), Some(row)) => decided(tx, call, found, loaded, |_, opened| released(opened, row)),
        (HoldCall::Capture(CaptureRequest { hold, .. }) | HoldCall::Release(ReleaseRequest { hold, .. }), None) => {
            Err(unknown(*hold))
        }
    }
}

impl HoldCalls {
    /// The write that `item` asks for; `None` when it is about a hold that is not there.
    fn call(&self, item: &HoldCall, holds: &HashMap<HoldId, HoldRow>) -> Option<Call> {
        match item {
            HoldCall::Hold(asked) => Some(hold_call(asked, self.create_unknown, &self.random)),
            HoldCall::Capture(asked) => Some(capture_call(asked, holds.get(&asked.hold)?, &self.random)),
            HoldCall::Release(asked) => Some(release_call(asked, holds.get(&asked.hold)?, &self.random)),
        }
    }

    /// Does `item` after what the batch has written so far, loading what it needs again.
    fn alone(&self, tx: &mut Tx<'_>, item: &HoldCall) -> Result<Answered, Error> {
        match item {
            HoldCall::Hold(asked) => hold(tx, asked, self.create_unknown, &self.random),
            HoldCall::Capture(asked) => capture(tx, asked, &self.random),
            HoldCall::Release(asked) => release(tx, asked, &self.random),
        }
    }
}

fn by_id(rows: Vec<Row>) -> Result<HashMap<HoldId, HoldRow>, DbError> {
    let found = rows.iter().map(store::hold).map(|row| row.map(|row| (row.hold.id, row)));
    found.collect()
}
