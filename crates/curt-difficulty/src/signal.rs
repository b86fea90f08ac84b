//! How likely a group of rollouts teaches anything.

use crate::DifficultyError;

/// 1 − q^N − (1−q)^N, the chance that a group of N rollouts is neither all good nor all bad, so that its advantages are not
/// all 0. q is the chance of a rollout that the reward calls good: right and within L_T for a truncation reward. Exactly 0
/// for q of 0 or 1 and for N of 1; small q keep their digits.
///
/// # Errors
/// A q outside \[0, 1\], an empty group.
pub fn useful_share(q: f64, group_size: u32) -> Result<f64, DifficultyError> {
    let q = checked(q)?;
    match group_size {
        0 => Err(DifficultyError::EmptyGroup),
        1 => Ok(0.0),
        n => {
            let rarer = q.min(1.0 - q);
            let some = -libm::expm1(f64::from(n) * libm::log1p(-rarer));
            Ok((some - libm::pow(rarer, f64::from(n))).max(0.0))
        }
    }
}

/// Groups to sample for one useful one, on average over problems with these q: 1 / (1 − E\[q^N + (1−q)^N\]); `None` where no
/// group is ever useful.
///
/// # Errors
/// No problems, a q outside \[0, 1\], an empty group.
pub fn oversampling(qs: &[f64], group_size: u32) -> Result<Option<f64>, DifficultyError> {
    if qs.is_empty() {
        return Err(DifficultyError::NoProblems);
    }
    let shares = qs.iter().map(|&q| useful_share(q, group_size)).collect::<Result<Vec<_>, _>>()?;
    let mean = shares.iter().sum::<f64>() / qs.len() as f64;
    Ok((mean > 0.0).then(|| 1.0 / mean))
}

/// The places of these problems by the signal that their groups will give, most first; equal ones in their order.
///
/// # Errors
/// A q outside \[0, 1\], an empty group.
pub fn rank_by_signal(qs: &[f64], group_size: u32) -> Result<Vec<usize>, DifficultyError> {
    let shares = qs.iter().map(|&q| useful_share(q, group_size)).collect::<Result<Vec<_>, _>>()?;
    let mut places: Vec<usize> = (0..qs.len()).collect();
    places.sort_by(|&i, &j| shares[j].total_cmp(&shares[i]));
    Ok(places)
}

/// A rate that is one.
pub(crate) fn checked(rate: f64) -> Result<f64, DifficultyError> {
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err(DifficultyError::BadRate { found: rate }) }
}
