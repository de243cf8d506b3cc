//! bench/trace.csv: a trace of 500 requests to a language model that nobody sent, made from a seed alone.

use crate::{
    Outcome,
    shell::{root, say},
};
use std::fmt::Write as _;

/// Where it stands.
pub const FILE: &str = "bench/trace.csv";
/// How many requests there are.
const REQUESTS: u32 = 500;
/// The mean time between two, in units of 100 ns: five requests a second.
const MEAN_GAP: u64 = 2_000_000;

/// Writes it.
pub fn write() -> Outcome {
    std::fs::write(root().join(FILE), text()).map_err(|error| format!("{FILE}: {error}"))?;
    say(&format!("{FILE} is written"));
    Ok(())
}

/// The trace: arrivals as of many callers who know nothing of each other, few long requests among many short ones.
pub fn text() -> String {
    let mut text = String::from("TIMESTAMP,ContextTokens,GeneratedTokens\n");
    let (mut numbers, mut at) = (Numbers(2026), 0);
    for _ in 0..REQUESTS {
        at += numbers.gap();
        let (minute, second, part) = (at / 600_000_000, at / 10_000_000 % 60, at % 10_000_000);
        let (context, generated) = (numbers.tokens(5, 13), numbers.tokens(3, 10));
        let _into_a_string = writeln!(text, "2026-01-05 09:{minute:02}:{second:02}.{part:07},{context},{generated}");
    }
    text
}

/// Numbers that follow from a seed: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A time between arrivals, in units of 100 ns. Each further zero a number begins with is half as likely, so
    /// their count, and the digits after them for what lies between, is spread as such times are.
    fn gap(&mut self) -> u64 {
        let number = self.next() | 1;
        let zeros = u64::from(number.leading_zeros());
        let digits = (number << zeros) >> 32 & 0x7FFF_FFFF;
        let thousandths = zeros * 1000 + 1000 - digits * 1000 / 0x8000_0000;
        // The mean of them is 1.443.
        MEAN_GAP * thousandths / 1443
    }

    /// Between 2^`least` and 2^`most` tokens, most of them in the middle of that by their number of digits.
    fn tokens(&mut self, least: u64, most: u64) -> u64 {
        let (one, other) = (self.next() % 1024, self.next() % 1024);
        let sixteenths = least * 16 + (one + other) * (most - least) * 16 / 2048;
        let whole = 1 << (sixteenths / 16);
        whole + whole * (sixteenths % 16) / 16 + self.next() % (whole / 8)
    }
}
