//! A running sandbox: its state, its clock, and the socket it answers on.

use crate::{
    clock,
    deliver::{self, Http, Log, Outgoing, Sent},
    http::{
        Reply, Request,
        serve::{self, Traffic},
    },
    objects::portal::configurations,
    pages,
    world::{Cx, World},
};
use axum::{Router, body::Body, http::Response};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinSet, yield_now},
    time::sleep,
};

/// What a sandbox is given.
pub struct Settings {
    /// Where chance comes from: the same seed and the same requests give the same life.
    pub seed: u64,
    /// How its clock goes.
    pub clock: Clock,
    /// A state to go on from, as it was dumped. If its clock stood it stands on, whatever is said here.
    pub load: Option<String>,
    /// A file that every request and its answer, and every event that is sent, is written to, a line of JSON each.
    pub record: Option<PathBuf>,
}

/// How a sandbox's clock goes.
pub enum Clock {
    /// It stands at this second until it is moved.
    Standing(i64),
    /// It goes with this clock, and ahead of it once it was moved.
    Going(Box<dyn Fn() -> i64 + Send + Sync>),
}

/// Why there is no sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The state to go on from is none.
    BadState(String),
    /// The machine gives no TLS, no file or no socket.
    Machine(String),
}

impl std::fmt::Display for NotStarted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadState(why) => write!(out, "The state to load is not one that a sandbox dumped: {why}"),
            Self::Machine(why) => out.write_str(why),
        }
    }
}

impl std::error::Error for NotStarted {}

/// A sandbox.
pub struct Sandbox {
    shared: Arc<Shared>,
}

/// What requests, pages and the clock share.
pub(crate) struct Shared {
    world: Mutex<World>,
    going: Option<Going>,
    /// The time when the state was last looked at.
    now: AtomicI64,
    /// What is going on beside the state.
    pub traffic: Arc<Traffic>,
    /// What was sent last.
    pub sent: Log,
    http: Http,
    woken: Notify,
    record: Option<Mutex<File>>,
}

/// A clock that goes.
struct Going {
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    /// How far ahead of it the sandbox's is, in seconds.
    ahead: Arc<AtomicI64>,
}

impl Going {
    /// The time it is.
    fn now(&self) -> i64 {
        (self.clock)().saturating_add(self.ahead.load(Relaxed))
    }

    /// Goes on from `now`, unless that is behind the clock: time goes back for nobody.
    fn go_on(&self, now: i64) {
        self.ahead.store(now.saturating_sub((self.clock)()).max(0), Relaxed);
    }
}

impl Sandbox {
    /// A sandbox that answers at `base`, such as `http://127.0.0.1:12111`, once it is served.
    ///
    /// # Errors
    /// [`NotStarted`]
    pub fn new(settings: Settings, base: &str) -> Result<Self, NotStarted> {
        let mut world = settings.load.as_deref().map(loaded).transpose()?;
        let (start, going) = match settings.clock {
            Clock::Going(clock) if !world.as_ref().is_some_and(|world| world.stands) => (clock(), Some(clock)),
            Clock::Going(_) => (0, None),
            Clock::Standing(at) => (at, None),
        };
        let going = going.map(|clock| Going { clock, ahead: Arc::default() });
        let mut world = world.take().unwrap_or_else(|| World::new(settings.seed, start));
        world.settings.base = base.trim_end_matches('/').to_owned();
        if let Some(going) = &going {
            // It may have been moved ahead before the state was kept.
            going.go_on(world.now);
        }
        let record = settings.record.map(|path| {
            let shown = path.display().to_string();
            File::create(path)
                .map(Mutex::new)
                .map_err(|error| NotStarted::Machine(format!("{shown} cannot be written: {error}")))
        });
        let shared = Shared {
            now: AtomicI64::new(world.now),
            world: Mutex::new(world),
            going,
            traffic: Arc::new(Traffic::new(settings.seed)),
            sent: Log::default(),
            http: Http::new().map_err(NotStarted::Machine)?,
            woken: Notify::new(),
            record: record.transpose()?,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers on `listener` until the future is dropped.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn serve(self, listener: TcpListener) -> Result<(), std::io::Error> {
        let shared = self.shared.clone();
        let served = axum::serve(listener, router(shared));
        // Among the runtime's own tasks, where the connections that it sends on are: then no thread waits for another.
        let mut clock = JoinSet::new();
        let shared = self.shared.clone();
        clock.spawn(async move { run_clock(&shared).await });
        tokio::select! {
            done = served.into_future() => done,
            _ = clock.join_next() => Ok(()),
        }
    }

    /// Its state, which can be kept after it was served.
    #[must_use]
    pub fn state(&self) -> State {
        State(self.shared.clone())
    }

    /// Moves the clock on to `at` and does all that is due until then.
    pub async fn advance(&self, at: i64) {
        advance(&self.shared, at).await;
    }
}

/// The state of a sandbox.
pub struct State(Arc<Shared>);

impl State {
    /// As JSON, to go on from later.
    #[must_use]
    pub fn dump(&self) -> String {
        self.0.dump()
    }

    /// How many seconds its clock is ahead of the one it goes with, kept up to date; 0 for one that stands.
    #[must_use]
    pub fn ahead(&self) -> Arc<AtomicI64> {
        self.0.going.as_ref().map(|going| going.ahead.clone()).unwrap_or_default()
    }

    /// Asks the API as a program would: `path` is what stands behind `/v1/`. Answers the body.
    ///
    /// # Errors
    /// What the API says of it.
    pub fn ask(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
        let answer = pages::ask(&self.0, method, path, params);
        self.0.wake();
        answer
    }

    /// The id of the portal's configuration for visits that name none, which is made if it is not there.
    #[must_use]
    pub fn portal(&self) -> String {
        self.0.with(|world| configurations::default(&mut Cx::new(world, None)))
    }
}

fn loaded(text: &str) -> Result<World, NotStarted> {
    let mut world: World = serde_json::from_str(text).map_err(|error| NotStarted::BadState(error.to_string()))?;
    deliver::resume(&mut world);
    Ok(world)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the state, at the time it is.
    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        if let Some(going) = &self.going {
            // What became due since the last look comes first; it is sent by the clock's own run.
            let now = going.now();
            while clock::next_timer(&world).is_some_and(|at| at <= now) {
                clock::run_timers(&mut world, now);
            }
            world.now = world.now.max(now);
        }
        let done = work(&mut world);
        self.look(&world);
        done
    }

    /// Takes note of the time: a clock that goes does so from where it was moved to, or where another state stands.
    fn look(&self, world: &World) {
        let was = self.now.swap(world.now, Relaxed);
        if let Some(going) = &self.going
            && (world.now < was || world.now > going.now())
        {
            going.go_on(world.now);
        }
    }

    /// The time when the state was last looked at.
    pub fn now(&self) -> i64 {
        self.now.load(Relaxed)
    }

    /// Lets the clock look whether something is due.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// The state as JSON.
    pub fn dump(&self) -> String {
        let mut world = self.lock();
        deliver::forget(&mut world);
        let now = world.now;
        world.answered.forget(now);
        world.stands = self.going.is_none();
        serde_json::to_string(&*world).unwrap_or_default()
    }

    /// Puts a state in place of the one there is.
    pub fn load(&self, text: &str) -> Result<(), NotStarted> {
        let mut world = loaded(text)?;
        let mut now = self.lock();
        world.settings.base.clone_from(&now.settings.base);
        *now = world;
        self.look(&now);
        drop(now);
        self.sent.forget();
        self.wake();
        Ok(())
    }

    /// Writes a request and its answer down.
    pub fn record(&self, request: &Request, reply: &Reply) {
        self.write_down(|| {
            json!({
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "body": String::from_utf8_lossy(&request.body),
                "status": reply.status,
                "answer": parsed(&reply.body),
            })
        });
    }

    /// Writes an event down that is sent, as often as it is tried.
    fn record_delivery(&self, outgoing: &Outgoing) {
        self.write_down(|| json!({ "delivery": parsed(&outgoing.body), "to": outgoing.url }));
    }

    /// Writes a line, if there is a file for it.
    fn write_down(&self, line: impl FnOnce() -> Value) {
        let Some(file) = &self.record else { return };
        let line = format!("{}\n", line());
        if let Err(error) = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()) {
            tracing::warn!(%error, "what was said could not be written down");
        }
    }
}

/// What was sent, as JSON; null if it is none.
fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(move |request: axum::extract::Request| {
        let shared = shared.clone();
        async move { handle(shared, request).await }
    })
}

async fn handle(shared: Arc<Shared>, request: axum::extract::Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if path.starts_with("/v1/") || path.starts_with("/v2/") {
        return serve::api(shared, parts, body).await;
    }
    pages::answer(shared, parts, body).await
}

/// How long the clock waits at most before it looks again, when it goes by itself.
const LOOK: Duration = Duration::from_millis(200);

/// Does what is due, for ever.
async fn run_clock(shared: &Arc<Shared>) {
    loop {
        let to = {
            let world = shared.lock();
            let going = shared.going.as_ref().map_or(world.now, Going::now);
            going.max(world.target)
        };
        advance(shared, to).await;
        tokio::select! {
            () = shared.woken.notified() => {}
            () = sleep(LOOK), if shared.going.is_some() => {}
        }
    }
}

/// Moves the clock on to `to`, instant by instant: what is due is done, then what is to be sent is sent, in order, each
/// once the one before was answered.
pub(crate) async fn advance(shared: &Arc<Shared>, to: i64) {
    loop {
        let sending = {
            let mut world = shared.lock();
            let sending = clock::step(&mut world, to);
            shared.look(&world);
            sending
        };
        let Some(sending) = sending else { return };
        for outgoing in sending {
            shared.record_delivery(&outgoing);
            let answer = deliver::send(&shared.http, &outgoing).await;
            let result = answer.as_ref().map(|answered| answered.status).map_err(Clone::clone);
            let delivery = outgoing.delivery.clone();
            shared.sent.note(Sent { outgoing, answer });
            deliver::settle(&mut shared.lock(), &delivery, result);
        }
        // A long way must not keep requests waiting until its end.
        yield_now().await;
    }
}

#[cfg(test)]
mod tests;
