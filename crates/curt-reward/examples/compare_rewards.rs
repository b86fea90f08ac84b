//! One group, shaped by some strategies side by side: `cargo run -p curt-reward --example compare_rewards`.

use curt_reward::{Parameters, ProblemKey, RewardError, Rollout, Shaped, StepContext, by_name};

fn main() -> Result<(), RewardError> {
    let cells =
        [(true, 2100), (true, 3900), (true, 4096), (true, 4097), (true, 9000), (false, 1500), (false, 4096), (false, 16384)];
    let group =
        cells.map(|(correct, length)| Rollout { truncated: length == 16384, ..Rollout::new(ProblemKey(1), correct, length) });
    let target = || Parameters::new().with("target_length", 4096);
    let limit = || Parameters::new().with("max_length", 16384);
    let strategies = [
        by_name("correctness", &Parameters::new())?,
        by_name("truncation", &target())?,
        by_name("minus_lc", &target())?,
        by_name("laser", &target())?,
        by_name("kimi", &Parameters::new())?,
        by_name("arora_zanette", &Parameters::new())?,
        by_name("dapo_overlong", &limit())?,
        by_name("gr3", &Parameters::new())?,
    ];
    print!("{:<14}", "");
    cells.iter().for_each(|(correct, length)| print!("{:>8}{}", length, if *correct { "✓" } else { "✗" }));
    let mut out = vec![Shaped::default(); group.len()];
    for strategy in strategies {
        strategy.shape(&StepContext::default(), &group, &mut out)?;
        print!("\n{:<14}", strategy.name());
        let masked = |s: &Shaped| if s.in_loss { format!("{:.3}", s.total) } else { "masked".to_owned() };
        out.iter().for_each(|shaped| print!("{:>9}", masked(shaped)));
    }
    println!();
    Ok(())
}
