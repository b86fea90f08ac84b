//! The *short is correct* trap, found before a token is generated.

use crate::{ProblemKey, Reference, RewardStrategy, Rollout, Shaped, StepContext};

/// Whether the strategy leaves short wrong rollouts out of the statistics while something long is punished in them: then
/// length separates positive from negative, nothing says that an answer must be right, and short becomes correct
/// (arXiv 2602.20945 saw entropy explode and accuracy collapse).
///
/// The strategy is asked with one group: right and wrong, of `short` and of `long` tokens. Give it lengths at its target
/// and one above it. `false` when it refuses the group. Of this crate, [`MinusI`](crate::MinusI) and
/// [`MinusLcSi`](crate::MinusLcSi) make the trap under [`Masking::Exclude`](crate::Masking::Exclude).
///
/// ```
/// use curt_reward::{Masking, MinusI, MinusLc, makes_short_is_correct_trap};
///
/// assert!(makes_short_is_correct_trap(&MinusI::new(100, Masking::Exclude)?, 100, 101));
/// assert!(!makes_short_is_correct_trap(&MinusI::new(100, Masking::ZeroAfter)?, 100, 101));
/// assert!(!makes_short_is_correct_trap(&MinusLc::new(100, Masking::Exclude)?, 100, 101));
/// # Ok::<(), curt_reward::RewardError>(())
/// ```
pub fn makes_short_is_correct_trap(strategy: &dyn RewardStrategy, short: u32, long: u32) -> bool {
    let rollout = |correct, length| Rollout {
        answer_length: Some(0),
        budget: Some(short),
        repetition: Some(0.0),
        reference: Some(Reference { mean_length: f64::from(short), accuracy: 0.5 }),
        ..Rollout::new(ProblemKey(0), correct, length)
    };
    let group = [rollout(true, short), rollout(false, short), rollout(true, long), rollout(false, long)];
    let ctx = StepContext { accuracy: Some(0.5), ..StepContext::default() };
    let mut shaped = [const { Shaped { total: 0.0, parts: Vec::new(), in_statistics: true, in_loss: true, cut_at: None } }; 4];
    if strategy.shape(&ctx, &group, &mut shaped).is_err() {
        return false;
    }
    let [right_short, wrong_short, long @ ..] = &shaped;
    let is_punished = |s: &Shaped| s.in_statistics && s.total < right_short.total;
    right_short.in_statistics && !wrong_short.in_statistics && long.iter().any(is_punished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameters, Preset, by_name, names, parameters_of};

    #[test]
    fn two_of_all_strategies_make_it() {
        let mut found = Vec::new();
        for name in names() {
            let required = parameters_of(name).unwrap().iter().filter(|p| matches!(p.preset, Preset::Target | Preset::Limit));
            let parameters = required.fold(Parameters::new(), |given, parameter| given.with(parameter.name, 100));
            if makes_short_is_correct_trap(&*by_name(name, &parameters).unwrap(), 100, 101) {
                found.push(name);
            }
        }
        assert_eq!(found, ["minus_i", "minus_lc_si"]);
    }
}
