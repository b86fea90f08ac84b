//! The workspace as data: its files and its manifests, so that a rule is a function of text and a test can break it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What at the root is not sources: build output, runs and version control.
const SKIPPED: [&str; 3] = [".git", "target", "runs"];

/// The folder of the workspace's Cargo.toml.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}

/// All files by path relative to the root, with `/`; files that are not UTF-8 have no text.
#[derive(Default)]
pub struct Workspace {
    pub files: BTreeMap<String, String>,
}

/// One member of the workspace.
pub struct Member {
    /// Folder, such as `crates/curt-task`.
    pub folder: String,
    /// Package name.
    pub name: String,
    pub manifest: toml::Table,
}

impl Workspace {
    /// Everything below this folder except build output.
    pub fn read(root: &Path) -> Result<Self> {
        let mut workspace = Workspace::default();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let entry = entry?;
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                if folder == root && SKIPPED.contains(&name.as_str()) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    folders.push(path);
                    continue;
                }
                let relative = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                let bytes = std::fs::read(&path).with_context(|| relative.clone())?;
                workspace.files.insert(relative, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(workspace)
    }

    /// The members, from their manifests, by folder.
    pub fn members(&self) -> Result<Vec<Member>> {
        let manifests = self.files.iter().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)));
        manifests
            .map(|(folder, text)| {
                let manifest: toml::Table = text.parse().with_context(|| format!("{folder}/Cargo.toml"))?;
                let name = manifest.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str());
                let name = name.with_context(|| format!("{folder}/Cargo.toml: no package.name"))?.to_owned();
                Ok(Member { folder: folder.to_owned(), name, manifest })
            })
            .collect()
    }

    /// Path and text of each Rust file.
    pub fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(p, t)| (p.as_str(), t.as_str()))
    }
}

#[cfg(test)]
impl Workspace {
    /// A workspace of these files, for the tests of rules.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Workspace { files: files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect() }
    }
}
