//! Compiles the CUDA kernels with a pinned NVRTC: PTX to commit, and machine code to read what it costs.
//!
//! No GPU and no CUDA installation is needed. What is committed has the same bytes wherever it is made.

mod nvrtc;
mod resources;
pub mod sources;
mod traffic;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::results::page;
use crate::workspace::root;
use resources::Resources;

/// The page that holds the table of resources.
const PAGE: &str = "docs/kernels.md";

/// What the PTX is for, and the devices whose machine code is looked at.
const VIRTUAL: &str = "compute_80";
const DEVICES: [&str; 2] = ["sm_80", "sm_90a"];

/// Registers of a multiprocessor, which one block must fit.
const REGISTERS: u32 = 65_536;

/// How the kernels are made.
#[derive(clap::Args)]
pub struct Options {
    /// Write nothing; fail if what is committed differs
    #[arg(long)]
    check: bool,
    /// Instead of compiling, count what the kernels move on the stand-in driver and write the table of it
    #[arg(long)]
    traffic: bool,
}

/// Compiles everything; writes, or compares.
pub fn run(options: &Options) -> Result<()> {
    let root = root();
    if options.traffic {
        return count(&root, options);
    }
    let sources = sources::read(&root)?;
    let compiled = nvrtc::compile(&root, &sources, &DEVICES, &[])?;
    let mut resources = Vec::new();
    let mut files = Vec::new();
    for source in &sources {
        let ptx = compiled.ptx(&source.file)?;
        files.push((source.ptx_path(), source.ptx_with_head(ptx, &compiled.version)));
        for device in DEVICES {
            resources.extend(Resources::read(&source.name, device, compiled.log(&source.file, device)?, ptx)?);
        }
    }
    let costly: Vec<String> = resources.iter().filter_map(|kernel| kernel.complaint(REGISTERS)).collect();
    if !costly.is_empty() {
        bail!("kernels that no device should run:\n{}", costly.join("\n"));
    }
    let text = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    files.push((
        PAGE.to_owned(),
        page::replace_between(&text, "kernel resources", &resources::table(&resources, &compiled.version))?,
    ));
    write_or_compare(&root, options, &files)?;
    println!("kernels: {} in {} files for {VIRTUAL}, {}", resources.len() / DEVICES.len(), sources.len(), DEVICES.join(", "));
    Ok(())
}

/// The PTX of each source with the lines of the source in it, which what is committed lacks.
pub fn ptx_with_lines(root: &Path, sources: &[sources::Source]) -> Result<Vec<String>> {
    let compiled = nvrtc::compile(root, sources, &[], &["--generate-line-info"])?;
    sources.iter().map(|source| Ok(compiled.ptx(&source.file)?.to_owned())).collect()
}

/// Counts what the kernels move; writes, or compares.
fn count(root: &Path, options: &Options) -> Result<()> {
    let table = traffic::table(root)?;
    let text = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let text = page::replace_between(&text, "kernel traffic", &table)?;
    write_or_compare(root, options, &[(PAGE.to_owned(), text)])
}

fn write_or_compare(root: &Path, options: &Options, files: &[(String, String)]) -> Result<()> {
    if options.check { compare(root, files) } else { write(root, files) }
}

fn write(root: &Path, files: &[(String, String)]) -> Result<()> {
    for (path, text) in files {
        std::fs::write(root.join(path), text).with_context(|| path.clone())?;
    }
    Ok(())
}

fn compare(root: &Path, files: &[(String, String)]) -> Result<()> {
    let differs = |(path, text): &&(String, String)| std::fs::read_to_string(root.join(path)).ok().as_deref() != Some(text);
    let stale: Vec<&str> = files.iter().filter(differs).map(|(path, _)| path.as_str()).collect();
    if !stale.is_empty() {
        bail!("not what `cargo xtask kernels` and its `--traffic` make: {}", stale.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sources::Source;

    #[test]
    fn committed_ptx_was_made_of_these_sources() {
        let root = root();
        let sources = sources::read(&root).unwrap();
        assert!(sources.iter().any(|s| s.name == "linear"));
        for source in &sources {
            let path = source.ptx_path();
            let ptx = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
            let want = source.hash_line();
            assert!(ptx.lines().any(|line| line == want), "{path} is stale: run `cargo xtask kernels`");
        }
        let made: Vec<String> = sources.iter().map(Source::ptx_path).collect();
        for entry in std::fs::read_dir(root.join(sources::PTX)).unwrap() {
            let path = format!("{}/{}", sources::PTX, entry.unwrap().file_name().to_string_lossy());
            assert!(made.contains(&path), "{path} has no source");
        }
    }

    #[test]
    fn a_stale_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "1").unwrap();
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        compare(folder.path(), &[file("a", "1")]).unwrap();
        let error = compare(folder.path(), &[file("a", "2"), file("b", "1")]).unwrap_err().to_string();
        assert_eq!(error, "not what `cargo xtask kernels` and its `--traffic` make: a, b");
    }
}
