//! docs/gpu.md.

use std::fmt::Write;

use super::running::Outcome;

/// What a part left.
pub struct Report {
    pub title: &'static str,
    pub about: &'static str,
    pub outcome: Outcome,
    pub seconds: f64,
    pub body: String,
}

/// The page as far as it got.
pub struct Page {
    pub head: Vec<(&'static str, String)>,
    pub reports: Vec<Report>,
}

const INTRODUCTION: &str = "# On a GPU

`cargo xtask gpu` wrote this page: what the CUDA backend ([kernels](kernels.md#cuda)) did on a real device. What failed or was not
run is listed as that.
";

impl Page {
    /// The whole page.
    pub fn text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        table(&mut text, ["", ""], self.head.iter().map(|(name, value)| [(*name).to_owned(), value.clone()]));
        let rows = self.reports.iter().map(|r| [r.title.to_owned(), r.outcome.text(), format!("{:.1}", r.seconds)]);
        table(&mut text, ["part", "outcome", "s"], rows);
        for Report { title, about, outcome, body, .. } in &self.reports {
            if !matches!(outcome, Outcome::NotRun(_)) {
                write!(text, "\n## {title}\n\n{about}\n").expect("a string takes all");
                if !body.is_empty() {
                    write!(text, "\n{body}\n").expect("a string takes all");
                }
            }
        }
        text
    }
}

fn table<const N: usize>(text: &mut String, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    write!(text, "\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N)).expect("a string takes all");
    for row in rows {
        // a cell is one line
        let cells = row.map(|cell| cell.replace('\n', " ").replace('|', "\\|"));
        writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_in_the_table_and_what_ran_has_a_section() {
        let report = |title, outcome, body: &str| Report { title, about: "About.", outcome, seconds: 1.25, body: body.into() };
        let page = Page {
            head: vec![("device", "D".into())],
            reports: vec![
                report("One", Outcome::Passed, "2 passed."),
                report("Two", Outcome::NotRun("no time".into()), ""),
                report("Three", Outcome::Failed("a | b\nc".into()), ""),
            ],
        };
        let text = page.text();
        let expected = "\n|  |  |\n|---|---|\n| device | D |\n\n| part | outcome | s |\n|---|---|---|\n| One | passed | 1.2 |\n\
            | Two | not run: no time | 1.2 |\n| Three | **failed**: a \\| b c | 1.2 |\n\n## One\n\nAbout.\n\n2 passed.\n\n## Three\n\nAbout.\n";
        assert_eq!(text.strip_prefix(INTRODUCTION), Some(expected));
    }
}
