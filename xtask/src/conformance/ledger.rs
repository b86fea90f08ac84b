//! What was compared and how it went.

/// Comparisons by file, in the order of their files.
#[derive(Default)]
pub struct Ledger {
    files: Vec<File>,
}

struct File {
    name: String,
    n_expected: usize,
    n_passed: usize,
    failures: Vec<String>,
    /// Largest difference over its bound, and where.
    worst: (f64, String),
}

impl Ledger {
    /// Begins a file of which `n_expected` comparisons must pass.
    pub fn open(&mut self, name: &str, n_expected: usize) {
        self.files.push(File {
            name: name.to_owned(),
            n_expected,
            n_passed: 0,
            failures: Vec::new(),
            worst: (0.0, String::new()),
        });
    }

    /// One comparison of the file opened last.
    pub fn holds(&mut self, what: &str, holds: bool, why: impl FnOnce() -> String) {
        let file = self.files.last_mut().expect("open comes before the comparisons");
        if holds {
            file.n_passed += 1;
        } else {
            file.failures.push(format!("{what}: {}", why()));
        }
    }

    /// One comparison: a difference that is at most `bound`; NaN is not.
    pub fn within(&mut self, what: &str, difference: f64, bound: f64) {
        self.holds(what, difference <= bound, || format!("difference {difference:.3e}, bound {bound:.3e}"));
        let file = self.files.last_mut().expect("open comes before the comparisons");
        if difference > file.worst.0 * bound {
            file.worst = (difference / bound, what.to_owned());
        }
    }

    /// Prints a line per file and one per failure; the number of comparisons that failed or did not run.
    pub fn print(&self) -> usize {
        self.files.iter().map(File::print).sum()
    }
}

impl File {
    fn print(&self) -> usize {
        let n_missed = self.n_missed();
        let mark = if n_missed == 0 { "ok  " } else { "MISS" };
        let worst = if self.worst.1.is_empty() {
            String::new()
        } else {
            format!("  largest {:.2} of the bound: {}", self.worst.0, self.worst.1)
        };
        println!("{mark} {} {}/{}{worst}", self.name, self.n_passed, self.n_expected);
        for failure in &self.failures {
            println!("       {failure}");
        }
        n_missed
    }

    /// More comparisons than expected are as wrong as fewer: the fixed count is then out of date.
    fn n_missed(&self) -> usize {
        self.failures.len().max(self.n_expected.abs_diff(self.n_passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(n_expected: usize, differences: &[f64]) -> usize {
        let mut ledger = Ledger::default();
        ledger.open("file", n_expected);
        differences.iter().for_each(|&d| ledger.within("x", d, 1e-9));
        ledger.print()
    }

    #[test]
    fn only_the_expected_number_of_passed_comparisons_is_right() {
        assert_eq!(missed(2, &[0.0, 1e-9]), 0);
        assert_eq!(missed(2, &[0.0, 2e-9]), 1);
        assert_eq!(missed(2, &[0.0, f64::NAN]), 1);
        assert_eq!(missed(2, &[0.0]), 1, "one did not run");
        assert_eq!(missed(1, &[0.0, 0.0]), 1, "one that nobody counted");
        assert_eq!(missed(0, &[1.0]), 1);
    }
}
