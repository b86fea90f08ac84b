//! One line of the table of speeds: what was measured, beside what, and whether that was the aim.

use super::page::grouped;

/// What a cell says where nothing was measured: a row is never left out.
pub const NOT_MEASURED: &str = "not measured";

/// The heads of the table.
pub const HEADS: [&str; 7] = ["what", "command", "ours", "peer or peak", "ratio", "target", "met?"];

/// An aim that was set before the measurement.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At least so many tokens per second.
    Rate(f64),
    /// At least so many times the peer or the peak.
    Ratio(f64),
}

/// One line.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub what: String,
    /// What measured ours, as typed in the workspace.
    pub command: String,
    pub ours: Option<String>,
    pub other: Option<String>,
    /// Tokens per second of ours, for goals of that kind.
    pub rate: Option<f64>,
    pub ratio: Option<f64>,
    /// Said behind the ratio, such as the median where the ratio is the worst of many.
    pub remark: String,
    /// None: nothing was aimed at.
    pub goals: Vec<Goal>,
}

impl Row {
    /// A row that is not measured yet.
    pub fn new(what: impl Into<String>, command: impl Into<String>, goals: &[Goal]) -> Self {
        Row { what: what.into(), command: command.into(), goals: goals.to_vec(), ..Row::default() }
    }

    /// The cells under [`HEADS`].
    pub fn cells(&self) -> Vec<String> {
        let or_missing = |cell: &Option<String>| cell.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}{}", self.remark));
        vec![
            self.what.clone(),
            format!("`{}`", self.command),
            or_missing(&self.ours),
            or_missing(&self.other),
            or_missing(&ratio),
            self.target(),
            self.met().to_owned(),
        ]
    }

    fn target(&self) -> String {
        let words = self.goals.iter().map(|goal| match goal {
            Goal::Rate(least) => format!("≥ {} tokens/s", grouped(*least)),
            Goal::Ratio(least) => format!("≥ {least} ×"),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { "–".to_owned() } else { words.join(", ") }
    }

    /// One missed goal is a miss, whether or not the others were measured.
    fn met(&self) -> &'static str {
        let reached = self.goals.iter().map(|goal| match *goal {
            Goal::Rate(least) => self.rate.map(|rate| rate >= least),
            Goal::Ratio(least) => self.ratio.map(|ratio| ratio >= least),
        });
        let reached: Vec<Option<bool>> = reached.collect();
        match () {
            () if reached.is_empty() => "–",
            () if reached.contains(&Some(false)) => "**no**",
            () if reached.contains(&None) => NOT_MEASURED,
            () => "yes",
        }
    }
}

/// `1 thread`, `2 threads`.
pub fn counted_threads(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(goals: &[Goal], rate: Option<f64>, ratio: Option<f64>) -> &'static str {
        Row { rate, ratio, ..Row::new("x", "y", goals) }.met()
    }

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        let both = [Goal::Rate(70e3), Goal::Ratio(8.0)];
        assert_eq!(met(&both, Some(70e3), Some(8.0)), "yes");
        assert_eq!(met(&both, Some(71e3), Some(7.9)), "**no**");
        assert_eq!(met(&both, Some(69e3), None), "**no**");
        assert_eq!(met(&both, Some(71e3), None), NOT_MEASURED);
        assert_eq!(met(&[], Some(1.0), Some(1.0)), "–");
    }

    #[test]
    fn a_row_without_a_measurement_says_so() {
        let row = Row::new("generate", "cargo bench", &[Goal::Rate(70e3), Goal::Ratio(0.65)]);
        let gone = NOT_MEASURED;
        assert_eq!(row.cells(), ["generate", "`cargo bench`", gone, gone, gone, "≥ 70,000 tokens/s, ≥ 0.65 ×", gone]);
    }
}
