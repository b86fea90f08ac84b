//! From rewards to advantages, one estimator per file; a file's name is the word for it.

mod batch_whitening;
mod dr_grpo;
mod gdpo;
mod gpg;
mod grpo;
mod max_rl;
mod opo;
mod optimal_token_baseline;
mod pass_at_k;
mod reinforce_plus_plus;
mod reinforce_plus_plus_baseline;
mod rloo;

pub use batch_whitening::BatchWhitening;
pub use dr_grpo::DrGrpo;
pub use gdpo::Gdpo;
pub use gpg::{Gpg, GpgCount};
pub use grpo::{Grpo, ScaleRewards};
pub use max_rl::MaxRl;
pub use opo::Opo;
pub use optimal_token_baseline::OptimalTokenBaseline;
pub use pass_at_k::PassAtK;
pub use reinforce_plus_plus::ReinforcePlusPlus;
pub use reinforce_plus_plus_baseline::ReinforcePlusPlusBaseline;
pub use rloo::Rloo;

use crate::AdvantageError;

/// ε beside a deviation: finite and not negative. 0 is allowed, because what is flat is decided without it.
fn checked_epsilon(epsilon: f64) -> Result<f64, AdvantageError> {
    if epsilon.is_finite() && epsilon >= 0.0 {
        return Ok(epsilon);
    }
    let expected = "a finite number, at least 0";
    Err(AdvantageError::BadSetting { setting: "advantage_epsilon", expected, found: epsilon.to_string() })
}

/// `number / divisor`, and 0 where the divisor is: only with ε = 0 and differences whose squares are lost.
fn quotient(number: f64, divisor: f64) -> f64 {
    if divisor == 0.0 { 0.0 } else { number / divisor }
}

/// Whether the numbers differ by rounding alone. They come of sums whose terms are as large as `size`: such a sum is off by
/// at most its number of terms times 1e-16 of them, so that less than 1e-12 of `size` says nothing, for groups of thousands.
fn are_equal_but_for_rounding(mut numbers: impl Iterator<Item = f64>, size: f64) -> bool {
    let Some(first) = numbers.next() else { return true };
    let (low, high) = numbers.fold((first, first), |(low, high), number| (low.min(number), high.max(number)));
    high - low <= 1e-12 * size
}
