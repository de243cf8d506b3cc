//! A connection to PostgreSQL: statements are prepared once, and a group of them goes in one round trip.

use super::{
    connect::Role,
    error::said,
    wire::{Encoded, decode, encode, encode_array},
};
use crate::platform::{
    db::{
        DbError, Kind,
        text::Texts,
        tx::{Op, Outcome},
    },
    fault::{Side, UnitFault},
};
use futures_util::{StreamExt as _, future::join_all};
use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_postgres::{Client, Statement};

/// Longest a group may take: more than the server's own limits, which end it in better order.
const GROUP: Duration = Duration::from_secs(45);
/// Most statements kept prepared; there are fewer in the program.
const MOST_STATEMENTS: usize = 1024;
/// How long the plans of a new connection live, and the longest that plans live at all: each time twice as long.
const FIRST_PLANS: Duration = Duration::from_millis(100);
const LONGEST_PLANS: Duration = Duration::from_secs(60);
/// Stands in for a statement that is to fail.
const FAILS: &str = "SELECT 1 / 0";

/// A connection, and what is prepared on it.
pub(in crate::platform::db) struct Conn {
    runtime: Rc<Runtime>,
    client: Client,
    driver: JoinHandle<()>,
    role: Role,
    texts: Texts,
    statements: HashMap<Arc<str>, Statement>,
    /// How long plans live now, and since when.
    plans: (Duration, Instant),
    fault: UnitFault,
    begun: bool,
    /// Of no more use: it is to be made anew.
    lost: bool,
    /// The last error may well not come again.
    again: bool,
}

/// One statement of a group.
struct Step {
    statement: Statement,
    params: Vec<Encoded>,
    /// A test's, in the place of or behind one of ours.
    injected: bool,
}

impl Conn {
    pub(super) fn new(runtime: Rc<Runtime>, client: Client, driver: JoinHandle<()>, role: Role) -> Self {
        Self {
            runtime,
            client,
            driver,
            role,
            texts: Texts::new(Kind::Postgres),
            statements: HashMap::new(),
            plans: (FIRST_PLANS, Instant::now()),
            fault: UnitFault::default(),
            begun: false,
            lost: false,
            again: false,
        }
    }

    /// Whether it is of no more use.
    pub(super) fn is_lost(&self) -> bool {
        self.lost || self.client.is_closed()
    }

    /// Whether the last error may well not come again.
    pub(super) const fn may_try_again(&self) -> bool {
        self.again
    }

    /// Waits for `work` while the connection is driven; `None` when the connection is lost first.
    pub(super) fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let (runtime, driver) = (&self.runtime, &mut self.driver);
        let done = runtime.block_on(async {
            tokio::select! {
                biased;
                done = work => Some(done),
                _ = driver => None,
            }
        });
        self.lost |= done.is_none();
        done
    }

    /// The next statements are a new unit's.
    pub(super) fn start(&mut self, fault: UnitFault) {
        // First, so that nothing of how that went is taken for the unit's.
        self.plan_anew();
        self.fault = fault;
        self.begun = false;
        self.again = false;
    }

    /// Throws plans away when they have lived their time. A plan is made by what a table was then, and PostgreSQL keeps
    /// it until the table is analysed again: one that was made while the table was known to be empty reads all of
    /// it each time, however large it grows.
    fn plan_anew(&mut self) {
        let (life, since) = self.plans;
        if since.elapsed() < life {
            return;
        }
        self.plans = ((life * 2).min(LONGEST_PLANS), Instant::now());
        // Where it fails the next statement says why.
        let _failed = self.alone("DISCARD PLANS");
    }

    /// Runs one statement of no parameters outside of any unit.
    fn alone(&mut self, text: &str) -> Result<(), DbError> {
        let statement = self.statement(text)?;
        self.send(&[Step { statement, params: Vec::new(), injected: false }]).map(drop)
    }

    /// Runs `ops` in order in one round trip, BEGIN with the first of a unit.
    pub(in crate::platform::db) fn run(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, DbError> {
        self.group(ops, false)
    }

    /// Runs `ops` and COMMIT in one round trip. A unit that did nothing has nothing to commit.
    pub(super) fn commit(&mut self, ops: &[Op]) -> Result<(), DbError> {
        if ops.is_empty() && !self.begun { Ok(()) } else { self.group(ops, true).map(drop) }
    }

    /// Undoes the unit.
    pub(super) fn rollback(&mut self) {
        if !self.begun || self.is_lost() {
            return;
        }
        self.fault = UnitFault::default();
        self.lost |= self.alone("ROLLBACK").is_err();
        self.begun = false;
    }

    fn group(&mut self, ops: &[Op], commit: bool) -> Result<Vec<Outcome>, DbError> {
        // Everything is prepared and encoded before anything is sent: a statement that had to be prepared
        // in between would be overtaken by the COMMIT behind it.
        let mut steps = Vec::with_capacity(ops.len() + 2);
        if !self.begun {
            let begin = match self.role {
                Role::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                _ => "BEGIN ISOLATION LEVEL READ COMMITTED",
            };
            let statement = self.statement(begin)?;
            self.step(&mut steps, Step { statement, params: Vec::new(), injected: false })?;
        }
        // Where each operation's answer stands; an operation on no rows asks nothing.
        let mut places = Vec::with_capacity(ops.len());
        for op in ops {
            let step = self.encoded(op)?;
            places.push(step.is_some().then_some(steps.len()));
            if let Some(step) = step {
                self.step(&mut steps, step)?;
            }
        }
        if commit {
            let statement = self.statement("COMMIT")?;
            self.step(&mut steps, Step { statement, params: Vec::new(), injected: false })?;
        }
        self.begun = true;
        let mut outcomes = self.send(&steps)?;
        self.begun = !commit;
        Ok(places.iter().map(|place| place.map(|at| std::mem::take(&mut outcomes[at])).unwrap_or_default()).collect())
    }

    /// Adds a step, or what a test wants to happen at it.
    fn step(&mut self, steps: &mut Vec<Step>, step: Step) -> Result<(), DbError> {
        let side = self.fault.statement();
        let failing = |conn: &mut Self| {
            let statement = conn.statement(FAILS)?;
            Ok::<_, DbError>(Step { statement, params: Vec::new(), injected: true })
        };
        match side {
            None => steps.push(step),
            Some(Side::Before) => steps.push(failing(self)?),
            Some(Side::After) => {
                steps.push(step);
                steps.push(failing(self)?);
            }
        }
        Ok(())
    }

    /// Sends `steps` in one round trip. They succeeded only if each did: COMMIT after a failed statement
    /// answers as if it had committed.
    fn send(&mut self, steps: &[Step]) -> Result<Vec<Outcome>, DbError> {
        let client = &self.client;
        let answers = self.runtime.block_on(async {
            tokio::time::timeout(GROUP, join_all(steps.iter().map(|step| answer(client, step)))).await
        });
        let Ok(answers) = answers else {
            self.lost = true;
            return Err(DbError::Unavailable("the database took too long to answer".into()));
        };
        let mut outcomes = Vec::with_capacity(steps.len());
        for (answer, step) in answers.into_iter().zip(steps) {
            match answer {
                Ok(outcome) => outcomes.push(outcome?),
                Err(_) if step.injected => return Err(DbError::Unavailable("injected".into())),
                Err(error) => {
                    let said = said(&error);
                    self.lost |= said.lost;
                    self.again = said.again;
                    return Err(said.error);
                }
            }
        }
        Ok(outcomes)
    }

    /// A step that does `op`, unless it is over no rows.
    fn encoded(&mut self, op: &Op) -> Result<Option<Step>, DbError> {
        let rows = match op {
            Op::Query { .. } => None,
            Op::Many { keys, .. } => Some(keys),
            Op::Insert { rows, .. } | Op::Update { rows, .. } => Some(rows),
        };
        if rows.is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let text = self.texts.of(op);
        let statement = self.statement(&text)?;
        let types = statement.params();
        let given = match op {
            Op::Query { params, .. } => params.len(),
            _ => rows.map_or(0, |rows| rows[0].len()),
        };
        if given != types.len() {
            return Err(DbError::Bug(format!("{given} parameters for a statement of {}: {text}", types.len())));
        }
        let params: Result<Vec<_>, String> = match op {
            Op::Query { params, .. } => types.iter().zip(params).map(|(ty, value)| encode(ty, value)).collect(),
            Op::Many { keys: rows, .. } | Op::Insert { rows, .. } | Op::Update { rows, .. } => {
                types.iter().enumerate().map(|(at, ty)| encode_array(ty, rows, at)).collect()
            }
        };
        let params = params.map_err(|why| DbError::Bug(format!("{why}: {text}")))?;
        Ok(Some(Step { statement, params, injected: false }))
    }

    /// `text` prepared on this connection.
    fn statement(&mut self, text: &str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= MOST_STATEMENTS {
            self.statements.clear();
        }
        let client = &self.client;
        let prepared = self.runtime.block_on(async { tokio::time::timeout(GROUP, client.prepare(text)).await });
        let Ok(prepared) = prepared else {
            self.lost = true;
            return Err(DbError::Unavailable("the database took too long to answer".into()));
        };
        let statement = prepared.map_err(|error| {
            let said = said(&error);
            self.lost |= said.lost;
            self.again = said.again;
            match said.error {
                DbError::Bug(why) => DbError::Bug(format!("{why}: {text}")),
                other => other,
            }
        })?;
        self.statements.insert(text.into(), statement.clone());
        Ok(statement)
    }

    /// Runs several statements without parameters, one after another: migrations.
    pub(super) fn script(&mut self, text: &str) -> Result<(), DbError> {
        let ran = self.runtime.block_on(self.client.batch_execute(text));
        ran.map_err(|error| said(&error).error)
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Sends one statement when first polled, and reads its answer.
async fn answer(client: &Client, step: &Step) -> Result<Result<Outcome, DbError>, tokio_postgres::Error> {
    let mut stream = pin!(client.query_raw(&step.statement, step.params.iter()).await?);
    let mut outcome = Outcome::default();
    let mut unreadable = None;
    while let Some(row) = stream.next().await {
        match decode(&row?) {
            Ok(row) => outcome.rows.push(row),
            Err(error) => unreadable = Some(error),
        }
    }
    outcome.touched = stream.rows_affected().unwrap_or(0);
    Ok(unreadable.map_or(Ok(outcome), Err))
}
