//! Scenario tables in text (`tests/scenarios/*.txt`): each `# title` begins a new wallet, each line is a step.
//!
//! `at 10` moves the clock; `grant a 5 priority 10 starts 3 expires 20 rolls 2 for 5 kind topup`;
//! `spend 3 partial as s -> a:3`; `hold h 4 until 20`; `capture h 6 as s`; `release h`; `return s 2`; `revoke a 1`;
//! `forgive 2`; `payment p 100 of a b`, `payment p 100 of a no_debt`; `refund p 50`; `dispute p d 30`, then
//! `won p d`, `lost p d`, `reinstated p d`; `suspend p`, `resume p`; `sold off`; `cap 10`; `limit 2`; `repeat 256 hold until 20`.
//! After `->` stands what it took (`a:3 over:1`), `late`, `refused CODE`, or `target=5 debt=3`; without it the
//! step must not be refused. `balance …`, `figures a …`, `wrote …` (the kinds of the entries since the last
//! step), `crossed …` (thresholds so far) compare.

use crate::world::{World, consumption};
use purser_rules::{
    Amount, Time,
    credit::{
        Consumption, Dispute, DisputeState, Grant, HoldState, Mode, Payment, Refusal, Rollover, SourceKind, Spent,
        Terms,
    },
    ids::{GrantId, HoldId},
};
use std::{collections::BTreeMap, fmt::Write as _};

/// 2026-11-21T04:00:00Z is second 0.
const START: i64 = 1_795_233_600;

struct Scene {
    world: World,
    now: i64,
    names: BTreeMap<String, u128>,
    payments: BTreeMap<String, Payment>,
    spends: BTreeMap<String, Consumption>,
    wrote_from: usize,
}

/// The words of a step, taken one by one.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a str {
        assert!(!self.0.is_empty(), "the step ends too early");
        self.0.remove(0)
    }

    fn amount(&mut self) -> Amount {
        let word = self.next();
        Amount::parse(word).unwrap_or_else(|error| panic!("{word}: {error:?}"))
    }

    fn number(&mut self) -> i64 {
        self.next().parse().expect("a whole number")
    }

    /// Takes the word `flag` if it is there.
    fn flag(&mut self, flag: &str) -> bool {
        let place = self.0.iter().position(|word| *word == flag);
        place.map(|place| self.0.remove(place)).is_some()
    }

    /// Takes `name value` if it is there.
    fn named(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|word| *word == name)?;
        self.0.remove(place);
        Some(self.0.remove(place))
    }

    fn mode(&mut self) -> Mode {
        match (self.flag("partial"), self.flag("overflow")) {
            (true, _) => Mode::Partial,
            (_, true) => Mode::Overflow,
            _ => Mode::Reject,
        }
    }
}

fn instant(seconds: i64) -> Time {
    Time::from_micros((START + seconds) * 1_000_000)
}

fn code(refusal: &Refusal) -> String {
    let name = match refusal {
        Refusal::InsufficientCredits { needed, available } => {
            return format!("insufficient_credits {available}/{needed}");
        }
        Refusal::DebtOutstanding { debt } => return format!("debt_outstanding {debt}"),
        Refusal::OverageNotSold => "overage_not_sold",
        Refusal::CapReached { .. } => "cap_reached",
        Refusal::TooManyHolds => "too_many_holds",
        Refusal::HoldExpired => "hold_expired",
        Refusal::HoldClosed => "hold_closed",
        Refusal::GrantTermsDiffer { term } => term,
        Refusal::TotalTooLarge => "total_too_large",
        Refusal::ReturnExceedsSpend { returnable } => return format!("return_exceeds_spend {returnable}"),
        Refusal::RevokeExceedsAvailable { available } => return format!("revoke_exceeds_available {available}"),
        Refusal::ForgiveExceedsDebt { debt } => return format!("forgive_exceeds_debt {debt}"),
    };
    name.to_string()
}

impl Scene {
    fn new() -> Self {
        Self {
            world: World::new(24),
            now: 0,
            names: BTreeMap::new(),
            payments: BTreeMap::new(),
            spends: BTreeMap::new(),
            wrote_from: 0,
        }
    }

    fn id(&mut self, name: &str) -> u128 {
        let next = self.names.len() as u128 + 1;
        *self.names.entry(name.to_string()).or_insert(next)
    }

    /// A grant by its name in the scenario; `rollover:a` and `return:p:1` are those Purser made.
    fn grant_id(&self, name: &str) -> GrantId {
        if let Some(id) = self.names.get(name) {
            return GrantId(*id);
        }
        let found = self.world.terms.keys().find(|id| self.name(**id) == name);
        *found.unwrap_or_else(|| panic!("no grant {name} among {:?}", self.world.terms.values()))
    }

    fn name(&self, id: GrantId) -> String {
        if let Some((name, _)) = self.names.iter().find(|(_, known)| **known == id.0) {
            return name.clone();
        }
        let terms = &self.world.terms[&id];
        match terms.source_kind {
            SourceKind::Rollover => format!("rollover:{}", self.name(terms.source_id.parse().expect("a grant's id"))),
            kind => format!("{}:{}", kind.as_str(), terms.source_id),
        }
    }

    fn parts(&self, parts: impl Iterator<Item = (GrantId, Amount)>, over: Amount) -> String {
        let mut text = String::new();
        for (id, amount) in parts {
            write!(text, "{}:{amount} ", self.name(id)).expect("memory");
        }
        if over.is_positive() {
            write!(text, "over:{over}").expect("memory");
        }
        text.trim_end().to_string()
    }

    fn keep(&mut self, name: Option<&str>, spent: &Spent) -> String {
        if let Some(name) = name {
            self.spends.insert(name.to_string(), consumption(spent));
        }
        self.parts(spent.parts.iter().copied(), spent.overflow)
    }

    fn step(&mut self, line: &str) {
        let (asked, expected) = line.split_once("->").map_or((line, None), |(a, e)| (a, Some(e.trim())));
        let mut words = Words(asked.split_whitespace().collect());
        let from = self.world.entries.len();
        let verb = words.next();
        match self.act(verb, &mut words, from) {
            Ok(answer) => {
                if let Some(expected) = expected {
                    assert_eq!(answer, expected, "{line}");
                }
            }
            Err(refusal) => assert_eq!(Some(format!("refused {}", code(&refusal)).as_str()), expected, "{line}"),
        }
        assert!(words.0.is_empty(), "{:?} left over in {line}", words.0);
        if !["wrote", "balance", "figures", "crossed"].contains(&verb) {
            self.wrote_from = from;
        }
    }

    fn act(&mut self, verb: &str, words: &mut Words<'_>, now_at: usize) -> Result<String, Refusal> {
        let now = instant(self.now);
        let nothing = String::new();
        match verb {
            "at" => {
                self.now = words.number();
                self.world.settle(instant(self.now));
                Ok(nothing)
            }
            "limit" => {
                self.world.limit = usize::try_from(words.number()).expect("a limit");
                Ok(nothing)
            }
            "sold" => {
                self.world.overage_sold = words.next() == "on";
                Ok(nothing)
            }
            "cap" => {
                self.world.wallet.body.counter.cap = Some(words.amount());
                Ok(nothing)
            }
            "grant" => self.grant(words),
            "spend" => {
                let (name, mode) = (words.named("as"), words.mode());
                let spent = self.world.spend(words.amount(), mode, now)?;
                Ok(self.keep(name, &spent))
            }
            "hold" => {
                let (name, mode) = (words.next(), words.mode());
                self.hold(name, mode, words)
            }
            "repeat" => {
                for number in 0..words.number() {
                    self.hold(&format!("hold-{number}"), Mode::Reject, &mut Words(vec!["1", "until", "1000"]))?;
                }
                Ok(nothing)
            }
            "capture" => {
                let (name, id) = (words.named("as"), HoldId(self.id(words.next())));
                let captured = self.world.capture(id, words.amount(), now)?;
                let parts = self.keep(name, &captured.spent);
                assert_eq!(self.world.holds[&id].state, HoldState::Captured);
                Ok(if captured.late { format!("{parts} late") } else { parts })
            }
            "release" => {
                let id = HoldId(self.id(words.next()));
                self.world.release(id, now).map(|_| nothing)
            }
            "return" => self.give_back(words),
            "revoke" => {
                let (id, rest) = (self.grant_id(words.next()), !words.0.is_empty());
                self.world.revoke(id, rest.then(|| words.amount()), now).map(|amount| amount.to_string())
            }
            "forgive" => {
                let some = !words.0.is_empty();
                self.world.forgive(some.then(|| words.amount()), now).map(|amount| amount.to_string())
            }
            "payment" | "refund" | "dispute" | "won" | "lost" | "reinstated" | "suspend" | "resume" => {
                self.reverse(verb, words)
            }
            _ => {
                self.look(verb, words, now_at);
                Ok(nothing)
            }
        }
    }

    fn grant(&mut self, words: &mut Words<'_>) -> Result<String, Refusal> {
        let name = words.next();
        let amount = words.amount();
        let seconds = |text: &str| instant(text.parse().expect("seconds"));
        let kinds = SourceKind::ALL.into_iter();
        let kind = words
            .named("kind")
            .map_or(SourceKind::Manual, |kind| kinds.into_iter().find(|known| known.as_str() == kind).expect("a kind"));
        let rolls = words.named("rolls").map(|max| Amount::parse(max).expect("an amount"));
        let lives = words.named("for").map(|text| text.parse().expect("seconds"));
        let terms = Terms {
            id: GrantId(self.id(name)),
            source_kind: kind,
            source_id: name.to_string(),
            amount,
            priority: words.named("priority").map_or(kind.default_priority(), |p| p.parse().expect("a priority")),
            effective_at: words.named("starts").map_or(instant(self.now), seconds),
            expires_at: words.named("expires").map(seconds),
            rollover: rolls.zip(lives).map(|(max, seconds)| Rollover { max, seconds }),
            metadata: None,
        };
        self.world.grant(&terms, instant(self.now)).map(|_| String::new())
    }

    fn hold(&mut self, name: &str, mode: Mode, words: &mut Words<'_>) -> Result<String, Refusal> {
        let until = words.named("until").expect("until").parse().expect("seconds");
        let id = HoldId(self.id(name));
        let hold = self.world.hold(id, words.amount(), mode, instant(until), instant(self.now))?;
        Ok(self.parts(hold.parts.iter().map(|part| (part.grant, part.amount)), Amount::ZERO))
    }

    fn give_back(&mut self, words: &mut Words<'_>) -> Result<String, Refusal> {
        let name = words.next();
        let mut payments: Vec<Payment> = self.payments.values().cloned().collect();
        let consumption = self.spends.get_mut(name).expect("a named spend");
        let back = self.world.give_back(consumption, words.amount(), &mut payments, instant(self.now))?;
        self.payments = payments.into_iter().map(|payment| (payment.id.clone(), payment)).collect();
        Ok(self.parts(back.parts.into_iter(), back.overflow))
    }

    fn reverse(&mut self, verb: &str, words: &mut Words<'_>) -> Result<String, Refusal> {
        let name = words.next();
        if verb == "payment" {
            let (paid, debt) = (words.number(), !words.flag("no_debt"));
            assert_eq!(words.next(), "of");
            let grants: Vec<GrantId> = words.0.drain(..).map(|grant| self.grant_id(grant)).collect();
            let granted = grants.iter().map(|id| self.world.terms[id].amount.micros()).sum();
            let granted = Amount::from_micros(granted).expect("a total");
            self.payments.insert(name.to_string(), Payment::new(name.to_string(), paid, grants, granted, debt));
            return Ok(String::new());
        }
        let payment = self.payments.get_mut(name).expect("a payment");
        match verb {
            "refund" => payment.refunded = words.number(),
            "suspend" => payment.suspend(instant(self.now)),
            "resume" => payment.resume(),
            "dispute" => {
                let (id, amount) = (words.next().to_string(), words.number());
                let opened_at = instant(self.now);
                payment.disputes.push(Dispute { id, amount, state: DisputeState::Open, opened_at });
            }
            ended => {
                let id = words.next();
                let dispute = payment.disputes.iter_mut().find(|dispute| dispute.id == id).expect("a dispute");
                dispute.state = match ended {
                    "won" => DisputeState::Won,
                    "lost" => DisputeState::Lost,
                    _ => DisputeState::Reinstated,
                };
            }
        }
        let reversed = self.world.reverse(payment, instant(self.now))?;
        Ok(format!("target={} debt={}", reversed.target, reversed.debt))
    }

    /// Steps that only compare.
    fn look(&self, verb: &str, words: &mut Words<'_>, now_at: usize) {
        let grants = self.world.grants();
        let sum = |figure: fn(&Grant) -> Amount| {
            Amount::from_micros(grants.iter().map(|grant| figure(grant).micros()).sum()).expect("a total")
        };
        let body = &self.world.wallet.body;
        let grant = (verb == "figures").then(|| self.grant_id(words.next()));
        let grant = grant.map(|id| grants.iter().find(|grant| grant.id == id).expect("a grant"));
        let figure = |name: &str| match (grant, name) {
            (None, "available") => self.world.available(instant(self.now)),
            (None, "held") => sum(|grant| grant.held),
            (None, "frozen") => sum(|grant| grant.frozen),
            (None, "debt") => body.debt.outstanding(),
            (None, "overflow") => body.overflow,
            (None, "used") => body.counter.used,
            (Some(grant), "available") => grant.available,
            (Some(grant), "held") => grant.held,
            (Some(grant), "frozen") => grant.frozen,
            (Some(grant), "spent") => grant.spent,
            (Some(grant), "expired") => grant.expired,
            (Some(grant), "revoked") => grant.revoked,
            (Some(grant), "to_revoke") => grant.revoke_on_release,
            (Some(grant), "to_freeze") => grant.freeze_on_release,
            (_, other) => panic!("no figure {other}"),
        };
        let words: Vec<&str> = words.0.drain(..).collect();
        match verb {
            "balance" | "figures" => {
                for word in words {
                    let (name, value) = word.split_once('=').expect("name=value");
                    assert_eq!(figure(name).to_string(), value, "{name}");
                }
            }
            "wrote" => {
                let kinds = self.world.entries[self.wrote_from..now_at].iter().map(|entry| format!("{:?}", entry.kind));
                assert_eq!(kinds.collect::<Vec<_>>(), words);
            }
            "crossed" => {
                let crossed = self.world.crossings.iter().map(|crossing| crossing.threshold.to_string());
                assert_eq!(crossed.collect::<Vec<_>>(), words);
            }
            other => panic!("no step {other}"),
        }
    }
}

fn play(file: &str, text: &str) {
    let mut scene = Scene::new();
    let mut title = "";
    for (number, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        if let Some(next) = line.strip_prefix('#') {
            (scene, title) = (Scene::new(), next.trim());
            continue;
        }
        let step = std::panic::AssertUnwindSafe(|| scene.step(line));
        if let Err(cause) = std::panic::catch_unwind(step) {
            eprintln!("{file}.txt line {}: in “{title}”: {line}", number + 1);
            std::panic::resume_unwind(cause);
        }
    }
    assert!(!title.is_empty(), "{file}.txt has no scenario");
}

#[test]
fn spends() {
    play("spends", include_str!("../scenarios/spends.txt"));
}

#[test]
fn expiry() {
    play("expiry", include_str!("../scenarios/expiry.txt"));
}

#[test]
fn holds() {
    play("holds", include_str!("../scenarios/holds.txt"));
}

#[test]
fn reversals() {
    play("reversals", include_str!("../scenarios/reversals.txt"));
}

#[test]
fn returns() {
    play("returns", include_str!("../scenarios/returns.txt"));
}

#[test]
fn limits() {
    play("limits", include_str!("../scenarios/limits.txt"));
}
