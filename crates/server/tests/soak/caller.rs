//! One caller: asks, sends again with the same key until it is answered, and keeps of each answer what proves it later.

use crate::{
    client::{Answer, Lost},
    work::{ARCHIVE, CUSTOMERS, Kind, Write, digits, name, random, someone},
    world::World,
};
use serde_json::Value;
use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// The longest pause between two requests of a caller, in microseconds.
const LONGEST_PAUSE: u64 = 30_000;
/// How long a write is sent again before the soak says that it is never answered.
const LONGEST_OUTAGE: Duration = Duration::from_secs(300);

/// Most ids of holds, and of consumptions, that a caller keeps for later steps.
const MOST_REMEMBERED: usize = 64;

/// A write that was done, and the digest of its answer.
pub struct Done {
    pub write: Write,
    pub digest: u64,
}

/// What one customer's answers add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub granted: i64,
    pub spent: i64,
    pub held: i64,
    pub returned: i64,
}

/// A caller of one world.
pub struct Caller<'a> {
    pub world: &'a World,
    pub seed: u64,
    id: u64,
    step: u32,
    holds: VecDeque<u128>,
    consumptions: VecDeque<u128>,
    /// All that was done, in order.
    pub done: Vec<Done>,
    /// What it adds up to, by customer.
    pub sums: Vec<Sums>,
}

/// What an answer says.
enum Said {
    Done(Value),
    Refused,
    Again,
    Wrong,
}

impl<'a> Caller<'a> {
    /// The `id`th caller of `world`.
    pub fn new(world: &'a World, seed: u64, id: u64) -> Self {
        let sums = (0..CUSTOMERS).map(|_| Sums::default()).collect();
        let (holds, consumptions) = (VecDeque::new(), VecDeque::new());
        Self { world, seed, id, step: 0, holds, consumptions, done: Vec::new(), sums }
    }

    /// Asks until told to stop; a write in hand is brought to its end.
    pub fn work(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            self.step += 1;
            let roll = random(&[self.seed, self.id, u64::from(self.step), 7]);
            match self.next(roll) {
                Some(write) => self.write(write),
                None => self.read(roll),
            }
            std::thread::sleep(Duration::from_micros((roll >> 32) % LONGEST_PAUSE));
        }
    }

    /// The write of this step, or none where it reads.
    fn next(&mut self, roll: u64) -> Option<Write> {
        let write = |kind, about| Some(Write { kind, caller: self.id, step: self.step, about });
        match roll % 100 {
            0..48 => write(Kind::Spend, 0),
            48..56 => write(Kind::Batch, 0),
            56..65 => write(Kind::Hold, 0),
            // Fewer than are made: the others run out.
            65..72 => one(&mut self.holds, roll).map_or_else(
                || write(Kind::Spend, 0),
                |hold| write(if roll.is_multiple_of(3) { Kind::Release } else { Kind::Capture }, hold),
            ),
            72..76 => write(Kind::Grant, if roll.is_multiple_of(2) { 0 } else { soon(roll) }),
            76..79 => {
                one(&mut self.consumptions, roll).map_or_else(|| write(Kind::Spend, 0), |it| write(Kind::Return, it))
            }
            79..82 => write(Kind::Adjust, soon(roll)),
            _ => None,
        }
    }

    /// Sends `write` until it is answered, and keeps the answer.
    fn write(&mut self, write: Write) {
        let (path, body) = write.request(self.seed);
        let Some(answer) = self.sent(&path, &body) else { return };
        self.keep(write, &answer);
        self.done.push(Done { write, digest: digest(&answer) });
    }

    /// Posts until the answer is neither lost nor to try again; none where it was refused or wrong.
    pub fn sent(&self, path: &str, body: &Value) -> Option<Value> {
        let tally = &self.world.tally;
        let began = Instant::now();
        for attempt in 0.. {
            let node = usize::try_from(self.id + u64::from(self.step) + attempt).unwrap_or(0) % self.world.nodes.len();
            let client = self.world.nodes[node].client();
            let at = Instant::now();
            let answer = client.try_post(path, body);
            let said = self.said(path, &answer);
            if !matches!(said, Said::Again) {
                self.took(at);
            }
            match said {
                Said::Done(body) => return Some(body),
                Said::Refused => {
                    tally.refused.fetch_add(1, Ordering::SeqCst);
                    return None;
                }
                Said::Wrong => {
                    tally.is_wrong(format!("{}: POST {path} {body}: {answer:?}", self.world.name));
                    return None;
                }
                Said::Again => {
                    tally.open.fetch_add(1, Ordering::SeqCst);
                    if began.elapsed() > LONGEST_OUTAGE {
                        tally.is_wrong(format!("{}: POST {path} {body} is never answered", self.world.name));
                        return None;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
        None
    }

    /// Sorts an answer. A batch is done when each of its items is.
    fn said(&self, path: &str, answer: &Result<Answer, Lost>) -> Said {
        let Ok(answer) = answer else { return Said::Again };
        match answer.status {
            200 | 201 => {
                let body = answer.json();
                let items = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
                let error = items.iter().find_map(|item| item["error"]["type"].as_str());
                match error {
                    Some("unavailable") if path == "/consume/batch" => Said::Again,
                    Some(_) => Said::Wrong,
                    None => Said::Done(body),
                }
            }
            402 | 409 | 429 => Said::Refused,
            503 if answer.retry_after.is_some() => Said::Again,
            _ => Said::Wrong,
        }
    }

    fn took(&self, since: Instant) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.world.tally.took.lock().expect("not poisoned").push(micros);
    }

    /// Adds an answer up, and remembers what later steps name.
    fn keep(&mut self, write: Write, answer: &Value) {
        let (_, asked) = write.request(self.seed);
        let amount = |value: &Value| value.as_i64().expect("a whole number");
        let of = |value: &Value| {
            let text = value["customer_id"].as_str().and_then(|name| name.rsplit('-').next());
            text.and_then(|text| text.parse::<usize>().ok()).expect("one of ours")
        };
        match write.kind {
            Kind::Spend | Kind::Capture => {
                self.sums[of(answer)].spent += amount(&answer["consumed"]);
                if write.step.is_multiple_of(8) {
                    remember(&mut self.consumptions, digits(&answer["id"]));
                }
            }
            Kind::Batch => {
                for item in answer["data"].as_array().expect("a list") {
                    self.sums[of(item)].spent += amount(&item["consumed"]);
                }
            }
            Kind::Hold => {
                self.sums[of(answer)].held += amount(&answer["amount"]);
                remember(&mut self.holds, digits(&answer["id"]));
            }
            Kind::Grant => {
                let customer = someone(&[self.seed, self.id, u64::from(write.step)]);
                self.sums[usize::try_from(customer).expect("few")].granted += amount(&asked["amount"]);
            }
            Kind::Return => self.sums[of(answer)].returned += amount(&answer["returned"]),
            Kind::Adjust => {
                let by = amount(&asked["amount"]);
                let sums = &mut self.sums[of(answer)];
                if by > 0 { sums.granted += by } else { sums.spent -= by }
            }
            Kind::Release => {}
        }
    }

    /// A balance, a page of a ledger, or now and then a whole one as CSV.
    fn read(&self, roll: u64) {
        let customer = name(roll / 100 % CUSTOMERS);
        let csv = (roll >> 24).is_multiple_of(500);
        let path = match roll % 100 {
            _ if csv => format!("/customers/{ARCHIVE}/ledger"),
            82..92 => format!("/customers/{customer}/balance"),
            _ => format!("/customers/{customer}/ledger?limit=50"),
        };
        let node = usize::try_from(roll >> 8).unwrap_or(0) % self.world.nodes.len();
        let accept = if csv { "text/csv" } else { "application/json" };
        let at = Instant::now();
        let answer = self.world.nodes[node].client().send("GET", &path, |request| request.header("accept", accept));
        match answer {
            Ok(answer) if answer.status == 200 => self.took(at),
            Ok(answer) if answer.status != 503 => {
                self.world.tally.is_wrong(format!("{}: GET {path}: {answer:?}", self.world.name));
            }
            _ => _ = self.world.tally.open.fetch_add(1, Ordering::SeqCst),
        }
    }
}

/// Keeps an id for a later step; the oldest goes when there are many.
fn remember(ids: &mut VecDeque<u128>, id: u128) {
    ids.push_back(id);
    if ids.len() > MOST_REMEMBERED {
        ids.pop_front();
    }
}

/// One of the ids kept: mostly the newest, sometimes the oldest, which may be too late.
fn one(ids: &mut VecDeque<u128>, roll: u64) -> Option<u128> {
    if (roll >> 40).is_multiple_of(8) { ids.pop_front() } else { ids.pop_back() }
}

/// A digest of an answer, but for `replayed`, which says whether it was given before.
pub fn digest(answer: &Value) -> u64 {
    let mut answer = answer.clone();
    for item in answer["data"].as_array_mut().into_iter().flatten() {
        let _ = item.as_object_mut().and_then(|item| item.remove("replayed"));
    }
    let _ = answer.as_object_mut().and_then(|answer| answer.remove("replayed"));
    let mut hasher = DefaultHasher::new();
    answer.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A second two to five minutes from now: later than any outage, sooner than the end.
#[expect(clippy::disallowed_methods, reason = "the load lives in real time")]
fn soon(roll: u64) -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u128::from(now.as_secs() + 120 + roll % 180)
}
