//! The programs that the parts run: built by cargo here, or packed into a folder for a machine without it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::binary::executable;
use crate::results::machine;
use crate::shell;
use crate::workspace::root;

/// What each program is called here, and the words with which cargo builds it.
const BUILDS: [(&str, &[&str]); 5] = [
    ("kernel_tests", &["test", "--no-run", "--package", "curt-kernels", "--lib"]),
    ("model_tests", &["test", "--no-run", "--package", "curt-runtime", "--test", "model"]),
    ("cuda_speed", &["build", "--package", "curt-kernels", "--example", "cuda_speed", "--features", "speed"]),
    ("cuda_model_speed", &["build", "--package", "curt-runtime", "--example", "cuda_model_speed", "--features", "speed"]),
    ("curt", &["build", "--package", "curt"]),
];

/// The model that a test loads.
const FIXTURE: &str = "fixtures/tiny-good";

/// Where the programs are.
pub struct Programs {
    paths: Vec<(&'static str, PathBuf)>,
    pub fixtures: PathBuf,
    /// The sources that they were built from.
    pub commit: String,
}

impl Programs {
    /// Builds all of them by the dev profile.
    pub fn build() -> Result<Self> {
        let build = |(name, words): (&'static str, &[&str])| Ok((name, executable(words)?));
        let paths = BUILDS.into_iter().map(build).collect::<Result<_>>()?;
        Ok(Self { paths, fixtures: root().join("fixtures"), commit: machine::commit()? })
    }

    /// Those that [`pack`] laid into the folder.
    pub fn packed(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        let commit =
            std::fs::read_to_string(folder.join("commit")).with_context(|| format!("{}: not packed", folder.display()))?;
        let paths = BUILDS.map(|(name, _)| (name, folder.join(name))).into();
        Ok(Self { paths, fixtures: folder.join("fixtures"), commit: commit.trim().to_owned() })
    }

    /// The program of this name. Panics for a name that is not built.
    pub fn path(&self, name: &str) -> &Path {
        &self.paths.iter().find(|(known, _)| *known == name).expect("a program that is built").1
    }
}

/// Builds the programs and lays them, without symbols, with this program, the fixture and the commit into the folder, whose
/// bytes are returned.
pub fn pack(folder: &Path) -> Result<u64> {
    let programs = Programs::build()?;
    let fixture = folder.join(FIXTURE);
    std::fs::create_dir_all(&fixture).with_context(|| fixture.display().to_string())?;
    let this = std::env::current_exe()?;
    let mut bytes = 0;
    for (name, path) in programs.paths.iter().map(|(name, path)| (*name, path.as_path())).chain([("xtask", this.as_path())]) {
        let target = folder.join(name);
        shell::run(std::process::Command::new("strip").arg("-o").arg(&target).arg(path))?;
        bytes += std::fs::metadata(&target)?.len();
    }
    for entry in std::fs::read_dir(root().join(FIXTURE))? {
        let entry = entry?;
        bytes += std::fs::copy(entry.path(), fixture.join(entry.file_name()))?;
    }
    std::fs::write(folder.join("commit"), &programs.commit)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_programs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Programs::packed(folder.path()).err().unwrap());
        assert!(error.contains("not packed"), "{error}");
    }
}
