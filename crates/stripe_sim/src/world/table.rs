//! Objects of one kind, in the order they were made.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Objects of one kind by id, in the order they were made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Table<T> {
    rows: IndexMap<String, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: IndexMap::new() }
    }
}

impl<T> Table<T> {
    /// The object with this id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(id)
    }

    /// The object with this id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.rows.get_mut(id)
    }

    /// Puts an object in, or in place of the one with its id.
    pub fn put(&mut self, id: String, row: T) {
        self.rows.insert(id, row);
    }

    /// Takes an object out.
    pub fn take(&mut self, id: &str) -> Option<T> {
        self.rows.shift_remove(id)
    }

    /// All, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }

    /// Takes out the oldest, as long as `gone` says so of them.
    pub fn forget(&mut self, gone: impl Fn(&T) -> bool) {
        let count = self.rows.values().take_while(|row| gone(row)).count();
        drop(self.rows.drain(..count));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}
