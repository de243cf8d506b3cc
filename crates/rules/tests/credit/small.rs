//! Small worlds in full: every sequence of a few steps, with all invariants after each (the world checks them).

use crate::world::World;
use purser_rules::{
    Amount, Time,
    credit::{Dispute, DisputeState, HoldState, Mode, Payment, SourceKind, Terms},
    ids::{GrantId, HoldId},
};

const SECOND: i64 = 1_000_000;
const START: i64 = 1_795_233_600 * SECOND;

/// A step; they take no arguments, so that all sequences of them can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Five seconds pass.
    Wait,
    /// A paid grant of 4 that lives 8 seconds and rolls over.
    Grant,
    Spend,
    /// A hold of 3 for 7 seconds.
    Hold,
    /// 2 of the oldest hold not captured.
    CaptureUnder,
    /// 5 of it.
    CaptureOver,
    Release,
    RefundHalf,
    RefundAll,
    Dispute,
    Won,
    Lost,
    Reinstated,
}

use Step::{
    CaptureOver, CaptureUnder, Grant, Hold, Lost, RefundAll, RefundHalf, Reinstated, Release, Spend, Wait, Won,
};

struct Small {
    world: World,
    now: i64,
    next: u128,
    payment: Option<Payment>,
}

impl Small {
    /// A wallet with room for two grants in its row, and 3 that never expire.
    fn new() -> Self {
        let mut small = Self { world: World::new(2), now: START, next: 0, payment: None };
        small.grant(3, None);
        small
    }

    fn at(&self) -> Time {
        Time::from_micros(self.now)
    }

    fn grant(&mut self, units: i64, lives: Option<i64>) -> GrantId {
        self.next += 1;
        let terms = Terms {
            id: GrantId(self.next),
            source_kind: SourceKind::Topup,
            source_id: self.next.to_string(),
            amount: Amount::units(units),
            priority: 30,
            effective_at: self.at(),
            expires_at: lives.map(|seconds| self.at().plus_seconds(seconds)),
            rollover: lives.map(|seconds| purser_rules::credit::Rollover { max: Amount::units(1), seconds }),
            metadata: None,
        };
        self.world.grant(&terms, self.at()).expect("a small grant").id
    }

    fn step(&mut self, step: Step) {
        let at = self.at();
        let before = self.world.available(at);
        let debt = self.world.wallet.body.debt.outstanding();
        match step {
            Wait => {
                self.now += 5 * SECOND;
                self.world.settle(self.at());
            }
            Grant => {
                let grant = self.grant(4, Some(8));
                let payment = Payment::new(format!("pi_{}", self.next), 100, vec![grant], Amount::units(4), true);
                self.payment.get_or_insert(payment);
            }
            Spend => {
                let amount = Amount::units(2);
                let answer = self.world.spend(amount, Mode::Reject, at);
                assert_eq!(answer.is_ok(), debt.is_zero() && before >= amount, "{answer:?} with {before} there");
                if answer.is_ok() {
                    assert_eq!(Some(self.world.available(at)), before.checked_sub(amount));
                }
            }
            Hold => {
                self.next += 1;
                let (id, amount, until) = (HoldId(self.next), Amount::units(3), at.plus_seconds(7));
                let answer = self.world.hold(id, amount, Mode::Reject, until, at);
                assert_eq!(answer.is_ok(), debt.is_zero() && before >= amount);
            }
            CaptureUnder | CaptureOver | Release => self.end_hold(step),
            _ => self.reverse(step),
        }
    }

    fn end_hold(&mut self, step: Step) {
        let at = self.at();
        let Some(hold) = self.world.holds.values().find(|hold| hold.state != HoldState::Captured).cloned() else {
            return;
        };
        if step == Release {
            let answer = self.world.release(hold.id, at);
            assert_eq!(answer.is_ok(), hold.state == HoldState::Open);
            return;
        }
        let amount = Amount::units(if step == CaptureUnder { 2 } else { 5 });
        let used = self.world.wallet.body.counter.used;
        let answer = self.world.capture(hold.id, amount, at);
        let counted = self.world.wallet.body.counter.used.checked_sub(used).expect("used only grows");
        if let Ok(captured) = &answer {
            assert_eq!((captured.spent.consumed, counted), (amount, amount));
            assert_eq!(captured.late, hold.state == HoldState::Expired);
        } else {
            assert!(counted.is_zero());
            assert_eq!(self.world.holds[&hold.id], hold, "a refused capture leaves the hold");
        }
    }

    fn reverse(&mut self, step: Step) {
        let Some(mut payment) = self.payment.take() else { return };
        match step {
            RefundHalf => payment.refunded = 50,
            RefundAll => payment.refunded = 100,
            Step::Dispute if payment.disputes.is_empty() => {
                let (id, state, opened_at) = (String::from("dp"), DisputeState::Open, self.at());
                payment.disputes.push(Dispute { id, amount: 70, state, opened_at });
            }
            _ => {}
        }
        if let Some(dispute) = payment.disputes.first_mut() {
            match step {
                Won => dispute.state = DisputeState::Won,
                Lost => dispute.state = DisputeState::Lost,
                Reinstated => dispute.state = DisputeState::Reinstated,
                _ => {}
            }
        }
        let lost = payment.disputes.iter().filter(|d| d.state == DisputeState::Lost).map(|d| d.amount).sum::<i64>();
        let share = (payment.refunded + lost).min(100);
        let answer = self.world.reverse(&mut payment, self.at()).expect("a small wallet");
        assert_eq!(Some(answer.target), Amount::from_micros(4 * SECOND * share / 100));
        assert_eq!(payment.taken, answer.target, "the target is reached");
        self.payment = Some(payment);
    }
}

/// Plays every sequence of `depth` steps of `alphabet`, each in a new wallet after the steps `first`; answers how many.
fn all(first: &[Step], alphabet: &[Step], depth: u32) -> usize {
    let count = alphabet.len().pow(depth);
    for number in 0..count {
        let mut rest = number;
        let mut small = Small::new();
        first.iter().for_each(|step| small.step(*step));
        let mut played = first.to_vec();
        for _ in 0..depth {
            let step = alphabet[rest % alphabet.len()];
            rest /= alphabet.len();
            played.push(step);
            let stepped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| small.step(step)));
            if let Err(cause) = stepped {
                eprintln!("after {played:?}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    count
}

#[test]
fn every_life_of_grants_holds_and_expiries() {
    assert_eq!(all(&[], &[Wait, Grant, Spend, Hold, CaptureUnder, CaptureOver, Release], 5), 16_807);
}

#[test]
fn every_order_of_refunds_and_disputes() {
    assert_eq!(
        all(&[Grant, Spend, Hold], &[RefundHalf, RefundAll, Step::Dispute, Won, Lost, Reinstated, Grant], 5),
        16_807
    );
}

#[test]
fn every_reversal_over_spends_and_holds() {
    let alphabet =
        [Grant, Spend, Hold, CaptureUnder, Release, Wait, RefundHalf, RefundAll, Step::Dispute, Lost, Reinstated];
    assert_eq!(all(&[Grant], &alphabet, 4), 14_641);
}
