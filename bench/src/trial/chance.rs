//! Chance that is the same again for the same seed.

use doorlist_core::time::Timestamp;
use std::time::Duration;

/// A Poisson number of a greater mean is the sum of several.
const POISSON_STEP: f64 = 30.0;

/// A SplitMix64 generator. Each purpose has one of its own, so that one more draw for mail moves no attack.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The generator of one purpose under a seed.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(purpose.bytes().fold(seed.wrapping_add(0xcbf2_9ce4_8422_2325), fold))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in 0..1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `count`; 0 for a count of 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.bits() % (count.max(1) as u64)).unwrap_or(0)
    }

    /// True in this share of all cases.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// A Poisson number: how often something happens that happens `mean` times on average.
    pub(crate) fn count(&mut self, mean: f64) -> u32 {
        let (mut left, mut count) = (mean, 0);
        while left > 0.0 {
            let end = (-left.min(POISSON_STEP)).exp();
            left -= POISSON_STEP;
            let mut product = self.unit();
            while product > end {
                count += 1;
                product *= self.unit();
            }
        }
        count
    }

    /// A weight with mean 1: most are small, a few are many times the mean.
    pub(crate) fn weight(&mut self) -> f64 {
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        (normal - 0.5).exp()
    }

    /// A time within this span.
    pub(crate) fn within(&mut self, from: Timestamp, span: Duration) -> Timestamp {
        from + span.mul_f64(self.unit())
    }

    /// Puts items into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_means_are_kept() {
        let draw = |seed, purpose| (0..5).map(|_| Chance::new(seed, purpose).bits()).collect::<Vec<_>>();
        assert_eq!(draw(1, "mail"), draw(1, "mail"));
        assert_ne!(draw(1, "mail"), draw(2, "mail"));
        assert_ne!(draw(1, "mail"), draw(1, "names"));
        let mut chance = Chance::new(7, "means");
        for mean in [0.3, 4.0, 80.0] {
            let sum: u32 = (0..20_000).map(|_| chance.count(mean)).sum();
            let found = f64::from(sum) / 20_000.0;
            assert!((found / mean - 1.0).abs() < 0.05, "{mean}: {found}");
        }
        let weights: f64 = (0..50_000).map(|_| chance.weight()).sum::<f64>() / 50_000.0;
        assert!((weights - 1.0).abs() < 0.05, "{weights}");
    }
}
