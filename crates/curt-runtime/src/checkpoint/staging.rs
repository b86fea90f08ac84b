//! Writing aside, syncing and renaming: a folder is either the old one or the new one, never a part.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::RuntimeError;

/// A folder `NAME.tmp` beside its future place `NAME`; removed when dropped without [`StagingDirectory::commit`].
#[derive(Debug)]
pub struct StagingDirectory {
    staging: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl StagingDirectory {
    /// An empty staging folder for `target`; what a killed run left in its place is removed first.
    ///
    /// Errors: the parent does not exist or is not writable, the disk is full.
    pub fn create(target: &Path) -> Result<Self, RuntimeError> {
        recover_directory(target)?;
        let staging = sibling(target, "tmp");
        remove_if_present(&staging)?;
        fs::create_dir(&staging).map_err(|source| RuntimeError::writing(&staging, source))?;
        Ok(Self { staging, target: target.to_path_buf(), committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Puts the folder in its place by [`replace_directory`]. On error the old folder is still there.
    pub fn commit(mut self) -> Result<(), RuntimeError> {
        replace_directory(&self.staging, &self.target)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for StagingDirectory {
    fn drop(&mut self) {
        if !self.committed {
            // nothing better can be done while an error is on its way; `create` removes leftovers
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// Puts the folder `staging` in the place of `target`, on the same file system, and syncs both names to disk.
///
/// The files in `staging` were synced when they were written. A new target appears by one rename, atomically. POSIX has no
/// atomic exchange of folders: an old target is first renamed to `NAME.old`; should the process be killed between the two
/// renames, [`recover_directory`] renames it back.
pub fn replace_directory(staging: &Path, target: &Path) -> Result<(), RuntimeError> {
    sync_directory(staging)?;
    let old = sibling(target, "old");
    let failed = |source| RuntimeError::writing(target, source);
    remove_if_present(&old)?;
    let replaced = target.exists();
    if replaced {
        fs::rename(target, &old).map_err(failed)?;
    }
    if let Err(source) = fs::rename(staging, target) {
        if replaced {
            fs::rename(&old, target).map_err(failed)?;
        }
        return Err(failed(source));
    }
    sync_directory(parent(target))?;
    remove_if_present(&old)
}

/// Makes the names in a folder durable.
pub fn sync_directory(folder: &Path) -> Result<(), RuntimeError> {
    // only Unix opens folders as files; elsewhere the file system orders renames by itself
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|source| RuntimeError::writing(folder, source))?;
    }
    Ok(())
}

/// Writes a whole file and syncs it to disk. Errors: disk full, unwritable.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), RuntimeError> {
    write_synced(path, |file| file.write_all(bytes))
}

/// Creates a file, lets `fill` write it, and syncs it to disk.
pub(super) fn write_synced(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), RuntimeError> {
    let write = || {
        let mut file = File::create(path)?;
        fill(&mut file)?;
        file.sync_all()
    };
    write().map_err(|source| RuntimeError::writing(path, source))
}

/// Undoes the first half of a [`replace_directory`] that was killed between its renames; to be called before `target` is
/// read, when it may have been replaced before. Does nothing when `target` is there.
pub fn recover_directory(target: &Path) -> Result<(), RuntimeError> {
    let old = sibling(target, "old");
    if old.exists() && !target.exists() {
        fs::rename(&old, target).map_err(|source| RuntimeError::writing(target, source))?;
        sync_directory(parent(target))?;
    }
    Ok(())
}

fn remove_if_present(folder: &Path) -> Result<(), RuntimeError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(RuntimeError::writing(folder, source)),
        _ => Ok(()),
    }
}

/// `NAME.suffix` beside `NAME`.
fn sibling(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{suffix}"));
    target.with_file_name(name)
}

fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
