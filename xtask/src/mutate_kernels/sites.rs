//! Where the kernels wait: every instruction that can be taken out, from the committed PTX.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ptx_interpreter::{Memory, Module, Synchronization};

use crate::kernels::ptx_with_lines;
use crate::kernels::sources::{self, Source};

/// An instruction that synchronizes, in one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The op whose folder the kernel lies in.
    pub op: String,
    pub kernel: String,
    /// From 1, in the order of the text, of `count`.
    pub number: usize,
    pub count: usize,
    /// As it stands in the PTX, `bar.sync 0`.
    pub statement: String,
    pub ptx_line: u32,
    /// File and line of the CUDA source; none before [`add_lines`].
    pub source: Option<(String, u32)>,
}

impl Site {
    /// The name by which the stand-in driver takes it: kernel and number.
    pub fn name(&self) -> String {
        format!("{}:{}", self.kernel, self.number)
    }
}

/// All of them, by file, kernel and place.
///
/// # Errors
/// PTX that is missing or that the interpreter does not take.
pub fn read(root: &Path) -> Result<Vec<Site>> {
    let mut sites = Vec::new();
    for source in sources::read(root)? {
        let path = source.ptx_path();
        let text = std::fs::read_to_string(root.join(&path)).with_context(|| path.clone())?;
        sites.extend(of_text(&source.op, &text).with_context(|| path)?);
    }
    ensure!(!sites.is_empty(), "no kernel waits for anything");
    Ok(sites)
}

/// Those of one PTX text.
fn of_text(op: &str, text: &str) -> Result<Vec<Site>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut sites = Vec::new();
    for (kernel, found) in synchronizations(text)? {
        for (i, one) in found.iter().enumerate() {
            let line = lines.get(one.site.ptx_line as usize - 1).context("an instruction has a line")?;
            sites.push(Site {
                op: op.to_owned(),
                kernel: kernel.clone(),
                number: i + 1,
                count: found.len(),
                statement: line.trim().trim_end_matches(';').split_whitespace().collect::<Vec<_>>().join(" "),
                ptx_line: one.site.ptx_line,
                source: one.site.source.clone(),
            });
        }
    }
    Ok(sites)
}

/// Each kernel of a PTX text, by name, with what synchronizes it.
fn synchronizations(text: &str) -> Result<Vec<(String, Vec<Synchronization>)>> {
    let module = Module::load(&mut Memory::new(), text)?;
    let of = |name: &str| module.kernel(name).map(|kernel| (name.to_owned(), kernel.synchronizations()));
    Ok(module.kernels().filter_map(of).collect())
}

/// Adds file and line of the CUDA source to each site by compiling once more, with line numbers; the code is the same.
///
/// # Errors
/// The compiler cannot be had, or makes other code than what is committed.
pub fn add_lines(root: &Path, sites: &mut [Site]) -> Result<()> {
    let sources = sources::read(root)?;
    for (source, text) in sources.iter().zip(ptx_with_lines(root, &sources)?) {
        take_lines(sites, source, &of_text(&source.op, &text)?)?;
    }
    Ok(())
}

fn take_lines(sites: &mut [Site], source: &Source, lined: &[Site]) -> Result<()> {
    for with_line in lined {
        let same = sites.iter_mut().find(|site| site.name() == with_line.name());
        let same = same.filter(|site| site.statement == with_line.statement && site.count == with_line.count);
        let Some(site) = same else {
            bail!("{}: {} is not as committed: run `cargo xtask kernels`", source.file, with_line.name());
        };
        let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        site.source = with_line.source.as_ref().map(|(file, line)| (base(file), *line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;

    /// How opcodes begin that make threads wait or order what they do to memory.
    const OPCODES: [&str; 7] = ["bar.", "barrier.", "membar.", "fence.", "cp.async.wait", "cp.async.commit", "mbarrier."];

    /// Kernel and line of each statement of such an opcode, by nothing but the text.
    fn in_text(text: &str) -> Vec<(String, u32)> {
        let mut kernel = String::new();
        let mut found = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if let Some((_, name)) = line.split_once(".entry ") {
                kernel = name.trim_end_matches('(').to_owned();
            }
            let opcode = line.split_whitespace().find(|word| !word.starts_with('@')).unwrap_or_default();
            let is_setup = opcode.starts_with("mbarrier.init") || opcode.starts_with("mbarrier.inval");
            if OPCODES.iter().any(|start| opcode.starts_with(start)) && !is_setup {
                found.push((kernel.clone(), i as u32 + 1));
            }
        }
        found
    }

    #[test]
    fn the_sites_are_all_that_waits_in_every_file_of_kernels() {
        let root = root();
        let sites = read(&root).unwrap();
        let mut n_files = 0;
        let mut expected = Vec::new();
        for entry in std::fs::read_dir(root.join(sources::PTX)).unwrap() {
            expected.extend(in_text(&std::fs::read_to_string(entry.unwrap().path()).unwrap()));
            n_files += 1;
        }
        assert_eq!(n_files, sources::read(&root).unwrap().len(), "every file was read");
        let mut listed: Vec<(String, u32)> = sites.iter().map(|site| (site.kernel.clone(), site.ptx_line)).collect();
        expected.sort();
        listed.sort();
        assert_eq!(listed, expected);
        // every barrier of a source is in a kernel
        for source in sources::read(&root).unwrap() {
            let waits = source.text.contains("__syncthreads()") || source.text.contains("__syncwarp(");
            assert!(!waits || sites.iter().any(|site| site.op == source.op), "{}", source.file);
        }
    }

    #[test]
    fn a_statement_is_named_with_kernel_and_place() {
        let text = ".version 8.7\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n.reg .pred %p<2>;\n\
            mov.pred %p1, 1;\n\t@%p1 bar.sync \t0;\n.loc 1 9 3\n\tcp.async.wait_all;\nret;\n}\n.file 1 \"a/k.cu\"\n";
        let sites = of_text("op", text).unwrap();
        let shown: Vec<String> =
            sites.iter().map(|s| format!("{} of {}: {}, {}", s.name(), s.count, s.statement, s.ptx_line)).collect();
        assert_eq!(shown, ["k:1 of 2: @%p1 bar.sync 0, 8", "k:2 of 2: cp.async.wait_all, 10"]);
        assert_eq!(sites[1].source, Some(("a/k.cu".to_owned(), 9)));
    }

    #[test]
    fn lines_of_other_code_are_refused() {
        let text = |body: &str| {
            format!(
                ".version 8.7\n.target sm_80\n.address_size 64\n.visible .entry k()\n{{\n{body}ret;\n}}\n.file 1 \"a/k.cu\"\n"
            )
        };
        let source =
            Source { name: "k".into(), file: "k.cu".into(), op: "op".into(), text: String::new(), headers: Default::default() };
        let mut sites = of_text("op", &text("bar.sync 0;\n")).unwrap();
        let lined = |body: &str| of_text("op", &text(body)).unwrap();
        take_lines(&mut sites, &source, &lined(".loc 1 7 3\nbar.sync 0;\n")).unwrap();
        assert_eq!(sites[0].source, Some(("k.cu".to_owned(), 7)));
        for other in ["bar.sync 1;\n", "bar.sync 0;\nbar.sync 0;\n"] {
            let error = take_lines(&mut sites, &source, &lined(other)).unwrap_err().to_string();
            assert_eq!(error, "k.cu: k:1 is not as committed: run `cargo xtask kernels`");
        }
    }
}
