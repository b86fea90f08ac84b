//! The page of run directories: `cargo run -p curt-report --example page -- RUN… OUT.html`.

use curt_report::{Page, read_run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let output = words.pop().ok_or("expected run directories and a file to write")?;
    let runs = words.iter().map(|run| read_run(run.as_ref())).collect::<Result<Vec<_>, _>>()?;
    std::fs::write(output, Page::new(runs, Vec::new())?.to_html())?;
    Ok(())
}
