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

pub const EQUIVALENT: [Equivalent; 0] = [];

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
