//! What callers ask: each write a pure function of seed, caller and step, so that it can be asked again at the end.

use crate::client::Client;
use serde_json::{Value, json};

/// The customers the load works on; some are asked for more often than others.
pub const CUSTOMERS: u64 = 64;
/// What each is given at the start.
pub const FUNDS: i64 = 100_000_000;
/// Spends in a batch of the load.
const BATCH: u64 = 5;
/// A customer whose ledger is long from the start and grows no longer: what is read whole takes as long in every minute.
pub const ARCHIVE: &str = "archive";
/// Spends in it: more than are read in one step.
const ARCHIVED: u64 = 1_000;

/// The kinds of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Spend,
    Batch,
    Hold,
    Capture,
    Release,
    Grant,
    Return,
    Adjust,
}

/// A write and what it needs to be asked again.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub kind: Kind,
    pub caller: u64,
    pub step: u32,
    /// What it names: a hold, a consumption, or (for what grants) the second in which it expires, 0 for never.
    pub about: u128,
}

/// A number that follows from its seeds and looks like none of its neighbours (SplitMix64).
pub fn random(seeds: &[u64]) -> u64 {
    seeds.iter().fold(0, |state: u64, seed| {
        let mut next = (state ^ seed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        next ^ (next >> 31)
    })
}

/// The `at`th customer's id.
pub fn name(at: u64) -> String {
    format!("customer-{at}")
}

/// One of the customers, the first ones more often.
pub fn someone(seeds: &[u64; 3]) -> u64 {
    let roll = random(seeds);
    (roll % CUSTOMERS).min((roll >> 32) % CUSTOMERS)
}

/// Gives every customer what it spends, and fills the archive.
pub fn fund(client: &Client) {
    for customer in 0..CUSTOMERS {
        client.grant(&name(customer), FUNDS.unsigned_abs(), "the start");
    }
    client.grant(ARCHIVE, ARCHIVED, "the start");
    let item = |at| json!({"customer_id": ARCHIVE, "amount": 1, "idempotency_key": format!("archived-{at}")});
    let items: Vec<Value> = (0..ARCHIVED).map(item).collect();
    client.post("/consume/batch", &json!({ "items": items })).expect(200);
}

impl Write {
    /// The path and body of the request.
    pub fn request(&self, seed: u64) -> (String, Value) {
        let seeds = [seed, self.caller, u64::from(self.step)];
        let (customer, roll) = (someone(&seeds), random(&seeds) >> 16);
        let key = format!("{}-{}", self.caller, self.step);
        let amount = 1 + roll % 5;
        let id = |prefix: &str| format!("{prefix}_{:032x}", self.about);
        match self.kind {
            Kind::Spend => ("/consume".into(), spend(customer, amount, key)),
            Kind::Batch => ("/consume/batch".into(), json!({"items": self.items(seed)})),
            Kind::Hold => (
                "/holds".into(),
                json!({"customer_id": name(customer), "amount": amount + 5, "expires_in": 10 + roll % 20, "idempotency_key": key}),
            ),
            Kind::Capture => {
                (format!("/holds/{}/capture", id("hold")), json!({"amount": 1 + roll % 12, "idempotency_key": key}))
            }
            Kind::Release => (format!("/holds/{}/release", id("hold")), json!({"idempotency_key": key})),
            Kind::Return => {
                (format!("/consumptions/{}/return", id("con")), json!({"amount": 1, "idempotency_key": key}))
            }
            Kind::Grant => {
                let mut body = json!({"amount": 20 + roll % 50, "source_kind": "promotion", "source_id": key,
                    "idempotency_key": key});
                if self.about > 0 {
                    body["expires_at"] = json!(instant(self.about));
                }
                (format!("/customers/{}/grants", name(customer)), body)
            }
            Kind::Adjust => {
                let amount = i64::try_from(roll % 7).map_or(1, |by| by - 3);
                let amount = if amount == 0 { 4 } else { amount };
                let mut body = json!({"amount": amount, "idempotency_key": key});
                // One that never expired would lie behind the funds for ever: wallets would grow by the minute.
                if amount > 0 {
                    body["expires_at"] = json!(instant(self.about));
                }
                (format!("/customers/{}/adjust", name(customer)), body)
            }
        }
    }

    /// The spends it is made of, each with its own key: one, or those of a batch; none where it is no spend.
    pub fn items(&self, seed: u64) -> Vec<Value> {
        match self.kind {
            Kind::Spend => vec![self.request(seed).1],
            Kind::Batch => {
                let first = someone(&[seed, self.caller, u64::from(self.step)]);
                let item =
                    |at: u64| spend((first + at) % CUSTOMERS, 1 + at, format!("{}-{}-{at}", self.caller, self.step));
                (0..BATCH).map(item).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn spend(customer: u64, amount: u64, key: String) -> Value {
    json!({"customer_id": name(customer), "amount": amount, "user_id": "u1", "idempotency_key": key})
}

/// A second since the epoch, as the API reads it.
fn instant(second: u128) -> String {
    let second = i64::try_from(second).expect("within the years of men");
    jiff::Timestamp::from_second(second).expect("within the years of men").to_string()
}

/// The digits of an id: `hold_…`, `con_…`.
pub fn digits(id: &Value) -> u128 {
    let text = id.as_str().and_then(|id| id.split_once('_')).expect("an id").1;
    u128::from_str_radix(text, 16).expect("digits")
}
