//! The proof at the end: every acknowledged write is there once, the sums are those of the answers, and `verify` holds.

use crate::{
    caller::{Caller, Done, Sums, digest},
    client::Client,
    server::until,
    work::{CUSTOMERS, Kind, name},
    world::World,
};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, sync::atomic::Ordering};

/// Most spends asked again in one request.
const TOGETHER: usize = 500;

/// What was found of one world.
pub struct Proof {
    /// Writes that were acknowledged, each asked again.
    pub acknowledged: usize,
    /// Ledger entries, as `verify` says.
    pub verified: String,
    /// Answers that were refusals, and requests that had to be sent again.
    pub refused: u64,
    pub sent_again: u64,
    /// All that is wrong.
    pub wrong: Vec<String>,
}

/// Proves what the callers of `world` were answered. Ends its nodes.
pub fn prove(world: &World, callers: &[Caller<'_>]) -> Proof {
    let (refused, sent_again) = (world.tally.refused.load(Ordering::SeqCst), world.tally.open.load(Ordering::SeqCst));
    let callers: Vec<&Caller<'_>> = callers.iter().filter(|caller| std::ptr::eq(caller.world, world)).collect();
    let acknowledged = callers.iter().map(|caller| caller.done.len()).sum();
    println!("{}: {acknowledged} acknowledged writes are asked again", world.name);
    let client = world.nodes[0].client();
    until("every hold left open runs out", || (0..CUSTOMERS).all(|at| balance(&client, at)["held"] == json!(0)));
    std::thread::scope(|scope| {
        for caller in &callers {
            scope.spawn(|| asked_again(caller));
        }
    });
    world.nodes[0].sweep();
    for customer in 0..CUSTOMERS {
        let all = callers.iter().map(|caller| caller.sums[usize::try_from(customer).expect("few")]);
        adds_up(world, &client, customer, all.fold(Sums::default(), added));
    }
    for node in &world.nodes {
        node.end();
    }
    let verify = world.nodes[0].run(&["verify"]);
    let verified = format!("{}{}", text(&verify.stdout), text(&verify.stderr)).trim().to_owned();
    println!("{}: {verified}", world.name);
    let mut wrong = world.tally.wrong.lock().expect("not poisoned").clone();
    if !verify.status.success() {
        wrong.push(format!("{}: {verified}", world.name));
    }
    Proof { acknowledged, verified, refused, sent_again, wrong }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Asks all that was done again: the same answer must come, and say that it was given before.
fn asked_again(caller: &Caller<'_>) {
    let (spends, others): (Vec<&Done>, Vec<&Done>) = caller.done.iter().partition(|it| it.write.kind == Kind::Spend);
    for some in spends.chunks(TOGETHER) {
        let items: Vec<Value> = some.iter().flat_map(|done| done.write.items(caller.seed)).collect();
        let answer = caller.sent("/consume/batch", &json!({ "items": items })).unwrap_or_default();
        let answers = answer["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (at, done) in some.iter().enumerate() {
            is_the_same(caller, done, answers.get(at).unwrap_or(&Value::Null));
        }
    }
    for done in others {
        let (path, body) = done.write.request(caller.seed);
        is_the_same(caller, done, &caller.sent(&path, &body).unwrap_or_default());
    }
}

fn is_the_same(caller: &Caller<'_>, done: &Done, answer: &Value) {
    let items = answer["data"].as_array();
    let replayed = |answer: &Value| answer["replayed"] == json!(true);
    if items.map_or_else(|| replayed(answer), |items| items.iter().all(replayed)) && digest(answer) == done.digest {
        return;
    }
    caller.world.tally.is_wrong(format!("{}: {:?} is now answered {answer}", caller.world.name, done.write));
}

const fn added(one: Sums, other: Sums) -> Sums {
    Sums {
        granted: one.granted + other.granted,
        spent: one.spent + other.spent,
        held: one.held + other.held,
        returned: one.returned + other.returned,
    }
}

fn balance(client: &Client, customer: u64) -> Value {
    client.get(&format!("/customers/{}/balance", name(customer))).expect(200)
}

/// Compares a customer's whole ledger with what was answered, and with the balance.
fn adds_up(world: &World, client: &Client, customer: u64, mut told: Sums) {
    told.granted += crate::work::FUNDS;
    let name = name(customer);
    // What falls due between two looks is in the balance at once, and in the ledger after the next sweep.
    for turn in 0..5 {
        let moved = moved(client, &name);
        let of = |kinds: &[&str]| kinds.iter().map(|kind| moved.get(*kind).copied().unwrap_or_default()).sum::<i64>();
        let found = Sums {
            granted: of(&["grant"]),
            spent: of(&["spend", "capture"]),
            held: of(&["hold"]),
            returned: of(&["return", "return_expired"]),
        };
        if found != told {
            let what = format!("{}: {name}: the answers add up to {told:?}, the ledger to {found:?}", world.name);
            return world.tally.is_wrong(what);
        }
        let left = of(&["grant", "return", "release"]) - of(&["spend", "hold", "expire"]);
        let available = &balance(client, customer)["available"];
        if *available == json!(left) {
            return;
        }
        if turn == 4 {
            let what = format!("{}: {name}: {available} is available, the ledger says {left}", world.name);
            return world.tally.is_wrong(what);
        }
        world.nodes[0].sweep();
    }
}

/// What the ledger of `name` moved, by kind of entry.
fn moved(client: &Client, name: &str) -> BTreeMap<String, i64> {
    let path = format!("/customers/{name}/ledger");
    let csv = client.send("GET", &path, |request| request.header("accept", "text/csv")).expect("an answer");
    let mut moved = BTreeMap::new();
    for line in csv.text.lines().skip(1) {
        let mut columns = line.split(',').skip(3);
        let kind = columns.next().unwrap_or_default().to_owned();
        let amount: i64 = columns.next().and_then(|text| text.parse().ok()).expect("a whole number");
        *moved.entry(kind).or_default() += amount;
    }
    moved
}
