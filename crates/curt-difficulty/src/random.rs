//! Randomness, handed in.

/// Which sequence of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// The order of the problems in an epoch, counted from 0.
    Epoch(u64),
    /// The draws of one step.
    Step {
        /// The step, counted from 0.
        step: u32,
        /// Round of drawing more problems within the step; 0 is the first.
        round: u16,
    },
}

/// Uniform whole numbers of 64 bits.
pub type Bits = Box<dyn FnMut() -> u64>;

/// Opens a stream at its beginning. A run's seed is inside; the same stream always gives the same numbers, and different
/// ones have nothing to do with each other.
pub type Randomness<'a> = dyn Fn(Stream) -> Bits + 'a;

/// A number in [0, 1): the upper 53 bits of the next 64, times 2⁻⁵³.
pub(crate) fn uniform(bits: &mut Bits) -> f64 {
    (bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A whole number below `n` > 0, each equally likely: the upper half of `n` times the next 64 bits, drawn again where the
/// lower half is below 2⁶⁴ mod `n` (arXiv 1805.10941).
fn below(bits: &mut Bits, n: u64) -> u64 {
    let rejected = n.wrapping_neg() % n;
    loop {
        let product = u128::from(bits()) * u128::from(n);
        if product as u64 >= rejected {
            return (product >> 64) as u64;
        }
    }
}

/// An order drawn uniformly from all orders (Fisher and Yates, from the last place down).
pub(crate) fn shuffle<T>(bits: &mut Bits, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(bits, last as u64 + 1) as usize);
    }
}

/// `0 .. n` in the order of this epoch.
pub(crate) fn epoch_order(random: &Randomness<'_>, epoch: u64, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut random(Stream::Epoch(epoch)), &mut order);
    order
}
