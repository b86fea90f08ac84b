//! Every objective, with every term around it, against the laws of objectives.

use std::fmt::Debug;
use std::time::Instant;

use curt_advantage::laws::{self, LawResult, Minibatch};
use curt_advantage::{
    Aggregation, Cispo, Clip, ClipCov, DecoupledClip, EntropyBonus, Gmpo, GpgLoss, Gspo, ImportanceLevel, ImportanceRule,
    ImportanceWeighted, ImportanceWeights, KlCov, KlEstimator, KlPenalty, Objective, OffPolicyMask, Sapo,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What is known of an objective besides that it is one.
struct Known {
    objective: Box<dyn Objective>,
    aggregation: Aggregation,
    /// Its derivative is that of its loss.
    is_derivative: bool,
    /// On policy its slope is −A.
    is_policy_gradient: bool,
    /// Without an advantage it has no gradient.
    needs_advantage: bool,
}

fn all() -> Vec<Known> {
    let mut all = Vec::new();
    let modes = [
        Aggregation::TokenMean,
        Aggregation::SeqMeanTokenMean,
        Aggregation::SeqMeanTokenSum,
        Aggregation::SeqMeanTokenSumNorm { length: 10 },
    ];
    for (i, mode) in modes.into_iter().enumerate() {
        let mut add = |objective: Box<dyn Objective>, is_derivative, is_policy_gradient, needs_advantage| {
            all.push(Known { objective, aggregation: mode, is_derivative, is_policy_gradient, needs_advantage });
        };
        let clip = Clip::new(0.2, 0.28, Some(3.0), mode).unwrap();
        let estimator = KlEstimator::WORDS.map(|(_, estimator)| estimator);
        add(Box::new(clip), true, true, true);
        add(Box::new(Gspo::new(0.3, 0.4, mode).unwrap()), true, true, true);
        add(Box::new(Cispo::new(Some(0.2), 1.0, mode).unwrap()), false, true, true);
        add(Box::new(Sapo::new(1.0, 1.05, mode).unwrap()), true, true, true);
        add(Box::new(Gmpo::new(0.4, 0.5, mode).unwrap()), true, true, true);
        add(Box::new(GpgLoss::new(mode).unwrap()), true, true, true);
        add(Box::new(ClipCov::new(clip, 0.1, 0.1, 5.0).unwrap()), true, false, true);
        add(Box::new(KlCov::new(1.0, 0.7, mode).unwrap()), true, true, false); // every token is picked
        add(Box::new(DecoupledClip::new(clip, 1.3).unwrap()), true, true, true);
        add(Box::new(OffPolicyMask::new(clip, 0.1).unwrap()), true, true, true);
        for weights in [ImportanceWeights::tis(), ImportanceWeights::icepop(), ImportanceWeights::mis()] {
            add(Box::new(ImportanceWeighted::new(clip, weights)), true, true, true);
        }
        let sequence = ImportanceWeights::new(ImportanceLevel::Sequence, ImportanceRule::Truncate, 0.2, 3.0, 0.01).unwrap();
        add(Box::new(ImportanceWeighted::new(clip, sequence)), true, true, true);
        for kl in [estimator[i], estimator[(i + 2) % 4]] {
            add(Box::new(KlPenalty::new(clip, 0.3, kl, mode).unwrap()), true, false, false);
        }
        let corrected = KlPenalty::new(clip, 0.3, KlEstimator::K3, mode).unwrap().with_bias_correction();
        add(Box::new(corrected), true, false, false);
        for kl in [KlEstimator::K1Plus, KlEstimator::K3Plus] {
            add(Box::new(KlPenalty::new(clip, 0.3, kl, mode).unwrap()), false, false, false);
        }
        add(Box::new(EntropyBonus::new(clip, 0.01, mode).unwrap()), true, true, false);
        let everything = KlPenalty::new(OffPolicyMask::new(clip, 0.1).unwrap(), 0.1, KlEstimator::K2, mode).unwrap();
        add(Box::new(EntropyBonus::new(everything, -0.2, mode).unwrap()), true, false, false);
    }
    all
}

fn run<S: Strategy>(name: &str, examples: &S, known: &Known, law: impl Fn(&Known, S::Value) -> LawResult)
where
    S::Value: Debug + Clone,
{
    let config = Config { failure_persistence: None, ..Config::default() };
    let (cases, started) = (config.cases, Instant::now());
    if let Err(error) = TestRunner::new(config).run(examples, |example| law(known, example)) {
        panic!("{name}, {:?}: {error}", known.objective);
    }
    // for `cargo xtask laws`
    println!("law\tobjective\t{name}\t`{}`\tholds\t{cases}\t{:.3}", known.objective.name(), started.elapsed().as_secs_f64());
}

#[test]
fn slopes_are_derivatives() {
    for known in all().iter().filter(|known| known.is_derivative) {
        run("slope", &(laws::minibatches(), any::<usize>()), known, |known, (batch, pick)| {
            // gspo defines tokens with advantages of their own by their gradient
            let batch = if known.objective.name() == "gspo" { batch.with_sequence_credits() } else { batch };
            laws::slope_is_the_derivative(known.objective.as_ref(), &batch, pick)?;
            laws::entropy_slope_is_the_derivative(known.objective.as_ref(), &batch, pick)
        });
    }
}

#[test]
fn micro_batches_change_nothing() {
    for known in &all() {
        run("micro-batches", &(laws::minibatches(), 1..5usize), known, |known, (batch, size)| {
            laws::cut_into_micro_batches(known.objective.as_ref(), &batch, size)
        });
    }
}

#[test]
fn masked_sequences_change_nobody() {
    for known in &all() {
        run("masks", &(laws::minibatches(), -3.0..3.0f64), known, |known, (batch, other)| {
            laws::masked_sequences_change_nobody(known.objective.as_ref(), &batch, other)?;
            laws::nothing_in_the_loss_is_zero(known.objective.as_ref(), &batch)
        });
    }
}

#[test]
fn no_advantage_no_gradient() {
    for known in all().iter().filter(|known| known.needs_advantage) {
        run("no advantage", &laws::minibatches(), known, |known, batch| {
            laws::without_advantage_without_gradient(known.objective.as_ref(), &batch)
        });
    }
}

#[test]
fn on_policy_all_are_the_policy_gradient() {
    for known in all().iter().filter(|known| known.is_policy_gradient) {
        run("on policy", &laws::minibatches(), known, |known, batch| {
            laws::on_policy_slope_is_minus_advantage(known.objective.as_ref(), &batch, known.aggregation)
        });
    }
}

#[test]
fn absurd_ratios_stay_finite() {
    for known in &all() {
        run("finite", &laws::wild_minibatches(), known, |known, batch| laws::stays_finite(known.objective.as_ref(), &batch));
    }
}

/// Laws must be able to fail.
#[test]
fn laws_find_what_breaks_them() {
    /// −A · π: no objective at all, and its slope is wrong.
    #[derive(Debug)]
    struct Wrong;
    impl Objective for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn evaluate(
            &self,
            minibatch: &[curt_advantage::SequenceView<'_>],
            _: &curt_advantage::Normalizer,
        ) -> Result<curt_advantage::Evaluation, curt_advantage::AdvantageError> {
            let n = minibatch.len() as f64; // per micro-batch
            let token = |x: &f64| curt_advantage::TokenGrad { loss: x * x / n, d_logprob: x / n, d_entropy: 1.0 };
            let tokens: Vec<Vec<_>> = minibatch.iter().map(|view| view.current.iter().map(token).collect()).collect();
            let loss = tokens.iter().flatten().map(|t| t.loss).sum();
            let stats = curt_advantage::ObjectiveStats { loss, ..Default::default() };
            Ok(curt_advantage::Evaluation { tokens, stats })
        }
    }
    type Law = fn(&Minibatch) -> LawResult;
    let broken: [Law; 6] = [
        |b| laws::slope_is_the_derivative(&Wrong, b, 0),
        |b| laws::entropy_slope_is_the_derivative(&Wrong, b, 0),
        |b| laws::cut_into_micro_batches(&Wrong, b, 1),
        |b| laws::masked_sequences_change_nobody(&Wrong, b, 1.0),
        |b| laws::without_advantage_without_gradient(&Wrong, b),
        |b| laws::nothing_in_the_loss_is_zero(&Wrong, b),
    ];
    for (i, law) in broken.into_iter().enumerate() {
        let found = TestRunner::deterministic().run(&laws::minibatches(), |batch| law(&batch));
        assert!(found.is_err(), "law {i}");
    }
}
