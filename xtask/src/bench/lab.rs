//! Where rows are measured: how long and how often, and a failing row is written down and loses no other.

use super::record::{Figures, Record, Row};
use crate::{
    postgres::Postgres,
    shell::{self, command, root},
};
use std::{
    cell::{LazyCell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often each row is run.
    pub runs: u32,
    /// Seconds of each run.
    pub seconds: u32,
    /// Seconds before each run that do not count.
    pub warm_up: u32,
    /// Whether this is only a look: fewer rows, smaller databases.
    pub quick: bool,
}

impl Effort {
    /// What `docs/bench.md` is written from.
    pub const FULL: Self = Self { runs: 3, seconds: 4, warm_up: 2, quick: false };
    /// A look.
    pub const QUICK: Self = Self { runs: 1, seconds: 3, warm_up: 1, quick: true };
}

/// What all sections share.
pub struct Lab {
    /// How much is measured.
    pub effort: Effort,
    /// The PostgreSQL of this run, started when a section first wants it.
    pub cluster: LazyCell<Postgres>,
    /// Where SQLite's files and the logs stand: on the disk of the tree.
    pub folder: PathBuf,
    /// The filled databases that rows get copies of, by what is in them.
    pub filled: RefCell<BTreeMap<String, String>>,
}

/// A section's record while it is measured.
pub struct Sheet<'a> {
    /// What all sections share.
    pub lab: &'a Lab,
    record: Record,
    file: PathBuf,
}

impl Lab {
    /// A folder under `target`, and a PostgreSQL of its own once one is wanted.
    pub fn open(effort: Effort) -> Result<Self, String> {
        let folder = root().join("target/bench/data");
        let _earlier = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        durable(&folder)?;
        let cluster = LazyCell::new(running_for_a_while as fn() -> Postgres);
        Ok(Self { effort, cluster, folder, filled: RefCell::default() })
    }
}

/// Sees that `place` is on a disk.
fn durable(place: &Path) -> Result<(), String> {
    let kind = shell::output(command("df", &["--output=fstype"]).arg(place))?;
    if !kind.contains("tmpfs") {
        return Ok(());
    }
    Err(format!("{} is in memory, where nothing is durable: set TMPDIR to a folder on a disk", place.display()))
}

/// A PostgreSQL as an operator sets it up who read the guide: with a log to reuse, as one has that has run for a while (to
/// make a new 16 MB segment takes 50 ms, in which nothing is committed), and buffers that hold a million customers.
fn running_for_a_while() -> Postgres {
    let cluster = Postgres::make(&[]);
    durable(&cluster.dir).unwrap_or_else(|why| panic!("{why}"));
    cluster.up_with::<&str>(&["min_wal_size=4GB", "max_wal_size=4GB", "shared_buffers=2GB"], &[]);
    let url = cluster.url("postgres");
    cluster.psql(&url, "SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal() FROM generate_series(1, 200)");
    cluster.psql(&url, "CHECKPOINT");
    cluster
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}

impl<'a> Sheet<'a> {
    /// An empty record that is kept in `file`.
    pub fn new(lab: &'a Lab, file: PathBuf, commit: String, machine: String) -> Self {
        let record = Record { commit, machine, seconds: lab.effort.seconds, rows: Vec::new() };
        Self { lab, record, file }
    }

    /// Measures one row as often as the effort says, and keeps it. A failure is kept as such.
    pub fn row(&mut self, name: &str, command: &str, once: impl FnMut() -> Result<Figures, String>) {
        self.in_turn(vec![Measured::new(name, command, once)]);
    }

    /// Measures rows that are to be compared: one run of each in turn, so that a machine that is slower for some minutes
    /// is so for all of them.
    pub fn in_turn(&mut self, rows: Vec<Measured<'_>>) {
        self.turns(self.lab.effort.runs, rows);
    }

    /// As [`Self::in_turn`], with so many runs of each row.
    pub fn turns(&mut self, runs: u32, mut rows: Vec<Measured<'_>>) {
        for run in 1..=runs {
            for measured in rows.iter_mut().filter(|measured| measured.row.failed.is_none()) {
                progress(&format!("{} ({run} of {runs})", measured.row.name));
                measured.run();
            }
        }
        self.record.rows.extend(rows.into_iter().map(|measured| measured.row));
        if let Err(why) = self.record.save(&self.file) {
            progress(&why);
        }
    }
}

/// A row, and how it is measured once.
pub struct Measured<'a> {
    row: Row,
    once: Box<dyn FnMut() -> Result<Figures, String> + 'a>,
}

impl<'a> Measured<'a> {
    /// A row with this name that is measured by `once`, which people can do by `command`.
    pub fn new(name: &str, command: &str, once: impl FnMut() -> Result<Figures, String> + 'a) -> Self {
        let row = Row { name: name.to_owned(), command: command.to_owned(), runs: Vec::new(), failed: None };
        Self { row, once: Box::new(once) }
    }

    /// One run. A failure is kept as such.
    fn run(&mut self) {
        match caught(&mut self.once) {
            Ok(figures) => {
                progress(&format!("  {}", words(&figures)));
                self.row.runs.push(figures);
            }
            Err(why) => {
                progress(&format!("  failed: {why}"));
                self.row.failed = Some(why);
            }
        }
    }
}

/// Runs `once`; a panic (the tests' PostgreSQL has them) is an error like any other.
pub fn caught<T>(once: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(once)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    })
}

/// Says on standard error how far it is.
#[expect(clippy::print_stderr, reason = "progress, for the person who waits")]
pub fn progress(line: &str) {
    eprintln!("{line}");
}

/// The figures in one line.
fn words(figures: &Figures) -> String {
    figures.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
