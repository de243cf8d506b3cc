//! The script of a life: what is asked at each step, and what the naive model says must be answered.

use crate::{
    credits::world::{Answer, SECOND, World, merge, micros, text},
    naive::{G, Naive, No, P, Took, Used},
};
use purser::{features::credits, platform::db::Value as Sql};
use purser_rules::{
    Time,
    credit::{Mode, Payment, SourceKind},
    ids::{GrantId, HoldId},
};
use serde_json::{Value, json};

/// A stream of numbers from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub fn range(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from).expect("a range"))).expect("small")
    }

    pub fn pick(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len.max(1)).expect("small"))).expect("small")
    }
}

/// One customer's life.
pub struct Life<'a> {
    pub world: &'a World,
    pub dice: Dice,
    pub naive: Naive,
    pub answers: Vec<String>,
    keys: u64,
    /// What the model keeps of each payment, what is said of it, and whether anything was.
    pub payments: Vec<(P, Payment, bool)>,
    pub spends: Vec<(String, Used)>,
    /// Earlier writes: path, body, answer.
    done: Vec<(String, Value, Value)>,
}

pub const CUSTOMER: &str = "team-1";

/// Amounts with odd millionths, so that shares are rounded.
pub fn odd(units: i64) -> i64 {
    units * 1_000_003
}

impl<'a> Life<'a> {
    pub async fn new(world: &'a World, seed: u64) -> Self {
        world.put(&format!("/customers/{CUSTOMER}"), &json!({})).await;
        let settled = world.now().micros();
        let naive = Naive { settled, ..Naive::default() };
        let (payments, spends, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, dice: Dice(seed), naive, answers: Vec::new(), keys: 0, payments, spends, done }
    }

    pub fn now(&self) -> i64 {
        self.world.now().micros()
    }

    pub fn key(&mut self) -> String {
        self.keys += 1;
        format!("k{}", self.keys)
    }

    /// Does the next thing, and asserts that it was answered as the model says.
    pub async fn step(&mut self) {
        match self.dice.below(100) {
            0..12 => self.wait(),
            12..22 => self.grant().await,
            22..27 => self.paid_grant().await,
            27..51 => self.spend().await,
            51..53 => self.batch().await,
            53..64 => self.hold().await,
            64..73 => self.capture().await,
            73..77 => self.release().await,
            77..79 => self.revoke().await,
            79..83 => self.adjust().await,
            83..88 => self.give_back().await,
            88..94 => self.reverse().await,
            94 => self.sold().await,
            // Each sweep looks into all 256 buckets, twice.
            95 if self.dice.one_in(3) => self.sweep().await,
            _ => self.replay().await,
        }
    }

    fn wait(&mut self) {
        let seconds = if self.dice.one_in(200) { self.dice.range(3_600, 100_000) } else { self.dice.range(0, 12) };
        self.world.advance(seconds);
    }

    /// Sends a write; a success is kept so that it can be replayed.
    pub async fn write(&mut self, path: String, body: Value) -> Answer {
        let answer = self.world.post(&path, &body).await;
        self.answers.push(answer.text.clone());
        if answer.status == 200 {
            self.done.push((path, body, answer.json()));
        }
        answer
    }

    async fn replay(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let (path, body, mut first) = self.done[self.dice.pick(self.done.len())].clone();
        let again = self.world.post(&path, &body).await;
        self.answers.push(again.text.clone());
        first["replayed"] = json!(true);
        assert_eq!(again.ok(), first, "{path} {body}");
    }

    async fn grant(&mut self) {
        let now = self.now();
        let (amount, key) = (odd(self.dice.range(1, 30)), self.key());
        let mut body = json!({ "amount": text(amount), "idempotency_key": key });
        let priority = if self.dice.one_in(4) { None } else { u16::try_from(self.dice.below(4)).ok() };
        let start = if self.dice.one_in(4) { Some(now + self.dice.range(1, 20) * SECOND) } else { None };
        let end = if self.dice.one_in(3) { None } else { Some(start.unwrap_or(now) + self.dice.range(1, 60) * SECOND) };
        let kind = [SourceKind::Manual, SourceKind::Promotion, SourceKind::Import][self.dice.pick(3)];
        merge(&mut body, &json!({ "source_kind": kind.as_str() }));
        if let Some(priority) = priority {
            body["priority"] = json!(priority);
        }
        let time = |micros| json!(Time::from_micros(micros).to_string());
        start.into_iter().for_each(|at| body["effective_at"] = time(at));
        end.into_iter().for_each(|at| body["expires_at"] = time(at));
        if self.dice.one_in(3) {
            body["metadata"] = json!({ "order": self.keys.to_string() });
        }
        let given = self.write(format!("/customers/{CUSTOMER}/grants"), body).await.ok();
        let start = start.unwrap_or(now);
        let month = (kind == SourceKind::Import).then_some(start + 30 * 86_400 * SECOND);
        let priority = priority.unwrap_or(kind.default_priority());
        let id = grant_id(&given["id"]);
        self.naive.grant(new_grant(id, kind, amount, priority, (start, end.or(month))), now);
    }

    fn mode(&mut self) -> (Mode, &'static str) {
        let modes = [(Mode::Reject, "reject"), (Mode::Partial, "partial"), (Mode::Overflow, "overflow")];
        modes[[0, 0, 0, 1, 2][self.dice.pick(5)]]
    }

    fn new_spend(&mut self) -> (Value, i64, Mode) {
        let (amount, (mode, name)) = (odd(self.dice.range(1, 25)), self.mode());
        let mut body = json!({
            "customer_id": CUSTOMER, "amount": text(amount), "mode": name, "idempotency_key": self.key(),
        });
        if self.dice.one_in(3) {
            merge(&mut body, &json!({ "user_id": "user-7", "metadata": { "model": "large" } }));
        }
        (body, amount, mode)
    }

    async fn spend(&mut self) {
        let (body, amount, mode) = self.new_spend();
        let answer = self.write("/consume".into(), body).await;
        let expected = self.naive.spend(amount, mode, self.now());
        self.spent(&answer, expected);
    }

    async fn batch(&mut self) {
        let items: Vec<_> = (0..3).map(|_| self.new_spend()).collect();
        let bodies: Vec<&Value> = items.iter().map(|item| &item.0).collect();
        let answer = self.world.post("/consume/batch", &json!({ "items": bodies })).await;
        self.answers.push(answer.text.clone());
        for (item, shown) in items.iter().zip(answer.ok()["data"].as_array().expect("answers")) {
            let status = if shown.get("error").is_some() { 402 } else { 200 };
            let one = Answer { status, text: shown.to_string(), kind: String::new() };
            let expected = self.naive.spend(item.1, item.2, self.now());
            self.spent(&one, expected);
        }
    }

    /// Compares a spend's answer, and keeps it to be returned.
    fn spent(&mut self, answer: &Answer, expected: Result<Took, No>) {
        if answer.status != 200 {
            assert_eq!(Err(refusal(answer)), expected, "{}", answer.text);
            return;
        }
        let (spent, (parts, over)) = (answer.json(), expected.unwrap_or_else(|no| panic!("{no:?}: {}", answer.text)));
        assert_eq!(listed(&spent["grants"]), parts, "{spent}");
        assert_eq!(micros(&spent["overflow"]), over, "{spent}");
        let parts = parts.into_iter().map(|(grant, amount)| (grant, amount, 0)).collect();
        let id = spent["id"].as_str().expect("an id").to_owned();
        self.spends.push((id, Used { over, over_back: 0, parts }));
    }

    async fn hold(&mut self) {
        let (amount, (mode, name), lives) = (odd(self.dice.range(1, 15)), self.mode(), self.dice.range(1, 40));
        let body = json!({
            "customer_id": CUSTOMER, "amount": text(amount), "mode": name, "expires_in": lives,
            "idempotency_key": self.key(),
        });
        let answer = self.write("/holds".into(), body).await;
        let end = self.now() + lives * SECOND;
        let id = if answer.status == 200 { hold_id(&answer.json()["id"]) } else { 0 };
        match self.naive.hold(id, amount, mode, end, self.now()) {
            Ok(parts) => assert_eq!(listed(&answer.ok()["grants"]), parts),
            Err(no) => assert_eq!(refusal(&answer), no),
        }
    }

    /// One of the latest holds, whatever became of it.
    fn some_hold(&mut self) -> Option<(u128, i64)> {
        let back = self.dice.pick(8);
        let hold = self.naive.holds.iter().rev().nth(back)?;
        Some((hold.id, hold.parts.iter().map(|part| part.1).sum()))
    }

    async fn capture(&mut self) {
        let Some((id, held)) = self.some_hold() else { return };
        let given = if self.dice.one_in(4) { None } else { Some(odd(self.dice.range(1, 25))) };
        let mut body = json!({ "idempotency_key": self.key() });
        given.into_iter().for_each(|amount| body["amount"] = json!(text(amount)));
        let answer = self.write(format!("/holds/{}/capture", HoldId(id)), body).await;
        let amount = given.unwrap_or(held);
        let closed = |naive: &Naive| naive.holds.iter().any(|hold| hold.id == id && [2, 3].contains(&hold.state));
        if amount == 0 && !closed(&self.naive) {
            answer.refused(400, "missing_field");
            return;
        }
        match self.naive.capture(id, amount, self.now()) {
            Ok((took, late)) => {
                assert_eq!(answer.ok()["late"], json!(late));
                self.spent(&answer, Ok(took));
            }
            Err(no) => assert_eq!(refusal(&answer), no),
        }
    }

    async fn release(&mut self) {
        let Some((id, _)) = self.some_hold() else { return };
        let answer = self.write(format!("/holds/{}/release", HoldId(id)), json!({ "idempotency_key": null })).await;
        // Without a key there is nothing to replay.
        self.done.pop_if(|(path, ..)| path.ends_with("/release"));
        match self.naive.release(id, self.now()) {
            Ok(()) => assert_eq!(answer.ok()["state"], "released"),
            Err(no) => assert_eq!(refusal(&answer), no),
        }
    }

    async fn revoke(&mut self) {
        let back = self.dice.pick(12);
        let Some(id) = self.naive.grants.iter().map(|grant| grant.id).rev().nth(back) else { return };
        let amount = if self.dice.one_in(3) { None } else { Some(odd(self.dice.range(1, 10))) };
        let mut body = json!({ "idempotency_key": self.key(), "reason": "given by mistake" });
        amount.into_iter().for_each(|amount| body["amount"] = json!(text(amount)));
        let answer = self.write(format!("/grants/{}/revoke", GrantId(id)), body).await;
        match self.naive.revoke(id, amount, self.now()) {
            Ok(_) => drop(answer.ok()),
            Err(no) => assert_eq!(refusal(&answer), no),
        }
    }

    async fn adjust(&mut self) {
        let (units, key) = (self.dice.range(-12, 8), self.key());
        let amount = odd(if units == 0 { 9 } else { units });
        let body = json!({ "amount": text(amount), "idempotency_key": key });
        let answer = self.write(format!("/customers/{CUSTOMER}/adjust"), body).await;
        if amount < 0 {
            match self.naive.spend(-amount, Mode::Reject, self.now()) {
                Ok(_) => drop(answer.ok()),
                Err(no) => assert_eq!(refusal(&answer), no),
            }
            return;
        }
        answer.ok();
        let (id, now) = (self.adjusted().await, self.now());
        self.naive.grant(new_grant(id, SourceKind::Manual, amount, 30, (now, None)), now);
    }

    /// The grant an adjustment just made.
    async fn adjusted(&self) -> u128 {
        let sql = "SELECT grant_id FROM ledger WHERE customer = $1 AND unit = 'credits' AND kind = 1 \
             ORDER BY seq DESC LIMIT 1";
        let read = self.world.app.db().read(move |tx| tx.first(sql, vec![Sql::Text(CUSTOMER.into())]));
        let row = read.await.expect("a query");
        row.expect("the grant it made").id(0).expect("an id")
    }

    async fn sold(&mut self) {
        self.naive.sold = self.dice.one_in(2);
        let body = json!({ "overage_allowed": self.naive.sold });
        let answer = self.world.put(&format!("/customers/{CUSTOMER}"), &body).await;
        assert_eq!(answer.ok()["overage_allowed"], self.naive.sold);
    }

    /// The sweep changes no balance, and finds nothing more the second time.
    async fn sweep(&mut self) {
        let before = self.world.balance(CUSTOMER).await;
        let swept = credits::expire_grants(self.world.app.db(), self.world.now()).await.expect("a sweep");
        self.answers.push(format!("{swept:?}"));
        let again = credits::expire_grants(self.world.app.db(), self.world.now()).await.expect("a sweep");
        assert_eq!((again.wallets, again.entries), (0, 0));
        assert_eq!(self.world.balance(CUSTOMER).await, before);
        self.naive.settle(self.now());
    }
}

/// A grant as the model keeps it.
pub fn new_grant(id: u128, kind: SourceKind, amount: i64, priority: u16, times: (i64, Option<i64>)) -> G {
    let (start, end) = times;
    let debt_kind = kind.makes_debt();
    G { id, debt_kind, priority, start, end, granted: amount, available: amount, ..G::default() }
}

/// A refusal with its figures, as the model says it.
pub fn refusal(answer: &Answer) -> No {
    let error = answer.json()["error"].clone();
    let figure = |name: &str| micros(&error[name]);
    match error["code"].as_str() {
        Some("insufficient_credits") => No::Short(figure("needed"), figure("available")),
        Some("debt_outstanding") => No::Debt(figure("debt")),
        Some("overage_not_sold") => No::NotSold,
        Some("too_many_holds") => No::Holds,
        Some("hold_expired") => No::Expired,
        Some("hold_closed") => No::Closed,
        Some("return_exceeds_spend") => No::ReturnMore(figure("returnable")),
        Some("revoke_exceeds_available") => No::RevokeMore(figure("available")),
        _ => panic!("{}", answer.text),
    }
}

/// The parts of an answer: (grant, amount).
pub fn listed(grants: &Value) -> Vec<(u128, i64)> {
    let parts = grants.as_array().expect("parts");
    parts.iter().map(|part| (grant_id(&part["grant_id"]), micros(&part["amount"]))).collect()
}

fn grant_id(text: &Value) -> u128 {
    text.as_str().expect("an id").parse::<GrantId>().expect("a grant's id").0
}

fn hold_id(text: &Value) -> u128 {
    text.as_str().expect("an id").parse::<HoldId>().expect("a hold's id").0
}
