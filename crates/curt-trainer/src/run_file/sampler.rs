//! `data.sampler` and the settings that belong to it.

use curt_difficulty::{Curriculum, Direction, Stage, sampler_names};

use super::error::RunFileError;
use super::raw::RunFile;
use super::reader::{AT_LEAST_ONE, Words};
use crate::config::{SamplerSection, TaskKind};

const SAMPLER: &str = "data.sampler";
const DIRECTION: &str = "data.sampler_direction";
const START: &str = "data.sampler_start";
const STEPS: &str = "data.sampler_steps";
const STAGES: &str = "data.sampler_stages";
const REST: &str = "data.sampler_rest";

const DIRECTIONS: &Words<Direction> = &[("easy_to_hard", Direction::EasyToHard), ("hard_to_easy", Direction::HardToEasy)];

impl RunFile {
    pub(super) fn sampler(&self, task: TaskKind) -> Result<SamplerSection, RunFileError> {
        let word = self.name(SAMPLER, &sampler_names(), "uniform", None)?;
        if task == TaskKind::Chain && word != "uniform" {
            return Err(RunFileError::SamplerWithoutDataset { place: self.place(SAMPLER) });
        }
        let staged = word == "curriculum" && self.is_given(STAGES);
        let own: &[&str] = match word.as_str() {
            "curriculum" if staged => &[STAGES],
            "curriculum" => &[DIRECTION, START, STEPS],
            "pools" => &[REST],
            _ => &[],
        };
        let all = [DIRECTION, START, STEPS, STAGES, REST];
        if let Some(key) = all.into_iter().find(|key| self.is_given(key) && !own.contains(key)) {
            let sampler = if staged { format!("`{word}` with stages") } else { format!("`{word}`") };
            return Err(RunFileError::NotOfSampler { place: self.place(key), sampler });
        }
        Ok(match word.as_str() {
            "weighted" => SamplerSection::Weighted,
            "curriculum" if staged => SamplerSection::Stages { stages: self.stages()? },
            "curriculum" => SamplerSection::Widening {
                direction: self.word(DIRECTION, DIRECTIONS, Direction::EasyToHard)?,
                start: self.number(START, |s| s > 0.0 && s <= 1.0, "a share of the problems above 0, up to 1", 0.25)?,
                steps: match self.integer(STEPS, AT_LEAST_ONE, "a number of steps, at least 1")? {
                    Some(steps) => steps,
                    None => self.steps()?,
                },
            },
            "pools" => {
                SamplerSection::Pools { rest: self.integer(REST, AT_LEAST_ONE, "a number of steps, at least 1")?.unwrap_or(8) }
            }
            _ => SamplerSection::Uniform,
        })
    }

    fn stages(&self) -> Result<Vec<Stage>, RunFileError> {
        let refused = |source| RunFileError::Difficulty { place: self.place(STAGES), source };
        let stages = self.texts(STAGES)?.iter().map(|text| text.parse().map_err(refused)).collect::<Result<Vec<Stage>, _>>()?;
        Curriculum::check_stages(&stages).map_err(refused)?;
        Ok(stages)
    }
}
