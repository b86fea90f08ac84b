//! Mean and deviation of numbers, accurate under a large common offset.

/// Where a set of numbers lies. The mean is kept as `pivot + offset`, because their sum may not be representable: of
/// 10¹² and 10¹² + 1 every difference is exact, but the mean is not.
pub(crate) struct Spread {
    pivot: f64,
    offset: f64,
    /// Sample deviation (n − 1 in the denominator); 0 of fewer than two.
    pub(crate) deviation: f64,
}

impl Spread {
    /// Mean and sample deviation of the numbers, walked again for each pass; all 0 of none, deviation 0 of one.
    pub(crate) fn of<I: Iterator<Item = f64>>(numbers: impl Fn() -> I) -> Self {
        let n = numbers().count() as f64;
        let Some(pivot) = numbers().next() else { return Self { pivot: 0.0, offset: 0.0, deviation: 0.0 } };
        let offset = numbers().map(|x| x - pivot).sum::<f64>() / n;
        let squares: f64 = numbers().map(|x| (x - pivot) - offset).map(|d| d * d).sum();
        Self { pivot, offset, deviation: (squares / (n - 1.0).max(1.0)).sqrt() }
    }

    /// The same of the numbers that count, one of each list per row: what does not count adds 0, which changes no bit of these
    /// sums, so that nothing branches on a mask, which no processor can guess.
    pub(crate) fn of_counted(numbers: &[f64], counts: &[bool]) -> Self {
        let Some(first) = counts.iter().position(|&counts| counts) else { return Self::of(std::iter::empty) };
        let (n, pivot) = (counts.iter().map(|&counts| u64::from(counts)).sum::<u64>() as f64, numbers[first]);
        let rows = || numbers.iter().zip(counts);
        let offset = rows().map(|(&x, &counts)| if counts { x - pivot } else { 0.0 }).sum::<f64>() / n;
        let square = |x: f64| ((x - pivot) - offset) * ((x - pivot) - offset);
        let squares: f64 = rows().map(|(&x, &counts)| if counts { square(x) } else { 0.0 }).sum();
        Self { pivot, offset, deviation: (squares / (n - 1.0).max(1.0)).sqrt() }
    }

    /// The same of pairs (number, how often it counts); all 0 where nothing counts.
    pub(crate) fn weighted<I: Iterator<Item = (f64, f64)>>(pairs: impl Fn() -> I) -> Self {
        let n: f64 = pairs().map(|(_, weight)| weight).sum();
        let first = pairs().next().filter(|_| n > 0.0);
        let Some((pivot, _)) = first else { return Self { pivot: 0.0, offset: 0.0, deviation: 0.0 } };
        let offset = pairs().map(|(x, weight)| weight * (x - pivot)).sum::<f64>() / n;
        let squares: f64 = pairs().map(|(x, weight)| ((x - pivot) - offset, weight)).map(|(d, weight)| weight * d * d).sum();
        Self { pivot, offset, deviation: (squares / (n - 1.0).max(1.0)).sqrt() }
    }

    /// The number less the mean.
    pub(crate) fn centred(&self, number: f64) -> f64 {
        (number - self.pivot) - self.offset
    }

    /// The mean, rounded.
    pub(crate) fn mean(&self) -> f64 {
        self.pivot + self.offset
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(spread: &Spread) -> [u64; 3] {
        [spread.pivot, spread.offset, spread.deviation].map(f64::to_bits)
    }

    proptest! {
        #[test]
        fn a_mask_is_a_list_without_the_masked(
            rows in prop::collection::vec((prop_oneof![-1e9..1e9_f64, Just(0.0), Just(-0.0), Just(1e100)], any::<bool>()), 0..40),
        ) {
            let (numbers, counts): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
            let listed = || rows.iter().filter(|(_, counts)| *counts).map(|(number, _)| *number);
            prop_assert_eq!(bits(&Spread::of_counted(&numbers, &counts)), bits(&Spread::of(listed)));
        }
    }
}
