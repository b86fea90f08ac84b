//! The kernels' sources, and where their PTX goes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// Where the kernels lie, one folder per op; headers of an op beside them.
const OPS: &str = "crates/curt-kernels/src/ops";

/// Headers for all of them.
const SHARED: &str = "crates/curt-kernels/src/cuda";

/// Where their PTX goes.
pub const PTX: &str = "crates/curt-kernels/ptx";

/// One file of kernels.
pub struct Source {
    /// Its name without ending; that of its PTX too.
    pub name: String,
    /// Its name with ending.
    pub file: String,
    /// The op whose folder it lies in.
    pub op: String,
    pub text: String,
    /// The headers that it includes, directly or not, by the name it includes them by.
    pub headers: BTreeMap<String, String>,
}

/// All files of kernels, by name.
pub fn read(root: &Path) -> Result<Vec<Source>> {
    let mut headers = texts(&root.join(SHARED), ".cuh")?;
    let mut kernels = BTreeMap::new();
    let mut folders: Vec<_> = std::fs::read_dir(root.join(OPS)).context(OPS)?.collect::<std::io::Result<Vec<_>>>()?;
    folders.sort_by_key(|folder| folder.path());
    for folder in folders.iter().map(|folder| folder.path()).filter(|folder| folder.is_dir()) {
        headers.extend(texts(&folder, ".cuh")?);
        let op = folder.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
        kernels.extend(texts(&folder, ".cu")?.into_iter().map(|(file, text)| (file, (op.clone(), text))));
    }
    ensure!(!kernels.is_empty(), "no kernels below {OPS}");
    kernels.into_iter().map(|(file, (op, text))| Source::new(file, op, text, &headers)).collect()
}

/// Names and texts of the files of a folder whose names end so.
fn texts(folder: &Path, ending: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            found.insert(name, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(found)
}

impl Source {
    fn new(file: String, op: String, text: String, all_headers: &BTreeMap<String, String>) -> Result<Self> {
        let mut headers = BTreeMap::new();
        let mut wanted = included(&text);
        while let Some(name) = wanted.pop() {
            let header = all_headers.get(&name).with_context(|| format!("{file} includes {name}, which is nowhere"))?;
            if headers.insert(name, header.clone()).is_none() {
                wanted.extend(included(header));
            }
        }
        Ok(Self { name: file.trim_end_matches(".cu").to_owned(), file, op, text, headers })
    }

    /// Where its PTX goes, from the root on.
    pub fn ptx_path(&self) -> String {
        format!("{PTX}/{}.ptx", self.name)
    }

    /// The line of the PTX that says of what it was made.
    pub fn hash_line(&self) -> String {
        let mut hash = Sha256::new();
        let files = self.headers.iter().chain([(&self.file, &self.text)]);
        for (name, text) in files {
            // lengths, so that no two sets of files give the same bytes
            hash.update(format!("{name} {}\n", text.len()));
            hash.update(text);
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("// sources: sha256 {hex}")
    }

    /// The PTX as it is committed.
    pub fn ptx_with_head(&self, ptx: &str, version: &str) -> String {
        let made = format!("// {} compiled by `cargo xtask kernels` (NVRTC {version}). Do not edit.", self.file);
        format!("{made}\n{}\n{}\n", self.hash_line(), ptx.trim_matches(['\0', '\n']))
    }
}

/// Names in the `#include "…"` lines of a text.
fn included(text: &str) -> Vec<String> {
    let name = |line: &str| Some(line.trim().strip_prefix("#include \"")?.strip_suffix('"')?.to_owned());
    text.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of_a: &str) -> BTreeMap<String, String> {
        [("a.cuh", of_a), ("b.cuh", "int b;"), ("c.cuh", "int c;")].map(|(n, t)| (n.to_owned(), t.to_owned())).into()
    }

    #[test]
    fn a_source_has_the_headers_that_it_includes() {
        let source =
            Source::new("k.cu".into(), "o".into(), "#include \"a.cuh\"\nint k;".into(), &headers("#include \"b.cuh\"")).unwrap();
        assert_eq!(source.headers.keys().collect::<Vec<_>>(), ["a.cuh", "b.cuh"]);
        assert_eq!((source.name.as_str(), source.ptx_path().as_str()), ("k", "crates/curt-kernels/ptx/k.ptx"));
        let missing = Source::new("k.cu".into(), "o".into(), "#include \"d.cuh\"".into(), &headers(""));
        assert_eq!(missing.err().unwrap().to_string(), "k.cu includes d.cuh, which is nowhere");
    }

    #[test]
    fn the_hash_covers_source_and_headers() {
        let hash =
            |text: &str, of_a: &str| Source::new("k.cu".into(), "o".into(), text.into(), &headers(of_a)).unwrap().hash_line();
        let text = "#include \"a.cuh\"\n";
        assert_eq!(hash(text, "int a;"), hash(text, "int a;"));
        assert_ne!(hash(text, "int a;"), hash(text, "int b;"));
        assert_ne!(hash(text, "int a;"), hash("#include \"a.cuh\"\n\n", "int a;"));
    }
}
