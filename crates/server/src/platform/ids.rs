//! Random numbers for ids and secrets: the machine's, or a seeded stream in tests.

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A source of random numbers. Cheap to clone; clones of a seeded source share one stream.
#[derive(Clone, Debug)]
pub enum Random {
    /// The machine's secure source.
    Secure(SystemRandom),
    /// SHA-256 of a seed and a counter: the same numbers in each run.
    Seeded(u64, Arc<AtomicU64>),
}

impl Random {
    /// The machine's secure source.
    #[must_use]
    pub fn secure() -> Self {
        Self::Secure(SystemRandom::new())
    }

    /// The stream of `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(seed, Arc::new(AtomicU64::new(0)))
    }

    /// The next 32 bytes.
    ///
    /// # Panics
    /// When the machine has no random source left.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        match self {
            Self::Secure(source) => {
                let mut bytes = [0; 32];
                source.fill(&mut bytes).expect("the machine's random source answers");
                bytes
            }
            Self::Seeded(seed, count) => {
                let n = count.fetch_add(1, Ordering::SeqCst);
                Sha256::new().chain_update(seed.to_be_bytes()).chain_update(n.to_be_bytes()).finalize().into()
            }
        }
    }

    /// The next 128 bits.
    #[must_use]
    pub fn number(&self) -> u128 {
        let bytes = self.bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[..16]);
        u128::from_be_bytes(half)
    }
}
