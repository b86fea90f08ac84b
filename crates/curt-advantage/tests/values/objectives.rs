//! Every objective and term on values known by hand, and what each refuses.

use curt_advantage::{
    AdvantageError, Aggregation, Cispo, Clip, ClipCov, Credit, DecoupledClip, EntropyBonus, Gmpo, GpgLoss, Gspo, ImportanceLevel,
    ImportanceRule, ImportanceWeighted, ImportanceWeights, KlCov, KlEstimator, KlPenalty, Normalizer, Objective, ObjectiveStats,
    OffPolicyMask, Parameters, Sapo, SequenceView, TokenGrad, objective_by_name, objective_names,
};

const MEAN: Aggregation = Aggregation::TokenMean;
const BY_SEQUENCE: Aggregation = Aggregation::SeqMeanTokenMean;

/// One sequence with these ratios to a behaviour policy that gave every token ln π = −1.
fn evaluate(objective: &dyn Objective, ratios: &[f64], credit: Credit) -> (Vec<TokenGrad>, ObjectiveStats) {
    let current: Vec<f64> = ratios.iter().map(|ratio| libm::log(*ratio) - 1.0).collect();
    let behaviour = vec![-1.0; ratios.len()];
    let view = [SequenceView::new(&current, &behaviour, &credit)];
    let evaluation = objective.evaluate(&view, &Normalizer::all(&view)).unwrap();
    (evaluation.tokens[0].clone(), evaluation.stats)
}

fn check(objective: &dyn Objective, ratios: &[f64], advantage: f64, expected: &[(f64, f64)]) {
    let (found, _) = evaluate(objective, ratios, Credit::Sequence(advantage));
    let close = |(found, (loss, slope)): (&TokenGrad, &(f64, f64))| {
        (found.loss - loss).abs() < 1e-12 && (found.d_logprob - slope).abs() < 1e-12 && found.d_entropy == 0.0
    };
    let all = found.len() == expected.len() && found.iter().zip(expected).all(close);
    assert!(all, "{objective:?}, ratios {ratios:?}, A = {advantage}: {found:?}, expected {expected:?}");
}

#[test]
fn gspo_clips_the_geometric_mean() {
    let gspo = Gspo::new(0.2, 0.28, BY_SEQUENCE).unwrap();
    // geometric mean of 2 and ½ is 1: no token is clipped, and each gets −sA/2
    check(&gspo, &[2.0, 0.5], 1.0, &[(-0.5, -0.5), (-0.5, -0.5)]);
    // of 4 and 1 it is 2: all are
    check(&gspo, &[4.0, 1.0], 1.0, &[(-0.64, 0.0), (-0.64, 0.0)]);
    check(&gspo, &[4.0, 1.0], -1.0, &[(1.0, 1.0), (1.0, 1.0)]);
    check(&gspo, &[0.25, 1.0], -1.0, &[(0.4, 0.0), (0.4, 0.0)]);
    let (_, stats) = evaluate(&gspo, &[4.0, 1.0], Credit::Sequence(1.0));
    assert_eq!((stats.tokens, stats.clipped_high, stats.ratio_max.map(|r| (r * 1e9).round())), (2, 2, Some(4e9)));
    assert_eq!(Gspo::default(), Gspo::new(3e-4, 4e-4, BY_SEQUENCE).unwrap());
    // a token's own advantage
    let (tokens, _) = evaluate(&gspo, &[2.0, 0.5], Credit::Tokens(vec![1.0, -1.0]));
    assert!((tokens[0].d_logprob + 0.5).abs() < 1e-12 && (tokens[1].d_logprob - 0.5).abs() < 1e-12);
}

#[test]
fn cispo_weighs_and_never_drops() {
    let both = Cispo::new(Some(0.2), 0.28, MEAN).unwrap();
    // slope −clip(ρ)A, loss slope · ln π with ln π = ln ρ − 1
    let loss = |slope: f64, ratio: f64| slope * (libm::log(ratio) - 1.0);
    check(&both, &[2.0], 1.0, &[(loss(-1.28, 2.0), -1.28)]);
    check(&both, &[0.5], -1.0, &[(loss(0.8, 0.5), 0.8)]);
    check(&both, &[1.1], 2.0, &[(loss(-2.2, 1.1), -2.2)]);
    check(&Cispo::default(), &[0.01], 1.0, &[(loss(-0.01, 0.01), -0.01)]);
    check(&Cispo::default(), &[9.0], -1.0, &[(loss(5.0, 9.0), 5.0)]);
    let (_, stats) = evaluate(&both, &[2.0, 0.5], Credit::Sequence(1.0));
    assert_eq!((stats.clipped_low, stats.clipped_high), (1, 1));
}

#[test]
fn sapo_fades() {
    let sapo = Sapo::new(2.0, 4.0, MEAN).unwrap();
    // at ρ = 1 the gate is ½: value −2A/τ, slope −A
    check(&sapo, &[1.0], 3.0, &[(-3.0, -3.0)]);
    check(&sapo, &[1.0], -3.0, &[(1.5, 3.0)]);
    let gate = 1.0 / (1.0 + libm::exp(-2.0));
    check(&sapo, &[2.0], 1.0, &[(-2.0 * gate, -8.0 * gate * (1.0 - gate))]);
    assert_eq!(Sapo::default(), Sapo::new(1.0, 1.05, BY_SEQUENCE).unwrap());
}

#[test]
fn gmpo_holds_logarithms() {
    let e = |x: f64| libm::exp(x);
    let gmpo = Gmpo::new(0.4, 0.4, BY_SEQUENCE).unwrap();
    // logarithms 1 (held at 0.4) and 0.2: mean 0.3; the held token has no slope
    check(&gmpo, &[e(1.0), e(0.2)], 1.0, &[(-0.5 * e(0.3), 0.0), (-0.5 * e(0.3), -0.5 * e(0.3))]);
    // a wrong rollout is not held from above
    check(&gmpo, &[e(1.0), e(0.2)], -1.0, &[(0.5 * e(0.6), 0.5 * e(0.6)); 2]);
    check(&gmpo, &[e(-1.0), e(0.2)], -1.0, &[(0.5 * e(-0.1), 0.0), (0.5 * e(-0.1), 0.5 * e(-0.1))]);
    assert_eq!(Gmpo::default(), gmpo);
}

#[test]
fn gpg_is_reinforce() {
    check(&GpgLoss::default(), &[1.0, 3.0], 2.0, &[(1.0, -1.0), (-(libm::log(3.0) - 1.0), -1.0)]);
}

/// Two sequences of two tokens with ln π of −1 and −3, and −1 and −3, and advantages 1 and −1: covariances 1, −1, −1, 1.
fn with_covariance<T>(check: impl FnOnce(&[SequenceView<'_>]) -> T) -> T {
    let (current, behaviour) = ([-1.0, -3.0], [-1.1, -3.0]);
    let (good, bad) = (Credit::Sequence(1.0), Credit::Sequence(-1.0));
    check(&[SequenceView::new(&current, &behaviour, &good), SequenceView::new(&current, &behaviour, &bad)])
}

#[test]
fn clip_cov_leaves_out_tokens_of_high_covariance() {
    with_covariance(|views| {
        let clip = Clip::new(0.2, 0.2, None, MEAN).unwrap();
        let norm = Normalizer::all(views);
        // all of the band: both tokens of covariance 1; a quarter of 4 tokens: the first
        let half = ClipCov::new(clip, 0.5, 0.5, 5.0).unwrap();
        assert_eq!(half.selected(views), [(0, 0), (1, 1)]);
        let quarter = ClipCov::new(clip, 0.25, 0.5, 5.0).unwrap();
        assert_eq!(quarter.selected(views), [(0, 0)]);
        assert_eq!(ClipCov::new(clip, 0.5, 1.0, 5.0).unwrap().selected(views), [], "the band is open");
        let (plain, found) = (clip.evaluate(views, &norm).unwrap(), half.evaluate(views, &norm).unwrap());
        assert_eq!(found.tokens[0][0], TokenGrad::default());
        assert_eq!(found.tokens[1][1], TokenGrad::default());
        assert_eq!((found.tokens[0][1], found.tokens[1][0]), (plain.tokens[0][1], plain.tokens[1][0]));
        assert!((found.loss() - plain.tokens[0][1].loss - plain.tokens[1][0].loss).abs() < 1e-15);
        assert_eq!(found.stats.selected, 2);
        assert!(half.is_minibatch_wide() && !clip.is_minibatch_wide());
    });
}

#[test]
fn clip_cov_passes_over_what_is_clipped() {
    let (current, behaviour) = ([-1.0, -3.0], [-2.0, -3.0]); // ratio e of the first
    let (good, bad) = (Credit::Sequence(1.0), Credit::Sequence(-1.0));
    let views = [SequenceView::new(&current, &behaviour, &good), SequenceView::new(&current, &behaviour, &bad)];
    let clip = Clip::new(0.2, 0.2, None, MEAN).unwrap();
    assert_eq!(ClipCov::new(clip, 1.0, 0.5, 5.0).unwrap().selected(&views), [(1, 1)]);
}

#[test]
#[should_panic(expected = "sequence 1: one log-probability of each policy per token")]
fn clip_cov_selects_no_tokens_of_unequal_slices() {
    let credit = Credit::Sequence(1.0);
    let good = SequenceView::new(&[-1.0], &[-1.0], &credit);
    ClipCov::default().selected(&[good, SequenceView::new(&[-1.0, -2.0], &[-1.0], &credit)]);
}

#[test]
fn kl_cov_penalises_tokens_of_highest_covariance() {
    with_covariance(|views| {
        let norm = Normalizer::all(views);
        let plain = KlCov::new(0.25, 0.0, MEAN).unwrap().evaluate(views, &norm).unwrap();
        let kl_cov = KlCov::new(0.5, 2.0, MEAN).unwrap();
        assert_eq!(kl_cov.selected(views), [(0, 0), (1, 1)]);
        assert_eq!(KlCov::new(0.25, 2.0, MEAN).unwrap().selected(views), [(0, 0)], "of equals the earlier");
        let found = kl_cov.evaluate(views, &norm).unwrap();
        // |ln ρ| is 0.1 of the first, with slope 1, and 0 of the last, with slope 0; weights ¼
        let (loss, slope) = (2.0 * 0.1 / 4.0, 2.0 / 4.0);
        assert!((found.tokens[0][0].loss - plain.tokens[0][0].loss - loss).abs() < 1e-12);
        assert!((found.tokens[0][0].d_logprob - plain.tokens[0][0].d_logprob - slope).abs() < 1e-12);
        assert_eq!(found.tokens[1], plain.tokens[1]);
        assert!((plain.tokens[0][0].d_logprob + libm::exp(0.1) / 4.0).abs() < 1e-12, "not clipped");
    });
}

#[test]
fn kl_estimators_by_hand() {
    let d = 0.5;
    let k3 = libm::exp(-d) + d - 1.0;
    for (word, value, slope) in
        [("k1", d, 1.0), ("abs", d, 1.0), ("k2", 0.125, d), ("k3", k3, 1.0 - libm::exp(-d)), ("k1+", d, d), ("k3+", k3, d)]
    {
        let (_, estimator) = KlEstimator::WORDS.into_iter().find(|(w, _)| *w == word).unwrap();
        let (found, found_slope) = estimator.at(d);
        assert!((found - value).abs() < 1e-15 && (found_slope - slope).abs() < 1e-15, "{word}");
        let at_zero = estimator.at(0.0);
        assert_eq!(at_zero, (0.0, if word == "k1" { 1.0 } else { 0.0 }), "{word}");
    }
    assert_eq!(KlEstimator::Abs.at(-0.5), (0.5, -1.0));
    // never negative, not by rounding either, and finite
    for i in -4000..4000 {
        assert!(KlEstimator::K3.at(f64::from(i) * 1e-9).0 >= 0.0);
    }
    assert_eq!(KlEstimator::K3.at(-1e300), (libm::expm1(20.0) - 20.0, 0.0));
}

#[test]
fn the_kl_term_is_added_to_every_token() {
    let credit = Credit::Sequence(0.0);
    let (current, behaviour, reference) = ([-1.0, -1.0], [-1.2, -1.0], [-1.5, -1.0]);
    let view = [SequenceView { reference: Some(&reference), ..SequenceView::new(&current, &behaviour, &credit) }];
    let norm = Normalizer::all(&view);
    let plain = KlPenalty::new(Clip::default(), 0.1, KlEstimator::K2, MEAN).unwrap();
    let found = plain.evaluate(&view, &norm).unwrap();
    let close =
        |found: TokenGrad, loss: f64, slope: f64| (found.loss - loss).abs() < 1e-15 && (found.d_logprob - slope).abs() < 1e-15;
    assert!(close(found.tokens[0][0], 0.1 * 0.125 / 2.0, 0.1 * 0.5 / 2.0) && close(found.tokens[0][1], 0.0, 0.0));
    assert_eq!((found.stats.reference_tokens, plain.name()), (2, "clip"));
    assert!((found.stats.reference_kl().unwrap() - (libm::exp(-0.5) - 0.5) / 2.0).abs() < 1e-15);
    // times ρ = e^0.2, whose slope is its own value
    let ratio = libm::exp(0.2);
    let corrected = plain.with_bias_correction().evaluate(&view, &norm).unwrap();
    assert!(close(corrected.tokens[0][0], 0.1 * 0.125 * ratio / 2.0, 0.1 * (0.5 + 0.125) * ratio / 2.0));
    // without β no reference is needed, and no number changes
    let off = KlPenalty::new(Clip::default(), 0.0, KlEstimator::K2, MEAN).unwrap();
    let bare = [SequenceView::new(&current, &behaviour, &credit)];
    assert_eq!(off.evaluate(&bare, &norm).unwrap(), Clip::default().evaluate(&bare, &norm).unwrap());
    let error = plain.evaluate(&bare, &norm).unwrap_err().to_string();
    assert_eq!(error, "sequence 0: the KL term needs `reference`, which it lacks");
}

#[test]
fn the_entropy_bonus_pays_for_entropy() {
    let credit = Credit::Sequence(1.0);
    let (current, entropy) = ([-1.0, -1.0], [0.5, 2.0]);
    let bare = [SequenceView::new(&current, &current, &credit)];
    let view = [SequenceView { entropy: Some(&entropy), ..bare[0] }];
    let norm = Normalizer::all(&view);
    let bonus = EntropyBonus::new(Clip::default(), 0.01, MEAN).unwrap();
    let found = bonus.evaluate(&view, &norm).unwrap();
    assert!((found.loss() + 1.0 + 0.01 * 1.25).abs() < 1e-15);
    assert_eq!((found.tokens[0][0].d_logprob, found.tokens[0][0].d_entropy), (-0.5, -0.005));
    let error = bonus.evaluate(&bare, &norm).unwrap_err().to_string();
    assert_eq!(error, "sequence 0: the entropy bonus needs `entropy`, which it lacks");
}

#[test]
fn the_off_policy_mask_drops_wrong_rollouts_left_behind() {
    let (near, far) = ([-1.0, -1.0], [-1.3, -1.0]); // 0.15 nats below, on average
    let behaviour = [-1.0, -1.0];
    let (good, bad) = (Credit::Sequence(1.0), Credit::Sequence(-1.0));
    let views = [
        SequenceView::new(&near, &behaviour, &bad),
        SequenceView::new(&far, &behaviour, &bad),
        SequenceView::new(&far, &behaviour, &good),
    ];
    let norm = Normalizer::all(&views);
    let clip = Clip::new(0.5, 0.5, None, MEAN).unwrap();
    let plain = clip.evaluate(&views, &norm).unwrap();
    for (threshold, masked) in [(0.2, 0), (0.1, 2)] {
        let found = OffPolicyMask::new(clip, threshold).unwrap().evaluate(&views, &norm).unwrap();
        assert_eq!((&found.tokens[0], &found.tokens[2]), (&plain.tokens[0], &plain.tokens[2]));
        assert_eq!(found.tokens[1] == [TokenGrad::default(); 2], masked == 2);
        assert_eq!(found.stats.masked, masked);
    }
}

/// By name ε_high is ε unless given, as in TRL; the default of the type is DAPO's.
#[test]
fn by_name_the_clip_is_symmetric_unless_said_otherwise() {
    let by_name = |name, parameters| format!("{:?}", objective_by_name(name, &parameters, MEAN).unwrap());
    let (none, given) = (Parameters::new, || Parameters::new().with("epsilon", 0.1));
    let clip = |epsilon, high| Clip::new(epsilon, high, None, MEAN).unwrap();
    assert_eq!(by_name("clip", none()), format!("{:?}", clip(0.2, 0.2)));
    assert_eq!(by_name("clip", given()), format!("{:?}", clip(0.1, 0.1)));
    assert_eq!(by_name("clip", given().with("epsilon_high", 0.28)), format!("{:?}", clip(0.1, 0.28)));
    assert_eq!(by_name("clip_cov", none()), format!("{:?}", ClipCov::default()));
    assert_eq!(by_name("decoupled_clip", none()), format!("{:?}", DecoupledClip::new(clip(0.2, 0.2), 5.0).unwrap()));
    assert_eq!(Clip::default(), clip(0.2, 0.28));
    assert_eq!(DecoupledClip::default(), DecoupledClip::new(Clip::default(), 5.0).unwrap());
    // those with presets of their own keep them
    assert_eq!(by_name("gspo", given()), format!("{:?}", Gspo::new(0.1, 4e-4, MEAN).unwrap()));
    assert_eq!(by_name("gmpo", given()), format!("{:?}", Gmpo::new(0.1, 0.4, MEAN).unwrap()));
    assert_eq!(by_name("cispo", given()), format!("{:?}", Cispo::new(Some(0.1), 4.0, MEAN).unwrap()));
}

#[test]
fn weighted_objectives_clip_about_the_proximal_policy() {
    let credit = Credit::Sequence(1.0);
    // behaviour −2, proximal −1: w = e; current −0.9: ratio e^0.1 to the proximal
    let (current, behaviour, proximal) = ([-0.9], [-2.0], [-1.0]);
    let bare = [SequenceView::new(&current, &behaviour, &credit)];
    let view = [SequenceView { proximal: Some(&proximal), ..bare[0] }];
    let norm = Normalizer::all(&view);
    let (weight, ratio) = (std::f64::consts::E, libm::exp(0.1));
    let found = DecoupledClip::default().evaluate(&view, &norm).unwrap();
    assert!((found.tokens[0][0].d_logprob + weight * ratio).abs() < 1e-12);
    assert!((found.loss() + weight * ratio).abs() < 1e-12);
    let capped = DecoupledClip::new(Clip::default(), 2.0).unwrap().evaluate(&view, &norm).unwrap();
    assert_eq!((capped.tokens[0][0], capped.loss(), capped.stats.masked), (TokenGrad::default(), 0.0, 1));
    let tis = ImportanceWeighted::new(Clip::default(), ImportanceWeights::tis()).evaluate(&view, &norm).unwrap();
    assert!((tis.tokens[0][0].d_logprob + 2.0 * ratio).abs() < 1e-12);
    let error = DecoupledClip::default().evaluate(&bare, &norm).unwrap_err().to_string();
    assert_eq!(error, "sequence 0: an importance weight needs `proximal`, which it lacks");
    // rollouts of the proximal policy itself: bit for bit the plain clip
    let view = [SequenceView { proximal: Some(&behaviour), ..bare[0] }];
    assert_eq!(DecoupledClip::default().evaluate(&view, &norm).unwrap(), Clip::default().evaluate(&view, &norm).unwrap());
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let none = Aggregation::SeqMeanTokenSumNorm { length: 0 };
    let (clip, nan) = (Clip::default(), f64::NAN);
    let weights = |low, high, veto| ImportanceWeights::new(ImportanceLevel::Token, ImportanceRule::Mask, low, high, veto);
    for (expected, error) in [
        ("epsilon", Gspo::new(1.0, 0.2, MEAN).unwrap_err()),
        ("epsilon_high", Gspo::new(0.1, nan, MEAN).unwrap_err()),
        ("length of seq-mean-token-sum-norm", Gspo::new(0.1, 0.1, none).unwrap_err()),
        ("epsilon", Cispo::new(Some(1.1), 0.2, MEAN).unwrap_err()),
        ("epsilon_high", Cispo::new(None, -0.1, MEAN).unwrap_err()),
        ("length of seq-mean-token-sum-norm", Cispo::new(None, 0.1, none).unwrap_err()),
        ("sapo_temperature_pos", Sapo::new(0.0, 1.0, MEAN).unwrap_err()),
        ("sapo_temperature_neg", Sapo::new(1.0, nan, MEAN).unwrap_err()),
        ("length of seq-mean-token-sum-norm", Sapo::new(1.0, 1.0, none).unwrap_err()),
        ("epsilon", Gmpo::new(-0.1, 0.1, MEAN).unwrap_err()),
        ("epsilon_high", Gmpo::new(0.1, f64::INFINITY, MEAN).unwrap_err()),
        ("length of seq-mean-token-sum-norm", GpgLoss::new(none).unwrap_err()),
        ("cov_ratio", ClipCov::new(clip, 0.0, 1.0, 5.0).unwrap_err()),
        ("cov_ratio", ClipCov::new(clip, 1.1, 1.0, 5.0).unwrap_err()),
        ("cov_low", ClipCov::new(clip, 0.1, 5.0, 5.0).unwrap_err()),
        ("cov_low", ClipCov::new(clip, 0.1, 1.0, nan).unwrap_err()),
        ("cov_ratio", KlCov::new(nan, 1.0, MEAN).unwrap_err()),
        ("kl_cov_coefficient", KlCov::new(0.1, -1.0, MEAN).unwrap_err()),
        ("importance_cap", DecoupledClip::new(clip, 0.0).unwrap_err()),
        ("beta", KlPenalty::new(clip, -0.1, KlEstimator::K3, MEAN).unwrap_err()),
        ("length of seq-mean-token-sum-norm", KlPenalty::new(clip, 0.1, KlEstimator::K3, none).unwrap_err()),
        ("entropy_bonus", EntropyBonus::new(clip, nan, MEAN).unwrap_err()),
        ("off_policy_mask_threshold", OffPolicyMask::new(clip, -1.0).unwrap_err()),
        ("importance_high", weights(0.0, nan, 0.0).unwrap_err()),
        ("importance_low", weights(2.0, 1.0, 0.0).unwrap_err()),
        ("importance_veto", weights(0.0, 1.0, -1.0).unwrap_err()),
    ] {
        assert!(matches!(error, AdvantageError::BadSetting { setting, .. } if setting == expected), "{expected}: {error}");
    }
}

#[test]
fn every_objective_refuses_what_no_objective_can_use() {
    let credit = Credit::Sequence(1.0);
    for name in objective_names() {
        let objective = objective_by_name(name, &Parameters::new(), MEAN).unwrap();
        assert_eq!(objective.name(), name);
        assert_eq!(objective.evaluate(&[], &Normalizer::default()).unwrap_err(), AdvantageError::EmptyMinibatch, "{name}");
        let short = SequenceView { proximal: Some(&[-1.0]), ..SequenceView::new(&[-1.0], &[], &credit) };
        let error = objective.evaluate(&[short], &Normalizer { action_tokens: 9, sequences: 9 }).unwrap_err();
        let expected = AdvantageError::SequenceSize { sequence: 0, field: "behaviour", expected: 1, found: 0 };
        assert_eq!(error, expected, "{name}");
        let infinite = SequenceView { proximal: Some(&[-1.0]), ..SequenceView::new(&[f64::INFINITY], &[-1.0], &credit) };
        let error = objective.evaluate(&[infinite], &Normalizer { action_tokens: 9, sequences: 9 }).unwrap_err();
        assert!(matches!(error, AdvantageError::NotFinite { sequence: 0, token: 0, field: "current", .. }), "{name}");
    }
}

#[test]
fn words_and_parameters_are_checked() {
    for (name, parameters, expected) in [
        ("clp", Parameters::new(), "unknown objective `clp` (did you mean `clip`?); known: clip, gspo, "),
        ("ppo", Parameters::new(), "unknown objective `ppo`"),
        ("gspo", Parameters::new().with("delta", 3.0), "`gspo` has no parameter `delta`; it has: epsilon, epsilon_high"),
        ("clip", Parameters::new().with("delta", 1.0), "`delta` must be a finite number above 1 + epsilon_high, found 1"),
        ("sapo", Parameters::new().with("sapo_temperature_pos", "hot"), "`sapo_temperature_pos` must be a number, found `hot`"),
    ] {
        let error = objective_by_name(name, &parameters, MEAN).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let given = Parameters::new().with("epsilon", 0.1).with("delta", 3.0);
    let built = objective_by_name("clip", &given, BY_SEQUENCE).unwrap();
    assert_eq!(format!("{built:?}"), format!("{:?}", Clip::new(0.1, 0.1, Some(3.0), BY_SEQUENCE).unwrap()));
}
