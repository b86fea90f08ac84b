//! Opens files that have an end. In a model's folder a pipe or a device may stand under a file's name: on it a read waits, or
//! goes on, forever.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The plain file at `path`; links are followed. Errors: those of [`File::open`], and anything else than a plain file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    check(path)?;
    File::open(path)
}

/// The bytes of the plain file at `path`; errors as [`open`].
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    check(path)?;
    fs::read(path)
}

/// Refuses what is no plain file before it is opened: opening a pipe waits already.
fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "expected a plain file")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fmt::Debug;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::checkpoint::FileCopy;
    use crate::{ChatTemplate, Checkpoint, GenerationConfig, ModelConfig, RuntimeError, Tokenizer};

    fn refused<T: Debug>(file: &str, read: impl Fn(&Path) -> Result<T, RuntimeError>) {
        let makers: [&dyn Fn(&Path); 3] = [
            &|path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            &|path| symlink("/dev/zero", path).unwrap(),
            &|path| fs::create_dir(path).unwrap(),
        ];
        for make in makers {
            let folder = tempfile::tempdir().unwrap();
            make(&folder.path().join(file));
            let error = read(folder.path()).unwrap_err();
            assert!(matches!(&error, RuntimeError::Read { path, .. } if path.ends_with(file)), "{file}: {error}");
            assert!(error.to_string().ends_with("expected a plain file"), "{error}");
        }
    }

    #[test]
    fn pipes_devices_and_folders_in_the_place_of_files_are_refused() {
        refused("config.json", ModelConfig::load);
        refused("generation_config.json", |folder| GenerationConfig::load(folder, 42));
        refused("tokenizer.json", Tokenizer::load);
        refused("tokenizer_config.json", ChatTemplate::load);
        refused("chat_template.jinja", ChatTemplate::load);
        refused("model.safetensors", Checkpoint::open);
        refused("model.safetensors.index.json", Checkpoint::open);
        refused("optimizer.state", |folder| Checkpoint::open_file(&folder.join("optimizer.state")));
        refused("vocab.json", |folder| FileCopy::read(&folder.join("vocab.json")));
    }

    #[test]
    fn a_link_to_a_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "text").unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        assert_eq!(read(&folder.path().join("b")).unwrap(), b"text");
    }
}
