//! Zipf's law with exponent 1 over whole numbers: the customer of rank k is drawn 1/k as often as the first.

use super::draw::Draw;

/// The weight of the first rank; those after it are rounded down to whole numbers.
const FIRST: u64 = 1 << 32;

/// A table of ranks from which one is drawn in a few steps.
#[derive(Debug)]
pub(super) struct Zipf {
    /// The weights of all ranks up to each.
    upto: Vec<u64>,
}

impl Zipf {
    /// Over the ranks 0 to `ranks` − 1; of no ranks as over one.
    pub(super) fn new(ranks: u64) -> Self {
        let weights = (1..=ranks.max(1)).map(|rank| FIRST / rank);
        let sum = |sum: &mut u64, weight| {
            *sum += weight;
            Some(*sum)
        };
        Self { upto: weights.scan(0, sum).collect() }
    }

    /// Draws a rank, counted from 0.
    pub(super) fn rank(&self, draw: &mut Draw) -> u64 {
        let all = self.upto.last().copied().unwrap_or_default();
        let at = draw.below(all);
        u64::try_from(self.upto.partition_point(|upto| *upto <= at)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_one_over_the_rank() {
        assert_eq!(Zipf::new(4).upto, [4_294_967_296, 6_442_450_944, 7_874_106_709, 8_947_848_533]);
        assert_eq!(Zipf::new(0).upto, [4_294_967_296]);
    }

    #[test]
    fn a_seed_draws_the_ranks_it_always_drew() {
        let (zipf, mut draw) = (Zipf::new(1000), Draw::new(1, 0));
        let drawn: Vec<u64> = (0..12).map(|_| zipf.rank(&mut draw)).collect();
        assert_eq!(drawn, [8, 655, 0, 188, 2, 184, 60, 3, 1, 2, 55, 582]);
    }

    #[test]
    fn the_first_of_a_thousand_has_an_eighth() {
        let (zipf, mut draw) = (Zipf::new(1000), Draw::new(7, 0));
        let mut counts = vec![0_u32; 1000];
        for _ in 0..100_000 {
            counts[usize::try_from(zipf.rank(&mut draw)).expect("a rank")] += 1;
        }
        // 1 / (1 + 1/2 + … + 1/1000) is 13.36 %, the tenth has a tenth of it.
        assert!((13_000..13_700).contains(&counts[0]), "{}", counts[0]);
        assert!((1_200..1_470).contains(&counts[9]), "{}", counts[9]);
    }
}
