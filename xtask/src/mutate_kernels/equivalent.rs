//! Instructions whose lack changes nothing that a kernel may do: those that no test can miss.

use anyhow::{Result, bail};

use super::sites::Site;

/// One that is proven to be superfluous, and why it stands there nevertheless.
pub struct Equivalent {
    pub kernel: &'static str,
    /// From 1, of `count` in the kernel: when the kernel changes, so does the proof.
    pub number: usize,
    pub count: usize,
    /// Why no order of threads gives another result without it.
    pub proof: &'static str,
}

/// At most so many: more would mean that the kernels wait for nothing.
const MAX: usize = 3;

pub const EQUIVALENT: [Equivalent; 0] = [];

const _: () = assert!(EQUIVALENT.len() <= MAX);

/// The proof that a site may survive, if there is one.
pub fn proof(known: &[Equivalent], site: &Site) -> Option<&'static str> {
    known.iter().find(|known| known.kernel == site.kernel && known.number == site.number).map(|known| known.proof)
}

/// # Errors
/// A proof of what is not in the kernels any more.
pub fn check(known: &[Equivalent], sites: &[Site]) -> Result<()> {
    for Equivalent { kernel, number, count, proof } in known {
        let fits = |site: &&Site| site.kernel == *kernel && site.number == *number && site.count == *count;
        if !sites.iter().any(|site| fits(&site)) {
            bail!("the proof for {kernel}:{number} of {count} fits no kernel: {proof}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate_kernels::tests::site;

    #[test]
    fn a_proof_is_of_one_instruction_of_a_kernel_as_it_is() {
        let known = |number: usize, count: usize| [Equivalent { kernel: "k", number, count, proof: "because" }];
        let sites = [site("k", 1, 2), site("k", 2, 2)];
        check(&known(2, 2), &sites).unwrap();
        assert_eq!((proof(&known(2, 2), &sites[1]), proof(&known(2, 2), &sites[0])), (Some("because"), None));
        for (number, count) in [(3, 2), (1, 1), (2, 3)] {
            let error = check(&known(number, count), &sites).unwrap_err().to_string();
            assert_eq!(error, format!("the proof for k:{number} of {count} fits no kernel: because"));
        }
    }
}
