//! The samplers of this crate.

mod curriculum;
mod pools;
mod uniform;
mod weighted;

pub use curriculum::{Curriculum, Direction, Stage};
pub use pools::Pools;
pub use uniform::Uniform;
pub use weighted::Weighted;

use crate::random::{Bits, shuffle};

/// `count` of these places: all of them in a random order, and again where that is not enough.
fn draw_from(places: &[usize], count: usize, bits: &mut Bits) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count && !places.is_empty() {
        let mut order = places.to_vec();
        shuffle(bits, &mut order);
        order.truncate(count - drawn.len());
        drawn.append(&mut order);
    }
    drawn
}

/// The words of all samplers, the default first.
pub fn sampler_names() -> [&'static str; 4] {
    ["uniform", "weighted", "curriculum", "pools"]
}
