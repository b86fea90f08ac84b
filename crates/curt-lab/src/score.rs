//! Rollouts in, rewards and advantages out, line by line.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::Serialize;

use crate::LabError;
use crate::read::Reader;
use crate::replay::Replay;
use crate::row::GroupName;

/// What is said of one rollout.
#[derive(Debug, Serialize)]
struct Scored<'a> {
    group: &'a GroupName,
    reward: f64,
    parts: BTreeMap<&'a str, f64>,
    advantage: f64,
    in_statistics: bool,
    in_loss: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_at: Option<u32>,
}

/// Why scoring stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The rollouts.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The place where scores go.
    #[error("scores cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Scores all rollouts of `reader`: one line out per row in, in the same order; returns how many. Whole steps are written and
/// flushed as they end, so that a program that sends an empty line gets its answers.
///
/// # Errors
/// What [`Reader::next_step`] and [`Replay::step`] refuse; nothing is written of the step that holds the error.
pub fn score<R: BufRead>(reader: &mut Reader<R>, replay: &mut Replay, out: &mut impl Write) -> Result<u64, ScoreError> {
    let mut n_rows = 0;
    while let Some(step) = reader.next_step()? {
        let groups = replay.step(reader.source_name(), &step)?;
        let mut lines = Vec::new();
        for (recorded, group) in step.groups.iter().zip(&groups) {
            for (shaped, &advantage) in group.shaped.iter().zip(&group.advantages) {
                let scored = Scored {
                    group: &recorded.name,
                    reward: shaped.total,
                    parts: shaped.parts.iter().copied().collect(),
                    advantage,
                    in_statistics: shaped.in_statistics,
                    in_loss: shaped.in_loss,
                    cut_at: shaped.cut_at,
                };
                serde_json::to_writer(&mut lines, &scored).map_err(io::Error::from)?;
                lines.push(b'\n');
                n_rows += 1;
            }
        }
        out.write_all(&lines)?;
        out.flush()?;
    }
    if n_rows == 0 {
        return Err(LabError::Empty { source_name: reader.source_name().to_owned() }.into());
    }
    Ok(n_rows)
}
