//! Random lives: the rules and the naive model do the same, step by step, with a wallet row of any size.

use crate::{
    naive::{G, Naive, No, P, Used},
    world::{World, consumption},
};
use proptest::{prelude::*, test_runner::TestRunner};
use purser_rules::{
    Amount, Time,
    credit::{Consumption, Dispute, DisputeState, Mode, Payment, Refusal, Rollover, SourceKind, Spent, Terms},
    ids::{GrantId, HoldId},
};

/// One step of a life. Indices are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Grant {
        amount: i64,
        kind: usize,
        priority: u16,
        starts_in: i64,
        lives: Option<i64>,
        rollover: Option<(i64, i64)>,
        paid: bool,
    },
    Spend(i64, Mode),
    Hold(i64, Mode, i64),
    Capture(usize, i64),
    Release(usize),
    End(usize),
    Revoke(usize, Option<i64>),
    Forgive(Option<i64>),
    Back(usize, i64),
    Refund(usize, i64),
    Dispute(usize, i64),
    Judge(usize, usize, DisputeState),
    Sold(bool),
    Cap(Option<i64>),
}

const KINDS: [SourceKind; 4] = [SourceKind::Topup, SourceKind::Subscription, SourceKind::Manual, SourceKind::Promotion];

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Reject), 1 => Just(Mode::Partial), 1 => Just(Mode::Overflow)]
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![
        Just(DisputeState::Won),
        Just(DisputeState::Lost),
        Just(DisputeState::Reinstated),
        Just(DisputeState::Open)
    ];
    let grant = (
        1..30_i64,
        0..4_usize,
        0..3_u16,
        prop_oneof![3 => Just(0_i64), 1 => 1..20_i64],
        proptest::option::weighted(0.7, 1..40_i64),
        proptest::option::weighted(0.2, (1..20_i64, 1..30_i64)),
        any::<bool>(),
    );
    prop_oneof![
        4 => (0..12_i64).prop_map(Step::Wait),
        4 => grant.prop_map(|(amount, kind, priority, starts_in, lives, rollover, paid)| {
            Step::Grant { amount, kind, priority, starts_in, lives, rollover, paid }
        }),
        6 => (1..25_i64, mode()).prop_map(|(amount, mode)| Step::Spend(amount, mode)),
        4 => (1..15_i64, mode(), 1..25_i64).prop_map(|(amount, mode, lives)| Step::Hold(amount, mode, lives)),
        4 => (0..8_usize, 1..25_i64).prop_map(|(hold, amount)| Step::Capture(hold, amount)),
        2 => (0..8_usize).prop_map(Step::Release),
        2 => (0..4_usize).prop_map(Step::End),
        1 => (0..8_usize, proptest::option::of(1..10_i64)).prop_map(|(grant, amount)| Step::Revoke(grant, amount)),
        1 => proptest::option::of(1..10_i64).prop_map(Step::Forgive),
        3 => (0..8_usize, 1..15_i64).prop_map(|(spend, amount)| Step::Back(spend, amount)),
        2 => (0..4_usize, 0..14_i64).prop_map(|(payment, refunded)| Step::Refund(payment, refunded)),
        2 => (0..4_usize, 1..12_i64).prop_map(|(payment, amount)| Step::Dispute(payment, amount)),
        3 => (0..4_usize, 0..3_usize, state).prop_map(|(payment, dispute, state)| Step::Judge(payment, dispute, state)),
        1 => any::<bool>().prop_map(Step::Sold),
        1 => proptest::option::weighted(0.3, 1..120_i64).prop_map(Step::Cap),
    ]
}

/// Both at once.
struct Life {
    world: World,
    naive: Naive,
    now: i64,
    next: u128,
    payments: Vec<(Payment, P)>,
    spends: Vec<(Consumption, Used)>,
}

const SECOND: i64 = 1_000_000;
/// 2026-11-21T04:00:00Z: a life stays within one calendar month.
const START: i64 = 1_795_233_600 * SECOND;

fn at(micros: i64) -> Time {
    Time::from_micros(micros)
}

/// Amounts with odd millionths, so that shares are rounded.
fn amount(units: i64) -> Amount {
    Amount::from_micros(units * 1_000_003).expect("an amount")
}

fn no(refusal: Refusal) -> No {
    match refusal {
        Refusal::InsufficientCredits { needed, available } => No::Short(needed.micros(), available.micros()),
        Refusal::DebtOutstanding { debt } => No::Debt(debt.micros()),
        Refusal::OverageNotSold => No::NotSold,
        Refusal::CapReached { limit, used } => No::Cap(limit.micros(), used.micros()),
        Refusal::TooManyHolds => No::Holds,
        Refusal::HoldExpired => No::Expired,
        Refusal::HoldClosed => No::Closed,
        Refusal::ReturnExceedsSpend { returnable } => No::ReturnMore(returnable.micros()),
        Refusal::RevokeExceedsAvailable { available } => No::RevokeMore(available.micros()),
        Refusal::ForgiveExceedsDebt { debt } => No::ForgiveMore(debt.micros()),
        other => panic!("{other:?} in a small life"),
    }
}

fn took(spent: &Spent) -> (Vec<(u128, i64)>, i64) {
    (spent.parts.iter().map(|(id, amount)| (id.0, amount.micros())).collect(), spent.overflow.micros())
}

impl Life {
    fn new(limit: usize) -> Self {
        let mut world = World::new(limit);
        world.overage_sold = false;
        Self { world, naive: Naive::default(), now: START, next: 1, payments: Vec::new(), spends: Vec::new() }
    }

    fn id(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    fn remember(&mut self, spent: &Spent) {
        let (parts, over) = took(spent);
        let parts = parts.into_iter().map(|(id, amount)| (id, amount, 0)).collect();
        self.spends.push((consumption(spent), Used { over, over_back: 0, parts }));
    }

    fn step(&mut self, step: &Step) {
        let now = at(self.now);
        match *step {
            Step::Wait(seconds) => {
                self.now += seconds * SECOND;
                self.world.settle(at(self.now));
                self.naive.settle(self.now);
            }
            Step::Grant { .. } => self.grant(step),
            Step::Spend(units, mode) => {
                let answer = self.world.spend(amount(units), mode, now);
                let expected = self.naive.spend(amount(units).micros(), mode, self.now);
                if let Ok(spent) = &answer {
                    self.remember(spent);
                }
                assert_eq!(answer.map(|spent| took(&spent)).map_err(no), expected);
            }
            Step::Hold(units, mode, lives) => {
                let (id, end) = (self.id(), self.now + lives * SECOND);
                let answer = self.world.hold(HoldId(id), amount(units), mode, at(end), now);
                let expected = self.naive.hold(id, amount(units).micros(), mode, end, self.now);
                let parts = answer.map(|hold| hold.parts.iter().map(|p| (p.grant.0, p.amount.micros())).collect());
                assert_eq!(parts.map_err(no), expected);
            }
            Step::Capture(..) | Step::Release(_) => self.end_hold(step),
            Step::Back(..) | Step::Refund(..) | Step::Dispute(..) | Step::Judge(..) => self.undo(step),
            Step::End(index) => {
                let ends = |g: &&G| g.available > 0 && g.start <= now.micros() && g.end.is_some();
                if let Some(id) = self.naive.grants.iter().filter(ends).nth(index).map(|g| g.id) {
                    let ended = self.world.end_early(GrantId(id), now);
                    assert_eq!(ended.micros(), self.naive.end_early(id, self.now));
                }
            }
            Step::Revoke(index, units) => {
                if let Some(id) = self.naive.grants.get(index).map(|g| g.id) {
                    let answer = self.world.revoke(GrantId(id), units.map(amount), now);
                    let expected = self.naive.revoke(id, units.map(|units| amount(units).micros()), self.now);
                    assert_eq!(answer.map(Amount::micros).map_err(no), expected);
                }
            }
            Step::Forgive(units) => {
                let answer = self.world.forgive(units.map(amount), now);
                let expected = self.naive.forgive(units.map(|units| amount(units).micros()), self.now);
                assert_eq!(answer.map(Amount::micros).map_err(no), expected);
            }
            Step::Sold(sold) => (self.world.overage_sold, self.naive.sold) = (sold, sold),
            Step::Cap(units) => {
                self.world.wallet.body.counter.cap = units.map(amount);
                self.naive.cap = units.map(|units| amount(units).micros());
            }
        }
        self.compare();
    }

    fn grant(&mut self, step: &Step) {
        let &Step::Grant { amount: units, kind, priority, starts_in, lives, rollover, paid } = step else { return };
        let (id, kind) = (self.id(), KINDS[kind]);
        let start = self.now + starts_in * SECOND;
        let end = lives.map(|lives| start + lives * SECOND);
        let granted = amount(units);
        let terms = Terms {
            id: GrantId(id),
            source_kind: kind,
            source_id: id.to_string(),
            amount: granted,
            priority,
            effective_at: at(start),
            expires_at: end.map(at),
            rollover: rollover.map(|(max, seconds)| Rollover { max: amount(max), seconds }),
            metadata: None,
        };
        self.world.grant(&terms, at(self.now)).expect("a small grant");
        let debt_kind = kind != SourceKind::Subscription;
        let rollover = rollover.map(|(max, seconds)| (amount(max).micros(), seconds * SECOND));
        let (granted, available) = (granted.micros(), granted.micros());
        self.naive
            .grant(G { id, debt_kind, priority, start, end, rollover, granted, available, ..G::default() }, self.now);
        if paid {
            let id = format!("pi_{id}");
            let payment = Payment::new(id, 12, vec![terms.id], terms.amount, debt_kind);
            self.payments.push((payment, P { grants: vec![terms.id.0], ..P::default() }));
        }
    }

    fn end_hold(&mut self, step: &Step) {
        let now = at(self.now);
        let open = |index: &usize| self.naive.holds.iter().rev().nth(*index).map(|hold| hold.id);
        match step {
            Step::Capture(index, units) => {
                let Some(id) = open(index) else { return };
                let answer = self.world.capture(HoldId(id), amount(*units), now);
                let expected = self.naive.capture(id, amount(*units).micros(), self.now);
                if let Ok(captured) = &answer {
                    self.remember(&captured.spent);
                }
                assert_eq!(answer.map(|captured| (took(&captured.spent), captured.late)).map_err(no), expected);
            }
            Step::Release(index) => {
                let Some(id) = open(index) else { return };
                let answer = self.world.release(HoldId(id), now);
                assert_eq!(answer.map(|_| ()).map_err(no), self.naive.release(id, self.now));
            }
            other => panic!("{other:?}"),
        }
    }

    fn undo(&mut self, step: &Step) {
        let count = self.payments.len();
        let index = match step {
            Step::Back(index, units) => return self.give_back(*index, amount(*units)),
            Step::Refund(index, _) | Step::Dispute(index, _) | Step::Judge(index, ..) if count > 0 => index % count,
            _ => return,
        };
        let (payment, p) = &mut self.payments[index];
        match *step {
            Step::Refund(_, refunded) => payment.refunded = refunded,
            Step::Dispute(_, amount) if payment.disputes.len() < 3 => {
                let (id, state) = (format!("dp_{}", payment.disputes.len()), DisputeState::Open);
                payment.disputes.push(Dispute { id, amount, state, opened_at: at(self.now) });
            }
            Step::Judge(_, dispute, state) => {
                if let Some(dispute) = payment.disputes.get_mut(dispute) {
                    dispute.state = state;
                }
            }
            _ => {}
        }
        let reversed = self.world.reverse(payment, at(self.now)).expect("a small life");
        self.naive.reverse(p, payment, self.now);
        assert!(reversed.target <= payment.granted);
        if payment.makes_debt {
            assert_eq!(payment.taken, reversed.target.max(payment.others), "the target is reached");
        }
    }

    fn give_back(&mut self, index: usize, amount: Amount) {
        let count = self.spends.len();
        let Some((consumption, used)) = self.spends.get_mut(index % count.max(1)) else { return };
        let mut payments: Vec<Payment> = self.payments.iter().map(|(payment, _)| payment.clone()).collect();
        let mut models: Vec<(P, Payment)> =
            self.payments.iter().map(|(payment, p)| (p.clone(), payment.clone())).collect();
        let answer = self.world.give_back(consumption, amount, &mut payments, at(self.now));
        let expected = self.naive.give_back(used, amount.micros(), &mut models, self.now);
        let parts = answer.map(|back| {
            (back.parts.iter().map(|(id, amount)| (id.0, amount.micros())).collect::<Vec<_>>(), back.overflow.micros())
        });
        assert_eq!(parts.map_err(no), expected);
        self.payments = payments.into_iter().zip(models).map(|(payment, (p, _))| (payment, p)).collect();
    }

    fn compare(&self) {
        let micros = |amount: Amount| amount.micros();
        let mut ours = self.world.grants();
        ours.sort_by_key(|grant| grant.id);
        let mut theirs = self.naive.grants.clone();
        theirs.sort_by_key(|g| g.id);
        let ours: Vec<_> = ours
            .into_iter()
            .map(|g| {
                let figures = [g.granted, g.available, g.held, g.frozen, g.spent, g.expired, g.revoked];
                (g.id.0, figures.map(micros), [g.revoke_on_release, g.freeze_on_release].map(micros))
            })
            .collect();
        let theirs: Vec<_> = theirs
            .into_iter()
            .map(|g| {
                let figures = [g.granted, g.available, g.held, g.frozen, g.spent, g.expired, g.revoked];
                (g.id, figures, [g.to_revoke, g.to_freeze])
            })
            .collect();
        assert_eq!(ours, theirs);
        assert!(ours.windows(2).all(|pair| pair[0].0 != pair[1].0), "two grants with one id: {ours:?}");
        let body = &self.world.wallet.body;
        assert_eq!(
            [body.debt.incurred, body.debt.paid, body.debt.forgiven].map(micros),
            [self.naive.incurred, self.naive.paid, self.naive.forgiven]
        );
        assert_eq!(body.overflow.micros(), self.naive.overflow);
        assert_eq!(body.counter.used.micros(), self.naive.used);
        assert_eq!(self.world.available(at(self.now)).micros(), self.naive.available(self.now));
    }
}

fn live(limit: usize, steps: &[Step]) {
    let mut life = Life::new(limit);
    for step in steps {
        life.step(step);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// `PURSER_SEED` and `PURSER_CASES` choose other lives, and more of them.
#[test]
fn random_lives_are_the_naive_models() {
    let seed = setting("PURSER_SEED", 20_261_121);
    let cases = u32::try_from(setting("PURSER_CASES", 5_000)).expect("a number of cases");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &bytes);
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let lives = (prop_oneof![Just(1_usize), Just(2), Just(3), Just(24)], proptest::collection::vec(step(), 1..100));
    let outcome = runner.run(&lives, |(limit, steps)| {
        live(limit, &steps);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("PURSER_SEED={seed}: {failure}"));
}
