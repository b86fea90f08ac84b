//! Files that are written whole or not at all.

use std::path::Path;

/// Writes a file aside and renames it, so that `path` never holds half of it; a device or a pipe is written to as it is.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    std::fs::write(&aside, bytes).and_then(|()| std::fs::rename(&aside, path)).inspect_err(|_| {
        // leave nothing half-written; the error that matters is the first
        let _ = std::fs::remove_file(&aside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_written_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("summary.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        // a write aside that fails leaves the old file
        std::fs::create_dir(root.path().join("summary.json.tmp")).unwrap();
        write(&path, b"newer").unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }
}
