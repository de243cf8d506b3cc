//! What happens in a seeded life: a stream of requests that depends on the seed and on the answers so far.

use serde_json::{Value, json};

/// One request.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: &'static str,
    pub path: String,
    pub body: String,
}

/// The state a life needs to go on: its random numbers, and ids it was told.
pub struct Life {
    state: u64,
    step: u64,
    now: i64,
    holds: Vec<String>,
    spends: Vec<(String, i64)>,
    grants: Vec<String>,
    past: Vec<Operation>,
}

const CUSTOMERS: u64 = 6;
const SECOND: i64 = 1_000_000;

impl Life {
    pub fn new(seed: u64) -> Self {
        let (holds, spends, grants, past) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { state: seed, step: 0, now: super::START.micros(), holds, spends, grants, past }
    }

    /// A number below `most` (splitmix64).
    fn below(&mut self, most: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    fn customer(&mut self) -> String {
        format!("c{}", self.below(CUSTOMERS))
    }

    fn unit(&mut self) -> &'static str {
        if self.below(5) == 0 { "tokens" } else { "credits" }
    }

    /// An amount with up to six decimals, as text.
    fn amount(&mut self, most: u64) -> String {
        let whole = self.below(most);
        let part = if self.below(3) == 0 { self.below(1_000_000) } else { 0 };
        if whole == 0 && part == 0 { "1".into() } else { format!("{whole}.{part:06}") }
    }

    fn mode(&mut self) -> &'static str {
        ["reject", "reject", "reject", "partial", "overflow"][usize::try_from(self.below(5)).expect("small")]
    }

    /// An instant up to a day away.
    fn instant(&mut self, least: i64) -> String {
        let seconds = least + i64::try_from(self.below(86_400)).expect("small");
        jiff::Timestamp::from_microsecond(self.now + seconds * SECOND).expect("in range").to_string()
    }

    fn pick<T: Clone>(&mut self, list: impl Fn(&Self) -> &Vec<T>) -> Option<T> {
        let count = u64::try_from(list(self).len()).expect("small");
        if count == 0 {
            return None;
        }
        let at = usize::try_from(self.below(count)).expect("small");
        Some(list(self)[at].clone())
    }

    /// The next request, and how many microseconds pass before it.
    pub fn next(&mut self) -> (Operation, i64) {
        self.step += 1;
        let passed = match self.below(20) {
            0 => i64::try_from(self.below(7200)).expect("small") * SECOND,
            _ => i64::try_from(self.below(3_000_000)).expect("small"),
        };
        self.now += passed;
        let operation = self.operation();
        self.past.push(operation.clone());
        if self.past.len() > 200 {
            self.past.remove(0);
        }
        (operation, passed)
    }

    fn operation(&mut self) -> Operation {
        let key = format!("k{}", self.step);
        match self.below(100) {
            0..=13 => self.grant(&key),
            14..=54 => self.spend(&key),
            55..=59 => self.batch(&key),
            60..=68 => {
                let body = json!({"customer_id": self.customer(), "unit": self.unit(), "amount": self.amount(20),
                    "expires_in": 1 + self.below(20_000), "mode": self.mode(), "idempotency_key": key});
                post("/holds".into(), &body)
            }
            69..=73 => self.of_a_hold(&key),
            74..=79 => match self.pick(|life| &life.spends) {
                Some((id, most)) => {
                    let amount = 1 + self.below(u64::try_from(most.max(1)).expect("positive"));
                    post(format!("/consumptions/{id}/return"), &json!({"amount": amount, "idempotency_key": key}))
                }
                None => self.spend(&key),
            },
            80..=82 => match self.pick(|life| &life.grants) {
                Some(id) => post(format!("/grants/{id}/revoke"), &json!({"idempotency_key": key})),
                None => self.grant(&key),
            },
            83..=85 => {
                let sign = if self.below(2) == 0 { "-" } else { "" };
                let amount = format!("{sign}{}", self.amount(30));
                post(
                    format!("/customers/{}/adjust", self.customer()),
                    &json!({"amount": amount, "idempotency_key": key}),
                )
            }
            86..=90 => {
                let path = format!("/customers/{}/balance?unit={}", self.customer(), self.unit());
                Operation { method: "GET", path, body: String::new() }
            }
            91..=92 => {
                let path = format!("/customers/{}/ledger?limit=50", self.customer());
                Operation { method: "GET", path, body: String::new() }
            }
            93 => {
                let body = json!({"overage_allowed": self.below(2) == 0}).to_string();
                Operation { method: "PUT", path: format!("/customers/{}", self.customer()), body }
            }
            _ => self.pick(|life| &life.past).unwrap_or_else(|| self.spend(&key)),
        }
    }

    fn grant(&mut self, key: &str) -> Operation {
        let kind = ["manual", "promotion", "import"][usize::try_from(self.below(3)).expect("small")];
        let mut body = json!({"amount": self.amount(60), "unit": self.unit(), "source_id": key, "source_kind": kind});
        if self.below(3) == 0 {
            body["priority"] = json!(self.below(50));
        }
        if self.below(4) == 0 {
            body["effective_at"] = json!(self.instant(0));
        }
        if self.below(2) == 0 {
            body["expires_at"] = json!(self.instant(86_401));
        }
        post(format!("/customers/{}/grants", self.customer()), &body)
    }

    fn spend(&mut self, key: &str) -> Operation {
        let mut body = json!({"customer_id": self.customer(), "unit": self.unit(), "amount": self.amount(12),
            "mode": self.mode(), "idempotency_key": key});
        if self.below(4) == 0 {
            body["user_id"] = json!(format!("u{}", self.below(9)));
        }
        if self.below(4) == 0 {
            body["metadata"] = json!({"step": self.step});
        }
        post("/consume".into(), &body)
    }

    fn batch(&mut self, key: &str) -> Operation {
        let count = 1 + self.below(8);
        let items: Vec<Value> = (0..count)
            .map(|at| {
                json!({"customer_id": self.customer(), "amount": self.amount(5), "mode": self.mode(),
                    "idempotency_key": format!("{key}-{at}")})
            })
            .collect();
        post("/consume/batch".into(), &json!({"items": items}))
    }

    fn of_a_hold(&mut self, key: &str) -> Operation {
        let Some(id) = self.pick(|life| &life.holds) else { return self.spend(key) };
        if self.below(3) == 0 {
            post(format!("/holds/{id}/release"), &json!({"idempotency_key": key}))
        } else {
            post(format!("/holds/{id}/capture"), &json!({"amount": self.amount(24), "idempotency_key": key}))
        }
    }

    /// Remembers the ids of an answer, so that later requests can name them.
    pub fn heard(&mut self, operation: &Operation, answer: &Value) {
        let Some(id) = answer["id"].as_str().map(str::to_owned) else { return };
        match answer["object"].as_str() {
            Some("hold") if operation.path == "/holds" => self.holds.push(id),
            Some("consumption") => self.spends.push((id, answer["consumed"].as_i64().unwrap_or(1))),
            Some("grant") => self.grants.push(id),
            _ => {}
        }
    }
}

fn post(path: String, body: &Value) -> Operation {
    Operation { method: "POST", path, body: body.to_string() }
}
