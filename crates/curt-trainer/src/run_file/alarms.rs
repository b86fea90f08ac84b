//! `[alarms]`: what is watched for, and what is done then.

use curt_eval::{Action, Alarm, Side};

use super::error::RunFileError;
use super::raw::RunFile;
use super::reader::AT_LEAST_ONE;
use crate::config::AlarmsSection;

impl RunFile {
    pub(super) fn alarms(&self) -> Result<AlarmsSection, RunFileError> {
        let mut section = AlarmsSection {
            enabled: self.flag("alarms.enabled", true)?,
            action: self.word("alarms.action", &Action::WORDS, Action::Warn)?,
            window: self.integer("alarms.window", AT_LEAST_ONE, "a number of steps, at least 1")?.unwrap_or(10),
            patience: self.integer("alarms.patience", AT_LEAST_ONE, "a number of steps, at least 1")?.unwrap_or(3),
            ..AlarmsSection::default()
        };
        for alarm in Alarm::ALL {
            let word = alarm.word();
            if alarm != Alarm::Nan {
                let (accept, expected) = range(alarm);
                let threshold = self.number(&format!("alarms.{word}_threshold"), accept, expected, alarm.default_threshold())?;
                section.thresholds.insert(AlarmsSection::threshold_key(alarm), threshold);
            }
            let key = format!("alarms.{word}_action");
            if self.is_given(&key) {
                section.actions.insert(AlarmsSection::action_key(alarm), self.word(&key, &Action::WORDS, section.action)?);
            }
        }
        Ok(section)
    }
}

/// Which thresholds of `alarm` mean anything.
fn range(alarm: Alarm) -> (fn(f64) -> bool, &'static str) {
    match (alarm, alarm.is_ratio(), alarm.side()) {
        (Alarm::EntropyFall, ..) | (_, true, Side::Below) => (|t| t > 0.0 && t < 1.0, "a ratio above 0 and below 1"),
        (_, true, Side::Above) => (|t| t > 1.0, "a ratio above 1"),
        _ => (|t| (0.0..=1.0).contains(&t), "a share from 0 to 1"),
    }
}
