//! What was measured, kept as JSON so that one section can be measured again and the page written from all.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// The figures of one run by name: whole numbers, their units in the names.
pub type Figures = BTreeMap<String, u64>;

/// One line of a table: what was run, how, and what came out each time.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// What stands in the first column; unique in its section.
    pub name: String,
    /// The exact command.
    pub command: String,
    /// The figures of each run.
    pub runs: Vec<Figures>,
    /// Why there are no figures.
    pub failed: Option<String>,
}

/// One section as it was measured.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Record {
    /// The commit it was measured at.
    pub commit: String,
    /// The machine, the day and the load before; empty in what an earlier version kept, which is of the page's machine.
    #[serde(default)]
    pub machine: String,
    /// How many seconds each run took after its warm-up.
    pub seconds: u32,
    /// Its lines.
    pub rows: Vec<Row>,
}

impl Row {
    /// The figure `key` of all runs, smallest first.
    fn all(&self, key: &str) -> Vec<u64> {
        let mut all: Vec<u64> = self.runs.iter().filter_map(|run| run.get(key).copied()).collect();
        all.sort_unstable();
        all
    }

    /// The median of `key` with its least and its most; none where it was not measured.
    pub fn spread(&self, key: &str) -> Option<(u64, u64, u64)> {
        let all = self.all(key);
        Some((*all.get(all.len() / 2)?, *all.first()?, *all.last()?))
    }

    /// The median of `key`.
    pub fn median(&self, key: &str) -> Option<u64> {
        self.spread(key).map(|(median, _, _)| median)
    }
}

impl Record {
    /// The record kept in `file`; none where there is none that can be read.
    pub fn load(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Keeps it in `file`.
    pub fn save(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        std::fs::write(file, text).map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}
