//! What a bench draws: numbers from a seed, customers by a spread, idempotency keys. No secret is made here.

use super::args::{KeyOrder, Spread};
use crate::platform::clock::Clock;
use purser_rules::ids::CustomerId;

/// How many customers are hot, and how many calls of a hundred are theirs.
const HOT: (u64, u64) = (10, 90);

/// A stream of numbers that a seed determines: splitmix64, a few instructions a number.
#[derive(Clone, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    /// Stream `stream` of `seed`; streams do not repeat each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut draw = Self(seed ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03));
        Self(draw.next() ^ stream)
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, all alike; 0 when the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// The number of a customer among `customers` by `spread`.
    pub(super) fn customer(&mut self, customers: u64, spread: Spread) -> u64 {
        let hot = spread == Spread::Hot && self.below(100) < HOT.1;
        self.below(if hot { HOT.0.min(customers) } else { customers })
    }
}

/// What the ids of a bench's customers begin with: what does not is not the bench's to touch.
pub(super) const PREFIX: &str = "bench-";

/// The id of customer `n`: `bench-0000042`.
///
/// # Panics
/// Never: the letters are those of an id.
pub(super) fn customer(n: u64) -> CustomerId {
    named(&format!("{n:07}"))
}

/// The customer's id `bench-NAME`.
///
/// # Panics
/// When `name` has letters an id has not.
pub(super) fn named(name: &str) -> CustomerId {
    CustomerId::new(&format!("{PREFIX}{name}")).expect("the bench's own names are ids")
}

/// Makes idempotency keys: unlike amounts and customers they must never come again, so their seed is the machine's.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    order: KeyOrder,
    clock: Clock,
    draw: Draw,
}

impl Keys {
    /// Keys in `order`, unique if `draw` is.
    pub(super) fn new(order: KeyOrder, clock: Clock, draw: Draw) -> Self {
        Self { order, clock, draw }
    }

    /// The next one: a UUID.
    pub(super) fn make(&mut self) -> String {
        let bits = (u128::from(self.draw.next()) << 64 | u128::from(self.draw.next())).to_be_bytes();
        let made = match self.order {
            KeyOrder::Random => uuid::Builder::from_random_bytes(bits),
            KeyOrder::Ordered => {
                let mut tail = [0; 10];
                tail.copy_from_slice(&bits[..10]);
                let millis = u64::try_from(self.clock.now().micros() / 1000).unwrap_or(0);
                uuid::Builder::from_unix_timestamp_millis(millis, &tail)
            }
        };
        made.into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser_rules::Time;

    #[test]
    fn a_seed_draws_the_same_and_streams_differ() {
        let three = |seed, stream| {
            let mut draw = Draw::new(seed, stream);
            [draw.below(1000), draw.below(1000), draw.below(1000)]
        };
        assert_eq!(three(1, 0), three(1, 0));
        assert_ne!(three(1, 0), three(1, 1));
        assert_ne!(three(1, 0), three(2, 0));
    }

    #[test]
    fn nine_of_ten_calls_are_for_ten_hot_customers() {
        let mut draw = Draw::new(1, 0);
        let hot = (0..10_000).filter(|_| draw.customer(10_000, Spread::Hot) < 10).count();
        assert!((8_900..9_100).contains(&hot), "{hot}");
        let even = (0..10_000).filter(|_| draw.customer(10_000, Spread::Uniform) < 10).count();
        assert!(even < 40, "{even}");
    }

    #[test]
    fn ordered_keys_begin_with_the_time_and_random_ones_do_not() {
        let clock = Clock::manual(Time::from_micros(1_795_233_600_000_000));
        let mut ordered = Keys::new(KeyOrder::Ordered, clock.clone(), Draw::new(1, 0));
        let mut random = Keys::new(KeyOrder::Random, clock.clone(), Draw::new(1, 0));
        let first = ordered.make();
        clock.advance(1000);
        assert!(first.starts_with("01a1fc42-d200-7") && first < ordered.make(), "{first}");
        assert_eq!((random.make().as_bytes()[14], first.len()), (b'4', 36));
    }
}
