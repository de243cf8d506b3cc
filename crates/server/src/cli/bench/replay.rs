//! Replays a trace as an app would: a hold for the most a request may cost, then a capture of what it did cost.

use super::{
    args::{Bench, Pace},
    ask::{Capture, Gift, Said, Spend},
    door::Door,
    draw::{Draw, Keys, named},
    fill::{ends, give, kind},
    progress::shown,
    report::{Proved, Replayed},
    tally::{Counts, Tally},
    target::Target,
    trace::Line,
    zipf::Zipf,
};
use crate::features::credits;
use purser_rules::{Amount, ids::CustomerId};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How long a service takes to generate a token, as far as a capture waits for it: 40 tokens a second.
const TOKEN: Duration = Duration::from_millis(25);

/// What customers are given in whole credits, in turn: a large one, a team, a starter, a free one. Each list is a
/// promotion, an import and a gift by hand; with nothing of a kind there is no such grant.
const PLANS: [[i64; 3]; 4] = [[50, 500, 5000], [20, 0, 500], [5, 0, 50], [5, 0, 0]];

/// One request of the replay.
struct Request {
    line: Line,
    /// The number of its customer.
    customer: usize,
}

/// What all callers share.
struct Play {
    requests: Vec<Request>,
    customers: Vec<CustomerId>,
    /// The next request nobody has taken.
    next: AtomicUsize,
    started: Instant,
    pace: Pace,
    speed: u32,
    holds: Tally,
    captures: Tally,
    /// Millionths that were answered as held and as captured.
    held: AtomicI64,
    captured: AtomicI64,
    /// Microseconds the latest request was late.
    behind: AtomicU64,
}

/// Replays `lines`; answers what holds and captures were told together, how long it took, and the rest.
pub(super) async fn run(
    bench: &Bench,
    target: &Target,
    lines: Vec<Line>,
) -> Result<(Counts, Duration, Replayed), String> {
    let customers: Vec<CustomerId> = (0..bench.customers()).map(|n| named(&name(target, n))).collect();
    let granted = give_all(bench, target, &customers).await?;
    let (zipf, mut draw) = (Zipf::new(bench.customers()), Draw::new(bench.seed, 0));
    let mut rank = || usize::try_from(zipf.rank(&mut draw)).unwrap_or(0);
    let play = Arc::new(Play {
        requests: lines.into_iter().map(|line| Request { line, customer: rank() }).collect(),
        customers,
        next: AtomicUsize::new(0),
        started: Instant::now(),
        pace: bench.pace,
        speed: bench.speed,
        holds: Tally::new(),
        captures: Tally::new(),
        held: AtomicI64::new(0),
        captured: AtomicI64::new(0),
        behind: AtomicU64::new(0),
    });
    let mut callers = JoinSet::new();
    for n in 0..bench.callers {
        callers.spawn(Arc::clone(&play).caller(target.door(n), target.keys(bench, n)));
    }
    let all = async {
        while let Some(ended) = callers.join_next().await {
            ended.map_err(|error| format!("A caller ended: {error}."))?;
        }
        Ok::<_, String>(())
    };
    shown(|| play.progress(), all).await?;
    let took = play.started.elapsed();
    let (holds, captures) = (play.holds.counts(), play.captures.counts());
    let captured = play.captured.load(Ordering::SeqCst);
    let replayed = Replayed {
        requests: play.requests.len(),
        pace: bench.pace,
        speed: bench.speed,
        behind_us: play.behind.load(Ordering::SeqCst),
        hold: holds.waits(),
        capture: captures.waits(),
        held: shown_amount(play.held.load(Ordering::SeqCst)),
        captured: shown_amount(captured),
        proved: prove(target, &play.customers, granted, captured).await?,
    };
    Ok((holds.and(&captures), took, replayed))
}

/// The name of customer `n` of this run: each run has customers of its own, so that its sums are its own too.
fn name(target: &Target, n: u64) -> String {
    format!("trace-{:016x}-{n:04}", target.nonce())
}

fn shown_amount(micros: i64) -> String {
    Amount::from_micros(micros).map_or_else(|| format!("{micros} millionths"), |amount| amount.to_string())
}

/// Gives every customer the grants of its plan; answers how many millionths in all.
async fn give_all(bench: &Bench, target: &Target, customers: &[CustomerId]) -> Result<i64, String> {
    let plan = |n: usize| PLANS[n % PLANS.len()];
    let granted: i64 = (0..customers.len()).flat_map(plan).map(|credits| Amount::units(credits).micros()).sum();
    let gift = |customer: &CustomerId, n: u64, credits: i64| Gift {
        customer: customer.clone(),
        amount: Amount::units(credits),
        kind: kind(n),
        source: format!("bench-{n}"),
        expires_at: ends(kind(n)),
    };
    let gifts = customers.iter().enumerate().map(|(at, customer)| {
        let credits = (0..).zip(plan(at)).filter(|(_, credits)| *credits > 0);
        credits.map(|(n, credits)| gift(customer, n, credits)).collect()
    });
    let done = AtomicU64::new(0);
    let now = || format!("{} grants are given", done.load(Ordering::Relaxed));
    shown(now, give(target, bench.callers, gifts, &done)).await?;
    Ok(granted)
}

impl Play {
    /// Takes one request after the other until none is left.
    async fn caller(self: Arc<Self>, mut door: Door, mut keys: Keys) {
        loop {
            let at = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(request) = self.requests.get(at) else { return };
            if self.pace == Pace::Trace {
                self.until_due(request.line).await;
            }
            self.serve(request, &mut door, &mut keys).await;
        }
    }

    /// Waits for the instant at which the trace has the request.
    async fn until_due(&self, line: Line) {
        let first = self.requests.first().map_or(line.at, |first| first.line.at);
        let after = u64::try_from(line.at.micros() - first.micros()).unwrap_or(0) / u64::from(self.speed);
        let due = self.started + Duration::from_micros(after);
        tokio::time::sleep_until(due.into()).await;
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.behind.fetch_max(late, Ordering::SeqCst);
    }

    /// Holds, waits for what is generated (at the trace's own pace), and captures.
    async fn serve(&self, request: &Request, door: &mut Door, keys: &mut Keys) {
        let (most, cost) = (request.line.most(), request.line.cost());
        let spend = Spend { customer: self.customers[request.customer].clone(), amount: most, key: keys.make() };
        let asked = Instant::now();
        let said = door.hold(&spend).await.checked(None);
        self.holds.take(std::slice::from_ref(&said), asked.elapsed(), 0);
        let Said::Done { id, .. } = said else { return };
        self.held.fetch_add(most.micros(), Ordering::SeqCst);
        if self.pace == Pace::Trace {
            tokio::time::sleep(TOKEN * request.line.generated / self.speed).await;
        }
        let capture = Capture { hold: id, amount: cost, key: keys.make() };
        let asked = Instant::now();
        let said = door.capture(&capture).await.checked(None);
        if said.is_done() {
            self.captured.fetch_add(cost.micros(), Ordering::SeqCst);
        }
        self.captures.take(std::slice::from_ref(&said), asked.elapsed(), u64::from(said.is_done()));
    }

    fn progress(&self) -> String {
        let (asked, captured) = (self.holds.at_a_glance(), self.captures.at_a_glance());
        let (all, failed) = (self.requests.len(), asked.3 + captured.3);
        format!("{} of {all} requests, {} captured, {} refused, {failed} failed", asked.0, captured.1, asked.2)
    }
}

/// Compares what every customer has left with what it was given and what captures were answered; in process the
/// whole ledger is proved too.
async fn prove(target: &Target, customers: &[CustomerId], granted: i64, captured: i64) -> Result<Proved, String> {
    let mut door = target.door(0);
    let (mut available, mut held) = (0, 0);
    for customer in customers {
        let standing = door.standing(customer).await?;
        let standing = standing.ok_or_else(|| format!("The customer {} is gone.", customer.as_str()))?;
        available += standing.available.micros();
        held += standing.held.micros();
    }
    let spent = granted - available - held;
    let mut proved = Proved {
        checked: "the sum of all balances",
        spent: shown_amount(spent),
        still_held: shown_amount(held),
        holds: spent == captured && held == 0,
        wallets: None,
        entries: None,
        flaws: Vec::new(),
    };
    if let Some(app) = target.app() {
        let verified = credits::verify(app.db(), |_, _| {}).await.map_err(|error| error.to_string())?;
        proved.checked = "the sum of all balances, and every entry of the ledger";
        proved.holds &= verified.flaws.is_empty();
        (proved.wallets, proved.entries) = (Some(verified.wallets), Some(verified.entries));
        proved.flaws = verified.flaws;
    }
    Ok(proved)
}
