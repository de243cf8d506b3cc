//! The closed loop: each caller asks, waits for its answer and asks again, until the time is over.

use super::{
    args::{Bench, Run},
    ask::{Capture, Said, Spend},
    door::Door,
    draw::{Draw, Keys, customer},
    events::Events,
    progress::{Rate, shown},
    tally::{Counts, Tally},
    target::Target,
};
use purser_rules::Amount;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Of so many spends one is an earlier one again.
const REPLAYS: u64 = 100;
/// How many of its spends a caller remembers to ask again.
const REMEMBERED: usize = 64;
/// The largest amount asked for, in whole credits.
const MOST: u64 = 10;

/// Runs the callers; answers what they were told in the measured time, and how long that was.
pub(super) async fn run(bench: &Bench, target: &Target) -> Result<(Counts, Duration), String> {
    let tally = Arc::new(Tally::new());
    let start = Instant::now() + Duration::from_secs(bench.warm_up);
    let end = start + Duration::from_secs(bench.seconds);
    let mut callers = JoinSet::new();
    for n in 0..bench.callers {
        let mut caller = Caller::new(bench, target, n);
        let tally = Arc::clone(&tally);
        callers.spawn(async move {
            loop {
                let now = Instant::now();
                if now >= end {
                    break;
                }
                caller.step((now >= start).then_some(&*tally)).await;
            }
        });
    }
    let rate = Rate::new();
    let now = || {
        let (_, items, refused, failed) = tally.at_a_glance();
        let left = end.saturating_duration_since(Instant::now()).as_secs();
        format!("{left} s left: {} a second, {refused} refused, {failed} failed", rate.now(items))
    };
    let all = async {
        while let Some(ended) = callers.join_next().await {
            ended.map_err(|error| format!("A caller ended: {error}."))?;
        }
        Ok::<_, String>(())
    };
    shown(now, all).await?;
    // To the last answer: what was asked in time counts, and so does the time it took.
    Ok((tally.counts(), start.elapsed()))
}

/// One caller.
struct Caller {
    run: Run,
    door: Door,
    draw: Draw,
    keys: Keys,
    bench: Bench,
    /// What it sends in as Stripe.
    events: Option<Events>,
    /// Spends that were accepted, with their ids.
    earlier: Vec<(Spend, String)>,
}

impl Caller {
    fn new(bench: &Bench, target: &Target, n: u64) -> Self {
        Self {
            run: bench.run,
            door: target.door(n),
            draw: Draw::new(bench.seed, n),
            keys: target.keys(bench, n),
            bench: bench.clone(),
            events: target.events(bench, n),
            earlier: Vec::with_capacity(REMEMBERED),
        }
    }

    /// Asks once (for a hold twice); the answers go to `tally` unless it is too early to measure.
    async fn step(&mut self, tally: Option<&Tally>) {
        let took = |said: &[Said], asked: Instant, items: u64| {
            if let Some(tally) = tally {
                tally.take(said, asked.elapsed(), items);
            }
        };
        match self.run {
            Run::Spends | Run::Trace => {
                let (spend, first) = self.next();
                let asked = Instant::now();
                let said = self.door.spend(&spend).await.checked(first.as_deref());
                took(std::slice::from_ref(&said), asked, 1);
                self.remember(spend, &said);
            }
            Run::Batches => {
                let (spends, firsts): (Vec<Spend>, Vec<_>) = (0..self.bench.batch).map(|_| self.next()).unzip();
                let asked = Instant::now();
                let said = self.door.batch(&spends).await.into_iter().zip(&firsts);
                let said: Vec<Said> = said.map(|(said, first)| said.checked(first.as_deref())).collect();
                let answered = said.iter().filter(|said| !matches!(said, Said::Failed(_))).count();
                took(&said, asked, u64::try_from(answered).unwrap_or(0));
                spends.into_iter().zip(&said).for_each(|(spend, said)| self.remember(spend, said));
            }
            Run::Holds => {
                let spend = self.new_spend();
                let asked = Instant::now();
                let said = self.door.hold(&spend).await.checked(None);
                took(std::slice::from_ref(&said), asked, 0);
                let Said::Done { id, .. } = said else { return };
                let capture = Capture { hold: id, amount: spend.amount, key: self.keys.make() };
                let asked = Instant::now();
                let said = self.door.capture(&capture).await.checked(None);
                took(std::slice::from_ref(&said), asked, u64::from(said.is_done()));
            }
            Run::Balance => {
                let customer = customer(self.draw.customer(self.bench.customers(), self.bench.spread));
                let asked = Instant::now();
                let said = self.door.balance(&customer).await;
                took(&[said], asked, 1);
            }
            Run::Check => {
                let spend = self.new_spend();
                let asked = Instant::now();
                let said = self.door.check(&spend).await;
                took(&[said], asked, 1);
            }
            // Events that are acted on have no callers.
            Run::Webhooks | Run::Events => {
                let Some(events) = &mut self.events else { return tokio::task::yield_now().await };
                let event = events.next(&mut self.draw);
                let asked = Instant::now();
                let said = self.door.event(event).await;
                took(&[said], asked, 1);
            }
        }
    }

    /// The next spend, and the id it must be answered with if it is an earlier one again.
    fn next(&mut self) -> (Spend, Option<String>) {
        if !self.earlier.is_empty() && self.draw.below(REPLAYS) == 0 {
            let many = u64::try_from(self.earlier.len()).unwrap_or(0);
            let at = usize::try_from(self.draw.below(many)).unwrap_or(0);
            let (spend, id) = self.earlier[at].clone();
            return (spend, Some(id));
        }
        (self.new_spend(), None)
    }

    fn new_spend(&mut self) -> Spend {
        let who = self.draw.customer(self.bench.customers(), self.bench.spread);
        let credits = i64::try_from(1 + self.draw.below(MOST)).unwrap_or(1);
        Spend { customer: customer(who), amount: Amount::units(credits), key: self.keys.make() }
    }

    /// Remembers a spend that was accepted, in place of one remembered before.
    fn remember(&mut self, spend: Spend, said: &Said) {
        if let Said::Done { id, replayed: false } = said {
            let kept = (spend, id.clone());
            if self.earlier.len() < REMEMBERED {
                self.earlier.push(kept);
            } else {
                let at = self.draw.below(u64::try_from(REMEMBERED).unwrap_or(1));
                self.earlier[usize::try_from(at).unwrap_or(0)] = kept;
            }
        }
    }
}
