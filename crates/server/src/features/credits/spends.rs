//! The hot path: spends that arrive together are loaded, decided and written as one unit.

use super::{
    consumption::{self, CONSUMPTIONS, Consumed, returnable},
    idempotency::{self, KEYS, Operation, Stored, mismatch, same_operation},
    low::{self, WANTS},
    opening,
    same_json::canonical,
    store::{self, Extra, Rows, wallet_key},
};
use crate::{
    features::{
        customers::{self, Facts},
        pricebook::{self, Defaults},
    },
    platform::{
        auth::Actor,
        db::{Batch, DbError, Load, Tx},
        error::{Code, Error},
        ids::Random,
    },
};
use purser_rules::{
    Amount, Time,
    credit::{Digest, Mode, Plans, Spend, Turn, Wallet, Why},
    ids::{ConsumptionId, CustomerId, Unit},
    subscription::Cause,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// How many grants a balance in an answer lists; `GET /customers/{id}/grants` pages through all.
pub const LISTED_GRANTS: usize = 20;

/// The thresholds of a wallet's usage, in thousandths of the credits effective in the period (rules 4.4).
pub const THRESHOLDS: &[u16] = &[500, 800, 950, 1000];

/// One spend as it was asked for.
#[derive(Clone, Debug)]
pub struct SpendRequest {
    /// The id it will have if it is accepted.
    pub id: ConsumptionId,
    /// Who spends.
    pub customer: CustomerId,
    /// In which unit.
    pub unit: Unit,
    /// How much; more than nothing.
    pub amount: Amount,
    /// What to do when there is not enough.
    pub mode: Mode,
    /// The idempotency key.
    pub key: String,
    /// The user it is for.
    pub user_id: Option<String>,
    /// The metadata as received.
    pub metadata: Option<Vec<u8>>,
    /// When the usage happened.
    pub occurred_at: Option<Time>,
    /// Who asks.
    pub actor: Actor,
}

/// An accepted spend, or the first answer of its key again.
#[derive(Clone, Debug)]
pub struct SpendAnswer {
    /// What was spent.
    pub consumed: Arc<Consumed>,
    /// Whether it is an earlier answer.
    pub replayed: bool,
}

/// The batch of spends.
#[derive(Clone, Debug)]
pub struct Spends {
    /// Salts of customers created on first use.
    pub random: Random,
    /// Whether unknown customers are created on first use.
    pub create_unknown: bool,
}

impl Batch for Spends {
    const NAME: &'static str = "spends";
    type Item = SpendRequest;
    type Answer = Result<SpendAnswer, Error>;

    fn run(&self, tx: &mut Tx<'_>, items: &[SpendRequest]) -> Result<Vec<Self::Answer>, DbError> {
        let mut desk = Desk::load(self, tx, items)?;
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            answers.push(desk.decide(tx, item)?);
        }
        desk.write(tx);
        Ok(answers)
    }

    fn lane(item: &SpendRequest) -> u8 {
        item.customer.bucket().0
    }
}

/// What one batch works on: locked wallets, customers and keys.
struct Desk {
    now: Time,
    wallets: HashMap<CustomerId, Vec<Slot>>,
    customers: HashMap<CustomerId, Facts>,
    keys: HashMap<(String, String), Used>,
    defaults: Defaults,
    consumptions: Vec<Arc<Consumed>>,
    new_keys: Vec<(usize, String)>,
    /// Who fell below the mark of its auto top-up.
    low: BTreeMap<CustomerId, Cause>,
}

/// A wallet of the batch.
struct Slot {
    unit: Unit,
    due_before: Option<Time>,
    state: State,
}

/// How far a wallet is: as it was loaded, or opened by its first spend.
enum State {
    Loaded(Box<Wallet>),
    Open(Box<Turn>),
    /// Only while it moves from one to the other.
    Moving,
}

/// A key that was used: before this batch, or in it.
enum Used {
    Before(Stored),
    Now(usize),
}

impl Desk {
    /// Locks and loads everything the items need, creating customers and wallets seen for the first time.
    fn load(spends: &Spends, tx: &mut Tx<'_>, items: &[SpendRequest]) -> Result<Self, DbError> {
        let wallets: BTreeSet<_> = items.iter().map(|item| (&item.customer, &item.unit)).collect();
        let customers: BTreeSet<_> = items.iter().map(|item| &item.customer).collect();
        let keys: BTreeSet<_> = items.iter().map(|item| (&item.key, &item.customer)).collect();
        let loads = || -> Vec<Load> {
            vec![
                store::wallets(wallets.iter().map(|(customer, unit)| wallet_key(customer, unit)).collect(), true),
                customers::load_facts(customers.iter().copied()),
                idempotency::load(keys.iter().map(|(key, customer)| idempotency::key(customer, key)).collect()),
                pricebook::load_defaults(),
            ]
        };
        let mut desk = Self::read(tx, loads())?;
        if desk.wallets.values().map(Vec::len).sum::<usize>() < wallets.len() || desk.customers.len() < customers.len()
        {
            // In the order in which they came, which does not depend on what was gathered into one batch.
            let mut missing: Vec<CustomerId> = Vec::new();
            for item in items {
                if !desk.customers.contains_key(&item.customer) && !missing.contains(&item.customer) {
                    missing.push(item.customer.clone());
                }
            }
            let mut new = Vec::new();
            if spends.create_unknown {
                new = customers::insert_missing(tx, &missing, desk.now, &spends.random);
            }
            let known = |customer: &CustomerId| spends.create_unknown || desk.customers.contains_key(customer);
            let missing: Vec<_> = wallets
                .iter()
                .filter(|(customer, unit)| known(customer) && desk.slot(customer, unit).is_none())
                .map(|(customer, unit)| ((*customer).clone(), (*unit).clone()))
                .collect();
            store::insert_missing_wallets(tx, &missing);
            desk = Self::read(tx, loads())?;
            for new in &new {
                let first = items.iter().find(|item| item.customer == *new.id());
                if let (Some(item), Some(facts)) = (first, desk.customers.get(new.id())) {
                    customers::record_first_use(tx, &item.actor, new, facts);
                }
            }
        }
        Ok(desk)
    }

    fn read(tx: &mut Tx<'_>, loads: Vec<Load>) -> Result<Self, DbError> {
        let mut desk = Self {
            now: Time::default(),
            wallets: HashMap::new(),
            customers: HashMap::new(),
            keys: HashMap::new(),
            defaults: Defaults::default(),
            consumptions: Vec::new(),
            new_keys: Vec::new(),
            low: BTreeMap::new(),
        };
        let mut answers = tx.load(loads)?.into_iter();
        desk.now = tx.now();
        for row in answers.next().unwrap_or_default() {
            let wallet = store::wallet(&row)?;
            let (customer, unit) = (wallet.customer.clone(), wallet.unit.clone());
            let slot = Slot { unit, due_before: wallet.due_at(), state: State::Loaded(Box::new(wallet)) };
            desk.wallets.entry(customer).or_default().push(slot);
        }
        for row in answers.next().unwrap_or_default() {
            let (id, facts) = customers::facts(&row)?;
            desk.customers.insert(id, facts);
        }
        for row in answers.next().unwrap_or_default() {
            let (key, stored) = idempotency::stored(&row)?;
            desk.keys.insert(key, Used::Before(stored));
        }
        desk.defaults = pricebook::defaults(&answers.next().unwrap_or_default())?;
        Ok(desk)
    }

    fn slot(&self, customer: &CustomerId, unit: &Unit) -> Option<&Slot> {
        self.wallets.get(customer)?.iter().find(|slot| slot.unit == *unit)
    }

    /// Replays, refuses or accepts one item.
    fn decide(&mut self, tx: &mut Tx<'_>, item: &SpendRequest) -> Result<Result<SpendAnswer, Error>, DbError> {
        let key = (item.customer.as_str().to_owned(), item.key.clone());
        if let Some(used) = self.keys.get(&key) {
            let consumed = match used {
                Used::Now(at) => Arc::clone(&self.consumptions[*at]),
                Used::Before(stored) => match same_operation(stored, Operation::Spend) {
                    Ok(()) => Arc::new(answered(tx, stored)?),
                    Err(error) => return Ok(Err(error)),
                },
            };
            return Ok(same_spend(&consumed, item).map(|()| SpendAnswer { consumed, replayed: true }));
        }
        let Some(facts) = self.customers.get(&item.customer) else {
            return Ok(Err(super::unknown_customer(&item.customer)));
        };
        if facts.archived {
            return Ok(Err(super::archived(&item.customer)));
        }
        // After the replay: what was in time then is answered again, however long ago it is now.
        if let Err(error) = occurred(item.occurred_at, self.now) {
            return Ok(Err(error));
        }
        let why = Why {
            cause: item.actor.cause(),
            subject: item.id.to_string(),
            user: item.user_id.as_deref().map(|user| Digest::salted(&facts.salt, user.as_bytes())),
            metadata: item.metadata.as_deref().map(Digest::of),
        };
        let spend = Spend {
            amount: item.amount,
            mode: item.mode,
            overage_sold: facts.overage_allowed,
            thresholds: THRESHOLDS,
            why: &why,
        };
        let now = self.now;
        let slot =
            self.wallets.get_mut(&item.customer).and_then(|slots| slots.iter_mut().find(|s| s.unit == item.unit));
        let slot = slot.ok_or_else(|| DbError::Bug("a wallet was not loaded".into()))?;
        let turn = slot.open(tx, item.amount, &opening::plans(facts, &self.defaults, now), now)?;
        let spent = turn.spend(&spend);
        let cause = low::cause(spent.as_ref().err());
        if low::is_low(facts, &item.unit, turn, cause) {
            self.low.entry(item.customer.clone()).or_insert(cause);
        }
        let spent = match spent {
            Ok(spent) => spent,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let consumed = Arc::new(Consumed {
            id: item.id,
            customer: item.customer.clone(),
            unit: item.unit.clone(),
            at: turn.now(),
            occurred_at: item.occurred_at,
            requested: item.amount,
            consumed: spent.consumed,
            mode: item.mode,
            late: false,
            hold: None,
            back: returnable(&spent),
            balance: turn.balance(LISTED_GRANTS),
            user_id: item.user_id.clone(),
            metadata: item.metadata.clone(),
        });
        self.keys.insert(key, Used::Now(self.consumptions.len()));
        self.new_keys.push((self.consumptions.len(), item.key.clone()));
        self.consumptions.push(Arc::clone(&consumed));
        Ok(Ok(SpendAnswer { consumed, replayed: false }))
    }

    /// Keeps all rows for the last round trip.
    fn write(self, tx: &mut Tx<'_>) {
        let mut rows = Rows::default();
        let extra = Extra::default();
        for slot in self.wallets.into_values().flatten() {
            if let State::Open(turn) = slot.state {
                let changes = turn.close();
                if !changes.is_empty() {
                    store::write(tx, &mut rows, changes, slot.due_before, &extra);
                }
            }
        }
        rows.write(tx);
        let keys = self.new_keys.iter().map(|(at, key)| {
            let consumed = &self.consumptions[*at];
            let answer = consumed.id.0.to_be_bytes().to_vec();
            let stored = Stored { operation: Operation::Spend, request: Vec::new(), answer };
            idempotency::row(&consumed.customer, key, &stored, consumed.at)
        });
        tx.insert_later(&KEYS, keys.collect());
        tx.insert_later(&CONSUMPTIONS, self.consumptions.iter().map(|consumed| consumption::row(consumed)).collect());
        if !self.low.is_empty() {
            let rows = self.low.iter().map(|(customer, cause)| low::row(customer, *cause, self.now));
            tx.insert_missing_later(&WANTS, rows.collect());
        }
    }
}

impl Slot {
    /// The wallet's turn, with everything a spend of `amount` needs loaded; what its customer's `plans` give is put down.
    fn open(&mut self, tx: &mut Tx<'_>, amount: Amount, plans: &Plans<'_>, now: Time) -> Result<&mut Turn, DbError> {
        if let State::Loaded(_) = self.state {
            let State::Loaded(wallet) = std::mem::replace(&mut self.state, State::Moving) else {
                return Err(DbError::Bug("a wallet that was loaded is not".into()));
            };
            let due = plans.due(&wallet, now);
            let needs = opening::needs(&wallet, &due, Turn::needs(&wallet, amount, now));
            let mut loaded = store::load(tx, &wallet, needs)?;
            opening::load_named(tx, &due, &mut loaded)?;
            self.state = State::Open(Box::new(Turn::open(*wallet, loaded, due, now)));
        }
        let State::Open(turn) = &mut self.state else {
            return Err(DbError::Bug("a wallet was left moving".into()));
        };
        let needs = turn.still_needs(amount);
        if needs.waiting || needs.holds {
            let loaded = store::load(tx, turn.wallet(), needs)?;
            turn.load(loaded);
        }
        Ok(turn)
    }
}

/// The consumption a key was answered with.
fn answered(tx: &mut Tx<'_>, stored: &Stored) -> Result<Consumed, DbError> {
    let id: [u8; 16] = stored.answer.as_slice().try_into().map_err(|_| store::bug("a key's answer"))?;
    let id = ConsumptionId(u128::from_be_bytes(id));
    consumption::by_id(tx, id)?.ok_or_else(|| store::bug("a key without its consumption"))
}

/// Whether the key came with the same request.
fn same_spend(before: &Consumed, item: &SpendRequest) -> Result<(), Error> {
    let differs = [
        ("amount", before.requested != item.amount),
        ("unit", before.unit != item.unit),
        ("mode", before.mode != item.mode),
        ("user_id", before.user_id != item.user_id),
        ("metadata", !same_json(before.metadata.as_deref(), item.metadata.as_deref())),
        ("occurred_at", before.occurred_at != item.occurred_at),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((field, _)) => Err(mismatch(field)),
    }
}

/// Whether two metadata objects say the same.
fn same_json(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    a == b || a.map(canonical) == b.map(canonical)
}

/// Usage may be backdated by 35 days and be at most 5 minutes in the future (rules 4.1).
fn occurred(at: Option<Time>, now: Time) -> Result<(), Error> {
    match at {
        Some(at) if at < now.plus_seconds(-35 * 86_400) => {
            Err(Error::new(Code::InvalidField, "It must not be more than 35 days ago.").about("occurred_at"))
        }
        Some(at) if at > now.plus_seconds(300) => {
            Err(Error::new(Code::InvalidField, "It must not be more than 5 minutes in the future.")
                .about("occurred_at"))
        }
        _ => Ok(()),
    }
}
