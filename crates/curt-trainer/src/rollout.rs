//! `rollout`: prompts → groups of completions.

use curt_runtime::{Completion, DrawKey, GenerateProgress, GenerateRequest, Policy, PolicyError, Purpose, Sampling};

use crate::config::EvalSection;
use crate::select::Selected;

/// One prompt with its completions.
#[derive(Clone, Debug)]
pub struct Group {
    /// The prompt and where it came from.
    pub selected: Selected,
    /// Its completions, in sample order.
    pub completions: Vec<Completion>,
}

/// What a batch of rollouts is drawn for, and how.
#[derive(Clone, Copy, Debug)]
pub struct RolloutPlan {
    /// Key of all randomness.
    pub seed: u64,
    /// Train or eval: they never share a draw.
    pub purpose: Purpose,
    /// The step.
    pub step: u32,
    /// Index of the first completion of each prompt; 0 unless others were sampled before.
    pub first_sample: usize,
    /// Completions per prompt.
    pub num_generations: usize,
    /// Most tokens of a completion.
    pub max_completion_length: usize,
    /// How tokens are drawn.
    pub sampling: Sampling,
}

impl RolloutPlan {
    /// How an evaluation draws.
    pub fn of_evaluation(eval: &EvalSection) -> Self {
        Self {
            seed: eval.seed,
            purpose: Purpose::Eval,
            step: 0,
            first_sample: 0,
            num_generations: eval.n,
            max_completion_length: eval.max_completion_length,
            sampling: Sampling { temperature: eval.temperature, top_k: eval.top_k, top_p: eval.top_p, min_p: eval.min_p },
        }
    }
}

/// Samples `plan.num_generations` completions of each prompt.
///
/// # Errors
/// Whatever the policy refuses, and [`PolicyError::Interrupted`] when `keep_going` says stop.
pub fn rollout(
    policy: &mut dyn Policy,
    prompts: Vec<Selected>,
    plan: &RolloutPlan,
    keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
) -> Result<Vec<Group>, PolicyError> {
    let requests: Vec<GenerateRequest> = prompts.iter().map(|p| request(p, plan)).collect();
    let completions = policy.generate(&requests, &plan.sampling, keep_going)?;
    Ok(prompts.into_iter().zip(completions).map(|(selected, completions)| Group { selected, completions }).collect())
}

fn request(selected: &Selected, plan: &RolloutPlan) -> GenerateRequest {
    let key = |sample| DrawKey {
        seed: plan.seed,
        purpose: plan.purpose,
        step: plan.step,
        refill: selected.round,
        problem: selected.key,
        occurrence: selected.occurrence,
        sample,
    };
    GenerateRequest {
        prompt: selected.prompt_ids.clone(),
        samples: (plan.first_sample..plan.first_sample + plan.num_generations).map(|sample| key(sample as u32)).collect(),
        max_new_tokens: plan.max_completion_length,
    }
}
