//! The clipped objective: each branch by hand, and laws.

use curt_advantage::{Aggregation, Clip, Credit, Normalizer, Objective, ObjectiveStats, SequenceView, TokenGrad};
use proptest::prelude::*;

/// A sequence that owns its numbers.
#[derive(Clone, Debug)]
struct Sequence {
    current: Vec<f64>,
    behaviour: Vec<f64>,
    credit: Credit,
    in_loss: bool,
}

impl Sequence {
    fn view(&self) -> SequenceView<'_> {
        SequenceView { in_loss: self.in_loss, ..SequenceView::new(&self.current, &self.behaviour, &self.credit) }
    }
}

fn views(sequences: &[Sequence]) -> Vec<SequenceView<'_>> {
    sequences.iter().map(Sequence::view).collect()
}

fn one_token(log_ratio: f64, advantage: f64) -> Sequence {
    Sequence { current: vec![-1.0 + log_ratio], behaviour: vec![-1.0], credit: Credit::Sequence(advantage), in_loss: true }
}

/// Loss and slope of a lone token, so that every weight is 1.
fn token(clip: &Clip, log_ratio: f64, advantage: f64) -> (TokenGrad, ObjectiveStats) {
    let sequences = [one_token(log_ratio, advantage)];
    let minibatch = views(&sequences);
    let evaluation = clip.evaluate(&minibatch, &Normalizer::all(&minibatch)).unwrap();
    (evaluation.tokens[0][0], evaluation.stats)
}

fn clip(delta: Option<f64>) -> Clip {
    Clip::new(0.2, 0.28, delta, Aggregation::TokenMean).unwrap()
}

#[test]
fn each_branch_by_hand() {
    let ln = |ratio: f64| libm::log(ratio);
    // advantage, ratio, dual clip; loss, slope, counts (low, high, dual)
    let rows = [
        (2.0, 1.0, None, -2.0, -2.0, (0, 0, 0)),
        (2.0, 1.25, None, -2.5, -2.5, (0, 0, 0)),
        (2.0, 1.3, None, -2.56, 0.0, (0, 1, 0)),
        (2.0, 0.1, None, -0.2, -0.2, (0, 0, 0)),
        (2.0, 5.0, Some(3.0), -2.56, 0.0, (0, 1, 0)),
        (-2.0, 1.0, None, 2.0, 2.0, (0, 0, 0)),
        (-2.0, 0.81, None, 1.62, 1.62, (0, 0, 0)),
        (-2.0, 0.79, None, 1.6, 0.0, (1, 0, 0)),
        (-2.0, 5.0, None, 10.0, 10.0, (0, 0, 0)),
        (-2.0, 5.0, Some(3.0), 6.0, 0.0, (0, 0, 1)),
        (-2.0, 2.9, Some(3.0), 5.8, 5.8, (0, 0, 0)),
        (0.0, 5.0, Some(3.0), 0.0, 0.0, (0, 0, 0)),
        (0.0, 0.1, None, 0.0, 0.0, (0, 0, 0)),
    ];
    for (advantage, ratio, delta, loss, slope, counts) in rows {
        let (found, stats) = token(&clip(delta), ln(ratio), advantage);
        let what = format!("A = {advantage}, ρ = {ratio}, δ = {delta:?}: {found:?}");
        assert!((found.loss - loss).abs() < 1e-12 && (found.d_logprob - slope).abs() < 1e-12, "{what}");
        assert_eq!(found.d_logprob == 0.0, slope == 0.0, "{what}");
        assert_eq!(found.d_entropy, 0.0, "{what}");
        assert_eq!((stats.clipped_low, stats.clipped_high, stats.clipped_dual), counts, "{what}");
    }
}

#[test]
fn defaults_are_those_of_dapo() {
    assert_eq!(Clip::default(), clip(None));
    assert_eq!(Clip::default().name(), "clip");
}

#[test]
fn equal_log_probabilities_give_a_ratio_of_exactly_one() {
    for logprob in [-0.0, -1e-300, -0.1, -7.3, -1e4] {
        for (advantage, n) in [(0.7, 3), (-1.3, 7)] {
            let sequence = Sequence {
                current: vec![logprob; n],
                behaviour: vec![logprob; n],
                credit: Credit::Sequence(advantage),
                in_loss: true,
            };
            let minibatch = [sequence.view()];
            let evaluation = Clip::default().evaluate(&minibatch, &Normalizer::all(&minibatch)).unwrap();
            assert!(evaluation.tokens[0].iter().all(|t| t.d_logprob == -advantage * (1.0 / n as f64)));
            let stats = evaluation.stats;
            assert_eq!((stats.ratio_min, stats.ratio_max, stats.mean_ratio()), (Some(1.0), Some(1.0), Some(1.0)));
            assert_eq!((stats.approx_kl(), stats.clip_ratio_region()), (Some(0.0), Some(0.0)));
        }
    }
}

#[test]
fn weights_of_the_four_modes() {
    // Sequences of 2 and 4 tokens at ratio 1 and A = −1, so that each token loss is its weight.
    let sequences = [2, 4].map(|n| Sequence {
        current: vec![-1.0; n],
        behaviour: vec![-1.0; n],
        credit: Credit::Sequence(-1.0),
        in_loss: true,
    });
    let minibatch = views(&sequences);
    let rows = [
        ("token-mean", [1.0 / 6.0, 1.0 / 6.0], 1.0),
        ("seq-mean-token-mean", [0.25, 0.125], 1.0),
        ("seq-mean-token-sum", [0.5, 0.5], 3.0),
        ("seq-mean-token-sum-norm", [0.05, 0.05], 0.3),
    ];
    for (word, weights, loss) in rows {
        let aggregation = Aggregation::from_word(word, 10).unwrap();
        assert_eq!(aggregation.word(), word);
        let clip = Clip::new(0.2, 0.2, None, aggregation).unwrap();
        let evaluation = clip.evaluate(&minibatch, &Normalizer::all(&minibatch)).unwrap();
        for (tokens, weight) in evaluation.tokens.iter().zip(weights) {
            assert!(tokens.iter().all(|t| (t.loss - weight).abs() < 1e-15), "{word}: {tokens:?}");
        }
        assert!((evaluation.loss() - loss).abs() < 1e-12, "{word}");
    }
    for (alias, word) in [("dapo", "token-mean"), ("bnpo", "token-mean"), ("grpo", "seq-mean-token-mean")] {
        assert_eq!(Aggregation::from_word(alias, 10).unwrap().word(), word);
    }
    assert_eq!(Aggregation::from_word("dr_grpo", 10).unwrap(), Aggregation::SeqMeanTokenSumNorm { length: 10 });
}

#[test]
fn normalizer_counts_zero_advantages_and_not_the_masked() {
    let sequence = |n: usize, advantage, in_loss| Sequence {
        current: vec![-1.0; n],
        behaviour: vec![-1.0; n],
        credit: Credit::Sequence(advantage),
        in_loss,
    };
    let sequences = [sequence(3, 1.0, true), sequence(5, 0.0, true), sequence(7, 1.0, false), sequence(0, 1.0, true)];
    let minibatch = views(&sequences);
    assert_eq!(Normalizer::all(&minibatch), Normalizer { action_tokens: 8, sequences: 2 });
    assert_eq!(Normalizer::active(&minibatch), Normalizer { action_tokens: 3, sequences: 1 });
}

#[test]
fn a_fully_masked_batch_is_zero_and_not_nan() {
    for word in ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"] {
        let sequences = [Sequence { in_loss: false, ..one_token(0.3, 1.0) }];
        let minibatch = views(&sequences);
        let clip = Clip::new(0.2, 0.2, None, Aggregation::from_word(word, 10).unwrap()).unwrap();
        let evaluation = clip.evaluate(&minibatch, &Normalizer::default()).unwrap();
        assert_eq!(evaluation.tokens, [[TokenGrad::default()]], "{word}");
        let stats = evaluation.stats;
        assert_eq!(stats, ObjectiveStats::default(), "{word}");
        let means = [stats.mean_ratio(), stats.approx_kl(), stats.clip_ratio_low(), stats.clip_ratio_dual()];
        assert_eq!(means, [None; 4], "{word}");
    }
}

#[test]
fn absurd_log_ratios_stay_finite() {
    for log_ratio in [-1e300, -800.0, 800.0, 1e300] {
        for advantage in [-1.0, 1.0] {
            let (found, stats) = token(&clip(None), log_ratio, advantage);
            assert!(found.loss.is_finite() && found.d_logprob == 0.0, "{log_ratio} {advantage}: {found:?}");
            assert!(stats.approx_kl().unwrap().is_finite() && stats.mean_ratio().unwrap().is_finite());
        }
    }
}

#[test]
fn means_are_taken_when_asked() {
    let ratios = [0.5, 1.0, 2.0, 4.0];
    let sequences: Vec<Sequence> = ratios.iter().map(|&r| one_token(libm::log(r), if r < 1.0 { -1.0 } else { 1.0 })).collect();
    let minibatch = views(&sequences);
    let stats = clip(None).evaluate(&minibatch, &Normalizer::all(&minibatch)).unwrap().stats;
    assert_eq!((stats.clip_ratio_low(), stats.clip_ratio_high()), (Some(0.25), Some(0.5)));
    assert_eq!((stats.clip_ratio_region(), stats.clip_ratio_dual()), (Some(0.75), Some(0.0)));
    assert!((stats.mean_ratio().unwrap() - 7.5 / 4.0).abs() < 1e-12);
    assert!((stats.ratio_min.unwrap() - 0.5).abs() < 1e-12 && (stats.ratio_max.unwrap() - 4.0).abs() < 1e-12);
    let kl: f64 = ratios.iter().map(|&r| r - 1.0 - libm::log(r)).sum::<f64>() / 4.0;
    assert!((stats.approx_kl().unwrap() - kl).abs() < 1e-12);
}

fn aggregation() -> impl Strategy<Value = Aggregation> {
    prop_oneof![
        Just(Aggregation::TokenMean),
        Just(Aggregation::SeqMeanTokenMean),
        Just(Aggregation::SeqMeanTokenSum),
        (1u32..300).prop_map(|length| Aggregation::SeqMeanTokenSumNorm { length }),
    ]
}

fn objective() -> impl Strategy<Value = Clip> {
    (0.0..0.9f64, 0.0..0.9f64, prop::option::of(0.1..5.0f64), aggregation())
        .prop_map(|(low, high, over, aggregation)| Clip::new(low, high, over.map(|over| 1.0 + high + over), aggregation).unwrap())
}

fn minibatch() -> impl Strategy<Value = Vec<Sequence>> {
    let tokens = prop::collection::vec((-4.0..0.0f64, -1.5..1.5f64, -2.0..2.0f64), 0..9);
    let sequence = (tokens, prop::option::of(-3.0..3.0f64), prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    let sequence = sequence.prop_map(|(tokens, whole, in_loss, flat)| Sequence {
        current: tokens.iter().map(|t| t.0 + t.1).collect(),
        behaviour: tokens.iter().map(|t| t.0).collect(),
        credit: match whole {
            _ if flat => Credit::Sequence(0.0),
            Some(advantage) => Credit::Sequence(advantage),
            None => Credit::Tokens(tokens.iter().map(|t| t.2).collect()),
        },
        in_loss,
    });
    prop::collection::vec(sequence, 1..9)
}

proptest! {
    #[test]
    fn slope_is_the_finite_difference_of_the_loss(clip in objective(), mut sequences in minibatch(), pick in any::<usize>()) {
        let norm = Normalizer::all(&views(&sequences));
        let tokens: Vec<(usize, usize)> =
            sequences.iter().enumerate().flat_map(|(i, s)| (0..s.current.len()).map(move |t| (i, t))).collect();
        prop_assume!(!tokens.is_empty());
        let (i, t) = tokens[pick % tokens.len()];
        let analytic = clip.evaluate(&views(&sequences), &norm).unwrap();
        let slope = analytic.tokens[i][t].d_logprob;
        let (centre, h) = (sequences[i].current[t], 1e-5);
        let mut loss_at = |x: f64| {
            sequences[i].current[t] = x;
            let e = clip.evaluate(&views(&sequences), &norm).unwrap();
            (e.loss(), [e.stats.clipped_low, e.stats.clipped_high, e.stats.clipped_dual])
        };
        let ((up, branch_up), (down, branch_down)) = (loss_at(centre + h), loss_at(centre - h));
        // At a kink there is no derivative.
        prop_assume!(branch_up == branch_down);
        let numeric = (up - down) / (2.0 * h);
        prop_assert!((numeric - slope).abs() < 1e-7 * (1.0 + slope.abs()), "{} against {}", numeric, slope);
    }

    #[test]
    fn cutting_into_micro_batches_changes_nothing(clip in objective(), sequences in minibatch(), size in 1usize..5) {
        let all = views(&sequences);
        let norm = Normalizer::all(&all);
        let whole = clip.evaluate(&all, &norm).unwrap();
        let (mut tokens, mut stats) = (Vec::new(), ObjectiveStats::default());
        for part in all.chunks(size) {
            let part = clip.evaluate(part, &norm).unwrap();
            tokens.extend(part.tokens);
            stats.merge(&part.stats);
        }
        prop_assert_eq!(&tokens, &whole.tokens); // bit for bit
        prop_assert!((stats.loss - whole.stats.loss).abs() < 1e-9);
        let counts = |s: &ObjectiveStats| (s.tokens, s.clipped_low, s.clipped_high, s.clipped_dual, s.ratio_min, s.ratio_max);
        prop_assert_eq!(counts(&stats), counts(&whole.stats));
    }

    #[test]
    fn leaving_out_sequences_without_signal_changes_no_gradient(clip in objective(), sequences in minibatch()) {
        let all = views(&sequences);
        let norm = Normalizer::all(&all);
        let whole = clip.evaluate(&all, &norm).unwrap();
        let live: Vec<usize> = (0..all.len()).filter(|&i| all[i].in_loss && !all[i].credit.is_zero()).collect();
        prop_assume!(!live.is_empty());
        let part: Vec<SequenceView> = live.iter().map(|&i| all[i]).collect();
        let skipped = clip.evaluate(&part, &norm).unwrap();
        for (place, &i) in live.iter().enumerate() {
            prop_assert_eq!(&skipped.tokens[place], &whole.tokens[i]);
        }
        for i in (0..all.len()).filter(|i| !live.contains(i)) {
            prop_assert!(whole.tokens[i].iter().all(|t| *t == TokenGrad::default()));
        }
    }

    #[test]
    fn masked_sequences_give_zero_and_change_nobody(clip in objective(), sequences in minibatch(), other in -3.0..3.0f64) {
        let mut changed = sequences.clone();
        for sequence in changed.iter_mut().filter(|s| !s.in_loss) {
            sequence.credit = Credit::Sequence(other);
            sequence.current.iter_mut().for_each(|lp| *lp -= 0.5);
        }
        let run = |s: &[Sequence]| clip.evaluate(&views(s), &Normalizer::all(&views(s))).unwrap();
        let (before, after) = (run(&sequences), run(&changed));
        prop_assert_eq!(&before, &after);
        for (sequence, tokens) in sequences.iter().zip(&before.tokens) {
            prop_assert!(sequence.in_loss || tokens.iter().all(|t| *t == TokenGrad::default()));
        }
    }

    #[test]
    fn loss_is_the_smaller_of_the_two_surrogates(log_ratio in -3.0..3.0f64, advantage in -3.0..3.0f64) {
        // −min(ρA, clip(ρ)A), written as the paper does.
        let ratio = libm::exp(log_ratio);
        let expected = -(ratio * advantage).min(ratio.clamp(0.8, 1.28) * advantage);
        let (found, _) = token(&clip(None), log_ratio, advantage);
        prop_assert!((found.loss - expected).abs() < 1e-12, "{} against {}", found.loss, expected);
        // The dual clip: at most −δA, and only for A < 0.
        let dual = if advantage < 0.0 { expected.min(-3.0 * advantage) } else { expected };
        let (found, _) = token(&clip(Some(3.0)), log_ratio, advantage);
        prop_assert!((found.loss - dual).abs() < 1e-12, "{} against {}", found.loss, dual);
    }
}
