//! `curt score`: rewards and advantages for recorded rollouts, for use from any trainer.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use anyhow::Result;
use curt_advantage::estimator_by_name;
use curt_lab::{LabError, Replay, ScoreError, score};

use crate::arguments::ScoreArguments;
use crate::exit::{self, CommandError};
use crate::recording;

/// Runs the command: one line of JSON per rollout goes to standard output or a file.
pub fn run(arguments: &ScoreArguments) -> Result<ExitCode> {
    exit::written(score_all(arguments))
}

fn score_all(arguments: &ScoreArguments) -> Result<()> {
    let strategy = curt_reward::by_name(&arguments.strategy, &recording::parameters(&arguments.sets)?).map_err(LabError::from)?;
    let estimator = estimator_by_name(&arguments.advantage, &curt_advantage::Parameters::new()).map_err(LabError::from)?;
    let mut replay = Replay::new(strategy, estimator, arguments.max_completion_length);
    let mut out: Box<dyn Write> = match &arguments.output {
        None => Box::new(BufWriter::new(std::io::stdout())),
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(BufWriter::new(file.map_err(|source| CommandError::Output { path: path.clone(), source })?))
        }
    };
    for source in &arguments.rollouts {
        for file in recording::files(source)? {
            let mut reader = recording::open(&file, arguments.groups_per_step)?;
            match (score(&mut reader, &mut replay, &mut out), &arguments.output) {
                (Err(ScoreError::Write(source)), Some(path)) => {
                    return Err(CommandError::Output { path: path.clone(), source }.into());
                }
                (Err(ScoreError::Write(error)), None) => return Err(error.into()),
                (result, _) => result?,
            };
        }
    }
    Ok(())
}
