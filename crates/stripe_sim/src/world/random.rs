//! Ids and all other chance, from a seed that is a part of the state.

use serde::{Deserialize, Serialize};

/// Where chance comes from: the same seed gives the same life.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Random(u64);

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Random {
    /// From `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        let mut source = fastrand::Rng::with_seed(self.0);
        let number = source.u64(0..end.max(1));
        self.0 = source.get_seed();
        number
    }

    /// `length` letters and digits.
    pub fn letters(&mut self, length: usize) -> String {
        let mut source = fastrand::Rng::with_seed(self.0);
        let letters = (0..length).map(|_| char::from(LETTERS[source.usize(0..LETTERS.len())])).collect();
        self.0 = source.get_seed();
        letters
    }

    /// An id with this prefix, as long as Stripe's are.
    pub fn id(&mut self, prefix: &str) -> String {
        let length = match prefix {
            "cus" | "prod" | "si" | "sub_item" => 14,
            "cs_test" | "bps" => 58,
            _ => 24,
        };
        format!("{prefix}_{}", self.letters(length))
    }
}
