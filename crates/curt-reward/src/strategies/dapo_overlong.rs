//! `dapo_overlong`: a linear punishment in the last tokens before the limit.

use crate::parameters::{AT_LEAST_0, MAX_LENGTH, Parameter, Preset, Value};
use crate::registry::Entry;
use crate::statistics::fill;
use crate::{Parameters, RewardError, RewardStrategy, Rollout, Shaped, StepContext, check_group};

pub(crate) static ENTRY: Entry = Entry {
    name: "dapo_overlong",
    parameters: &[
        MAX_LENGTH,
        Parameter { name: "buffer", preset: Preset::Share(0.2, "max_length"), meaning: "tokens over which the punishment grows" },
        Parameter::number("factor", 1.0, "the whole punishment"),
    ],
    build: |given| Ok(Box::new(DapoOverlong::new(given)?)),
};

/// **R = ±1 − f · clip((L − (L_max − B))/B, 0, 1)** (DAPO's soft overlong punishment, arXiv 2503.14476, eq. 13).
///
/// - 1 for a right rollout, −1 for a wrong one. `max_length`, L_max: tokens, required; 20,480 in the paper. `buffer`, B:
///   tokens, from 1 to L_max; a fifth of L_max, which is the paper's 4,096. `factor`, f ≥ 0: 1.
/// - Degenerate: a group without a right rollout is not flat when some of it is in the buffer. One rollout, equal lengths
///   and zero length need no care.
/// - Keeps: never rises with L, among wrong ones too; every right one above every wrong one iff f < 2. Breaks: a long right
///   rollout can be below the mean.
/// - Beyond L_max the punishment stays f, as in the paper. verl lets it grow without bound there, which is the same as long
///   as no rollout is longer than L_max.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DapoOverlong {
    max_length: u32,
    buffer: u32,
    factor: f64,
}

impl DapoOverlong {
    /// The strategy with these parameters.
    ///
    /// # Errors
    /// An unknown parameter, a missing one, one out of its range, a buffer of more than `max_length`.
    pub fn new(given: &Parameters) -> Result<Self, RewardError> {
        let read = ENTRY.reading(given)?;
        let (max_length, buffer) = (read.length("max_length")?, read.length("buffer")?);
        if buffer > max_length {
            return Err(read.bad("buffer", "at most `max_length`", &Value::from(buffer)));
        }
        Ok(Self { max_length, buffer, factor: read.number("factor", AT_LEAST_0)? })
    }
}

impl RewardStrategy for DapoOverlong {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn shape(&self, ctx: &StepContext, group: &[Rollout], out: &mut [Shaped]) -> Result<(), RewardError> {
        check_group(self.needs(), ctx, group, out.len())?;
        let free = self.max_length - self.buffer;
        fill(group, out, |rollout| {
            let excess = rollout.length.saturating_sub(free).min(self.buffer);
            let verdict = if rollout.correct { 1.0 } else { -1.0 };
            (verdict, -self.factor * f64::from(excess) / f64::from(self.buffer))
        })
    }
}
