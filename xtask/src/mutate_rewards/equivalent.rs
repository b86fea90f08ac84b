//! Edits that change no reward: those that no test can miss, each with its proof.

use anyhow::{Result, bail};

use super::sites::Site;

/// One that is proven to change nothing.
pub struct Equivalent {
    pub file: &'static str,
    /// The line after the edit: when the line changes, so does the proof.
    pub edited: &'static str,
    /// Why no input gives another reward, state or error with it.
    pub proof: &'static str,
}

pub const EQUIVALENT: [Equivalent; 12] = [
    Equivalent {
        file: "cosine.rs",
        edited: "false => along(self.wrong) - self.repetition_weight * rollout.repetition.unwrap_or(1.0),",
        proof: "with a weight above 0 `needs` asks for the repetition and `check_group` refuses a rollout without it; with a \
                weight of 0 the product is 0 whatever stands there",
    },
    Equivalent {
        file: "diet.rs",
        edited: "Some(first) if error >= 0.0 => f64::from(self.max_length) * (error - self.band * draw(first.problem, ctx.step)),",
        proof: "it differs for an error of 0 alone, where the target is then at most 0: no length is below it, so all of them \
                are moved by the same amount, and a standardised score does not see a common shift",
    },
    Equivalent {
        file: "dynamic_targets.rs",
        edited: "let mut fresh = [const { Vec::new() }; 4];",
        proof: "`level` gives 0, 1 or 2, and the fourth list meets no level where the lists are zipped with the three",
    },
    Equivalent {
        file: "grpo_lead.rs",
        edited: "*advantage *= if *advantage >= 0.0 { positive } else { other };",
        proof: "it differs for an advantage of 0 alone, which times either weight, both finite, is 0",
    },
    Equivalent {
        file: "l1_exact.rs",
        edited: "rollout.budget.map_or(1.0, |budget| f64::from(budget) - f64::from(rollout.length))",
        proof: "`check_group` has refused a rollout without the budget that `needs` asks for",
    },
    Equivalent {
        file: "nemotron_bonus.rs",
        edited: "f64::from(rollout.answer_length.unwrap_or(1))",
        proof: "`check_group` has refused a rollout without the answer length that `needs` asks for",
    },
    Equivalent {
        file: "nemotron_bonus.rs",
        edited: "let mean = if spread >= 0.0 { Moments::of(values.map(|l| (most - l) / spread)).mean } else { 0.0 };",
        proof: "it differs for a spread of 0 alone, for which `at` does not read the mean",
    },
    Equivalent {
        file: "nemotron_bonus.rs",
        edited: "let mean = if spread > 0.0 { Moments::of(values.map(|l| (most - l) / spread)).mean } else { 1.0 };",
        proof: "this value is the mean for a spread of 0, for which `at` does not read it",
    },
    Equivalent {
        file: "o1_pruner.rs",
        edited: "let (length, accuracy) = rollout.reference.map_or((1.0, 0.0), |r| (r.mean_length, r.accuracy));",
        proof: "`check_group` has refused a rollout without the reference that `needs` asks for",
    },
    Equivalent {
        file: "o1_pruner.rs",
        edited: "let (length, accuracy) = rollout.reference.map_or((0.0, 1.0), |r| (r.mean_length, r.accuracy));",
        proof: "`check_group` has refused a rollout without the reference that `needs` asks for",
    },
    Equivalent {
        file: "statistics.rs",
        edited: "self.squares / self.n.max(2) as f64",
        proof: "it differs for one number alone, whose square distance from its mean, itself, is 0",
    },
    Equivalent {
        file: "stop_properly.rs",
        edited: "fill_beside_verdict(group, out, |rollout| match (rollout.truncated, k > 0.0) {",
        proof: "it differs for k = 0 alone, where c (k - 1) and k - c are both -c",
    },
];

/// The proof that a mutant may survive, if there is one.
pub fn proof(known: &[Equivalent], site: &Site) -> Option<&'static str> {
    known.iter().find(|known| known.file == site.file && known.edited == site.edited).map(|known| known.proof)
}

/// # Errors
/// A proof of what is not in the sources any more.
pub fn check(known: &[Equivalent], sites: &[Site]) -> Result<()> {
    for Equivalent { file, edited, proof } in known {
        if !sites.iter().any(|site| site.file == *file && site.edited == *edited) {
            bail!("{file}: no edit makes the line `{edited}` any more; its proof was: {proof}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate_rewards::sites::of_text;

    #[test]
    fn a_proof_is_of_a_line_as_it_is() {
        let sites = of_text("a.rs", "x < y\n");
        let known = |edited| [Equivalent { file: "a.rs", edited, proof: "because" }];
        check(&known("x <= y"), &sites).unwrap();
        assert_eq!(proof(&known("x <= y"), &sites[0]), Some("because"));
        assert!(check(&known("x <= z"), &sites).unwrap_err().to_string().contains("because"));
    }
}
