//! What a run does about its stages and alarms.

use curt_eval::{Action, Alarm, AlarmRaised, Findings, advice};
use curt_runtime::PolicyError;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Observer, Outcome, Run};
use crate::alarms::run_facts;
use crate::checkpoint;
use crate::credit::CreditedGroup;
use crate::error::TrainError;
use crate::reasons::Reasons;

/// The kinds of events that this module records.
const STAGE: &str = "stage";
const ALARM: &str = "alarm";
const ROLLBACK: &str = "rollback";

impl Run {
    /// Records what the detector found in the metrics of the step.
    pub(super) fn watch_step(&mut self, findings: Findings, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if let Some(change) = &findings.stage {
            self.directory.event(self.done, STAGE, detail(change))?;
            observer.staged(self.done, change);
        }
        for alarm in &findings.alarms {
            self.directory.event(self.done, ALARM, detail(alarm))?;
            observer.alarmed(self.done, alarm);
        }
        // of several alarms the gravest action counts; the first of equals
        let asking = findings.alarms.into_iter().filter(|alarm| alarm.action > Action::Warn);
        self.halt = asking.reduce(|first, other| if other.action > first.action { other } else { first });
        Ok(())
    }

    /// Says once why many rollouts of a step have no verdict, long before an alarm can: a verifier that fails makes all wrong.
    pub(super) fn say_unjudged(&mut self, groups: &[CreditedGroup], observer: &mut dyn Observer) {
        let verdicts = || groups.iter().flat_map(|group| &group.shaped.verified.verdicts);
        let reasons = Reasons::of(verdicts().map(|verdict| &verdict.verification));
        let (without, all) = (reasons.count(), verdicts().count());
        if self.unjudged || (without as f64) < self.trainer.config.alarms.threshold(Alarm::Ungradable) * all as f64 {
            return;
        }
        let Some(reason) = reasons.most_frequent() else { return };
        self.unjudged = true;
        let step = self.done;
        observer.event(&format!("step {step}: the verifier can say nothing of {without} of {all} rollouts: {reason}"));
    }

    /// Does what an alarm of the last step asks for; how the run ends then, or `None` if it goes on.
    pub(super) fn heed(&mut self, observer: &mut dyn Observer) -> Result<Option<Outcome>, TrainError> {
        let Some(raised) = self.halt.take() else { return Ok(None) };
        let (step, alarm) = (self.done, raised.alarm);
        if raised.action == Action::Rollback
            && let Some(saved) = self.roll_back(&raised, observer)?
        {
            return Ok(Some(Outcome::Alarmed { step, alarm, action: Action::Rollback, saved }));
        }
        self.save(observer)?;
        let action = if raised.action == Action::Rollback { Action::Pause } else { raised.action };
        Ok(Some(Outcome::Alarmed { step, alarm, action, saved: step }))
    }

    /// Deletes the checkpoints from the trouble on, so that the newest one is from before it; its step, or `None` if there
    /// is none. The records are left for the eye: a resume cuts them back.
    fn roll_back(&mut self, raised: &AlarmRaised, observer: &mut dyn Observer) -> Result<Option<u32>, TrainError> {
        let root = self.trainer.config.output_dir.clone();
        let before = checkpoint::steps(&root)?.into_iter().rfind(|step| *step < raised.since);
        let Some(to) = before else {
            observer.event("rollback: there is no checkpoint from before the alarm, so the run is saved where it stands");
            return Ok(None);
        };
        checkpoint::forget_after(&root, to)?;
        self.directory.event(self.done, ROLLBACK, json!({ "alarm": raised.alarm, "to": to }))?;
        Ok(Some(to))
    }

    /// How a resumed run ends at once: an alarm with the action `stop` lasts.
    pub(super) fn still_stopped(&self, observer: &mut dyn Observer) -> Option<Outcome> {
        let alarm = self.watch.stopped_by()?;
        let word = alarm.word();
        observer.event(&format!("alarm {word}: it lasts, and alarms.{word}_action = \"stop\" ends the run"));
        Some(Outcome::Alarmed { step: self.done, alarm, action: Action::Stop, saved: self.done })
    }

    /// Records the alarm of an update or a rollout whose numbers are not finite, which no run goes on from; the error.
    pub(super) fn not_finite(&mut self, error: TrainError, observer: &mut dyn Observer) -> TrainError {
        let found =
            matches!(&error, TrainError::Policy(PolicyError::NonFiniteLogprob { .. } | PolicyError::NonFiniteGradient { .. }));
        let config = &self.trainer.config;
        if !found || !config.alarms.enabled {
            return error;
        }
        let step = self.done + 1;
        let advice = advice(Alarm::Nan, &run_facts(config), &Default::default());
        let raised = AlarmRaised {
            alarm: Alarm::Nan,
            message: error.to_string(),
            cause: advice.cause,
            key: advice.key.to_owned(),
            change: advice.change,
            action: Action::Stop,
            value: 1.0,
            threshold: 1.0,
            since: step,
        };
        observer.alarmed(step, &raised);
        match self.directory.event(step, ALARM, detail(&raised)) {
            Ok(()) => error,
            Err(other) => other.into(),
        }
    }
}

fn detail(event: &impl Serialize) -> Value {
    serde_json::to_value(event).expect("a struct of words and finite numbers is JSON")
}
