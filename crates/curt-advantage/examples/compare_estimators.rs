//! What every estimator makes of one step, and every objective of the advantages: `cargo run -p curt-advantage --example compare_estimators`.
//!
//! Four rollouts of one prompt, of which the two short ones are right, and a prompt that every rollout gets right. Then the
//! slope d loss / d log-probability of a token that the policy has since made 1.5 times as likely.

use curt_advantage::{
    AdvantageError, Aggregation, Credit, Normalizer, Parameters, RewardGroup, SampledTokens, SequenceView, estimator_by_name,
    estimator_names, objective_by_name, objective_names,
};

fn main() -> Result<(), AdvantageError> {
    let mut groups = [
        RewardGroup::new(vec![1.0, 1.0, 0.0, 0.0], vec![40, 60, 120, 200]),
        RewardGroup::new(vec![1.0; 4], vec![30, 35, 40, 90]),
    ];
    for group in &mut groups {
        let tokens = |n: &u32| SampledTokens { logprobs: vec![-0.7; *n as usize], sum_p2: vec![0.5; *n as usize] };
        group.tokens = group.lengths.iter().map(tokens).collect();
    }
    println!("{:30} rewards 1 1 0 0 of 40 60 120 200 tokens      rewards 1 1 1 1", "advantage of the first token");
    for name in estimator_names() {
        let credits = estimator_by_name(name, &Parameters::new())?.estimate(&groups)?;
        let cells = credits.iter().map(|group| group.iter().map(|credit| format!("{:8.3}", credit.at(0))).collect::<String>());
        println!("{name:30} {}", cells.collect::<Vec<_>>().join("     "));
    }

    println!("\n{:30} {:>8} {:>8}", "slope at a ratio of 1.5", "A = 1", "A = -1");
    let (now, then) = ([-1.0 + libm::log(1.5)], [-1.0]);
    for name in objective_names() {
        let objective = objective_by_name(name, &Parameters::new(), Aggregation::TokenMean)?;
        let slope = |advantage| {
            let credit = Credit::Sequence(advantage);
            let view = [SequenceView { proximal: Some(&then), ..SequenceView::new(&now, &then, &credit) }];
            Ok::<_, AdvantageError>(objective.evaluate(&view, &Normalizer::all(&view))?.tokens[0][0].d_logprob)
        };
        println!("{name:30} {:8.3} {:8.3}", slope(1.0)?, slope(-1.0)?);
    }
    Ok(())
}
