use std::sync::OnceLock;

use curt_runtime::RuntimeError;
use tempfile::TempDir;

use super::*;

mod damage;

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum SaveError {
    Checkpoint(#[from] CheckpointError),
    Runtime(#[from] RuntimeError),
}

fn state(step: u32) -> TrainerState {
    let strategy = StrategyState { strategy: "truncation".into(), version: 1, values: BTreeMap::new() };
    let mut state = TrainerState::new(step, u64::from(step) * 1000, strategy);
    state.positions.insert("metrics.jsonl".into(), u64::from(step) * 10);
    state.fingerprints.insert("train.learning_rate".into(), "0.0002".into());
    state
}

fn weights(step: u32) -> Vec<u8> {
    (0..3000_u32).map(|i| (i * 7 + step) as u8).collect()
}

fn save_step(root: &Path, step: u32) -> PathBuf {
    let fill = |folder: &Path| -> Result<(), SaveError> {
        write_file(&folder.join("model.safetensors"), &weights(step))?;
        Ok(write_file(&folder.join("config.json"), b"{}")?)
    };
    save(root, &state(step), fill).unwrap()
}

/// An output directory with checkpoints after 10, 20 and 30 steps. They are saved once and then copied, because a save
/// waits for the disk.
fn three() -> TempDir {
    static SAVED: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    let saved = SAVED.get_or_init(|| {
        let root = saved_three();
        let folders = [10, 20, 30].map(|step| directory(root.path(), step));
        let files = folders.iter().flat_map(|folder| names(folder).into_iter().map(|name| folder.join(name)));
        let files = files.chain([root.path().join(LATEST_FILE)]);
        files.map(|path| (path.strip_prefix(root.path()).unwrap().to_owned(), fs::read(path).unwrap())).collect()
    });
    let root = tempfile::tempdir().unwrap();
    for (path, bytes) in saved {
        fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
        fs::write(root.path().join(path), bytes).unwrap();
    }
    root
}

fn saved_three() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    [10, 20, 30].into_iter().for_each(|step| drop(save_step(root.path(), step)));
    root
}

fn latest(root: &Path) -> Found {
    find(root, &ResumeFrom::Latest).unwrap()
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn saved_checkpoint_is_found_whole() {
    let root = three();
    for (from, step) in [
        (ResumeFrom::Latest, 30),
        (ResumeFrom::Step(10), 10),
        (ResumeFrom::Directory(root.path().join("checkpoint-20")), 20),
        (ResumeFrom::Directory(root.path().join("checkpoint-20/")), 20),
    ] {
        let found = find(root.path(), &from).unwrap();
        assert_eq!((&found.state, found.skipped.len()), (&state(step), 0), "{from:?}");
        assert_eq!(fs::read(found.folder.join("model.safetensors")).unwrap(), weights(step));
    }
    assert_eq!(fs::read_to_string(root.path().join("latest")).unwrap(), "checkpoint-30\n");
    assert_eq!(names(root.path()), ["checkpoint-10", "checkpoint-20", "checkpoint-30", "latest"]);
}

#[test]
fn same_state_gives_same_bytes() {
    let (one, two) = (three(), saved_three());
    for name in names(&one.path().join("checkpoint-20")) {
        let bytes = [&one, &two].map(|root| fs::read(root.path().join("checkpoint-20").join(&name)).unwrap());
        assert_eq!(bytes[0], bytes[1], "{name}");
    }
}

#[test]
fn words_of_resume() {
    for (word, expected) in [
        ("latest", ResumeFrom::Latest),
        ("50", ResumeFrom::Step(50)),
        ("runs/a/checkpoint-50", ResumeFrom::Directory("runs/a/checkpoint-50".into())),
        ("-1", ResumeFrom::Directory("-1".into())),
    ] {
        assert_eq!(word.parse::<ResumeFrom>(), Ok(expected));
    }
}

#[test]
fn none_whole() {
    let root = three();
    for step in [10, 20, 30] {
        fs::remove_file(directory(root.path(), step).join("config.json")).unwrap();
    }
    let error = find(root.path(), &ResumeFrom::Latest).unwrap_err();
    assert!(matches!(&error, CheckpointError::AllDamaged { reasons, .. } if reasons.len() == 3), "{error}");
}

#[test]
fn none_yet() {
    let root = tempfile::tempdir().unwrap();
    for path in [root.path().to_owned(), root.path().join("nothing")] {
        assert!(matches!(find(&path, &ResumeFrom::Latest), Err(CheckpointError::NoneYet { .. })));
    }
}

#[test]
fn not_found_says_what_there_is() {
    let root = three();
    let error = find(root.path(), &ResumeFrom::Step(40)).unwrap_err().to_string();
    assert!(
        error.ends_with("checkpoint-40: not found; checkpoints of this run: checkpoint-10, checkpoint-20, checkpoint-30"),
        "{error}"
    );
    let empty = tempfile::tempdir().unwrap();
    let error = find(empty.path(), &ResumeFrom::Directory("no/such".into())).unwrap_err().to_string();
    assert_eq!(error, "no/such: not found; checkpoints of this run: none");
}

#[test]
fn checkpoint_of_another_run() {
    let (here, there) = (three(), three());
    let from = ResumeFrom::Directory(there.path().join("checkpoint-20"));
    assert!(matches!(find(here.path(), &from), Err(CheckpointError::OtherRun { .. })));
}

#[test]
fn fingerprint_that_differs_is_named() {
    let root = three();
    let found = latest(root.path());
    let now = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    found.check_fingerprints(&now("train.learning_rate", "0.0002")).unwrap();
    let error = found.check_fingerprints(&now("train.learning_rate", "0.0001")).unwrap_err().to_string();
    assert!(error.contains("`train.learning_rate` was 0.0002 when the checkpoint was written and is 0.0001 now"), "{error}");
    let error = found.check_fingerprints(&now("seed", "1")).unwrap_err().to_string();
    assert!(error.contains("`train.learning_rate` was 0.0002 when the checkpoint was written and is absent now"), "{error}");
}

/// A checkpoint from before there was a choice of samplers goes on with the one there was.
#[test]
fn a_key_that_came_later_had_its_one_value_before() {
    let root = three();
    let found = latest(root.path());
    let now = |sampler: &str| {
        let keys = [("train.learning_rate", "0.0002"), ("data.sampler", sampler)];
        BTreeMap::from(keys.map(|(key, value)| (key.to_owned(), value.to_owned())))
    };
    found.check_fingerprints(&now("\"uniform\"")).unwrap();
    let error = found.check_fingerprints(&now("\"pools\"")).unwrap_err().to_string();
    assert!(error.contains("`data.sampler` was \"uniform\" when the checkpoint was written and is \"pools\" now"), "{error}");
    // nor does its state have a sampler's
    let text = fs::read_to_string(found.folder.join(STATE_FILE)).unwrap();
    assert!(!text.contains("sampler") && found.state.sampler.is_none());
}

#[test]
fn only_exact_names_are_checkpoints() {
    let root = three();
    for name in
        ["checkpoint-40.tmp", "checkpoint-40.deleting.tmp", "checkpoint-040", "checkpoint-+40", "checkpoint-", "checkpoint-x"]
    {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    assert_eq!(steps(root.path()).unwrap(), [10, 20, 30]);
    assert_eq!(latest(root.path()).skipped, Vec::<String>::new());
}

/// Each state that a SIGKILL inside a save, a replacement or a deletion can leave; a resume finds a whole checkpoint, and the
/// next writer leaves nothing behind.
#[test]
fn killed_anywhere() {
    type Kill = fn(&Path);
    let states: [(&str, Kill, u32); 8] = [
        ("before the first byte", |r| fs::create_dir(r.join("checkpoint-40.tmp")).unwrap(), 30),
        ("in the middle of the weights", |r| half_written(r, &["model.safetensors"]), 30),
        ("before the manifest", |r| half_written(r, &["model.safetensors", "config.json", STATE_FILE]), 30),
        ("before the rename", |r| whole_but(r, "checkpoint-40.tmp"), 30),
        (
            "before `latest`",
            |r| {
                drop(save_step(r, 40));
                fs::write(r.join("latest"), "checkpoint-30\n").unwrap()
            },
            40,
        ),
        (
            "inside `latest`",
            |r| {
                drop(save_step(r, 40));
                fs::write(r.join("latest.tmp"), "check").unwrap()
            },
            40,
        ),
        (
            "between the renames of a replacement",
            |r| fs::rename(r.join("checkpoint-30"), r.join("checkpoint-30.old")).unwrap(),
            30,
        ),
        ("inside a deletion", |r| half_deleted(r), 30),
    ];
    for (what, kill, step) in states {
        let root = three();
        kill(root.path());
        let found = latest(root.path());
        assert_eq!((found.state, found.skipped.len()), (state(step), 0), "{what}");
        clean(root.path()).unwrap();
        assert_eq!(latest(root.path()).state, state(step), "{what}, after cleaning");
        save_step(root.path(), 40);
        assert_eq!(latest(root.path()).state, state(40), "{what}, after the next save");
        prune(root.path(), 2).unwrap();
        assert_eq!(names(root.path()), ["checkpoint-30", "checkpoint-40", "latest"], "{what}");
    }
}

fn half_written(root: &Path, names: &[&str]) {
    let folder = root.join("checkpoint-40.tmp");
    fs::create_dir(&folder).unwrap();
    names.iter().for_each(|name| fs::write(folder.join(name), b"half").unwrap());
}

fn whole_but(root: &Path, name: &str) {
    let folder = save_step(root, 40);
    fs::rename(folder, root.join(name)).unwrap();
    fs::write(root.join("latest"), "checkpoint-30\n").unwrap();
}

fn half_deleted(root: &Path) {
    let doomed = root.join("checkpoint-10.deleting.tmp");
    fs::rename(root.join("checkpoint-10"), &doomed).unwrap();
    fs::remove_file(doomed.join("config.json")).unwrap();
}

#[test]
fn failed_save_leaves_the_old_ones_and_nothing_else() {
    let root = three();
    let failing = |folder: &Path| -> Result<(), SaveError> {
        write_file(&folder.join("model.safetensors"), b"half")?;
        Err(CheckpointError::NoneYet { path: "stands for any error".into() })?
    };
    save(root.path(), &state(40), failing).unwrap_err();
    assert_eq!(names(root.path()), ["checkpoint-10", "checkpoint-20", "checkpoint-30", "latest"]);
    assert_eq!(latest(root.path()).state.step, 30);
}

/// `/dev/full` refuses every write as a full disk does, and every read of it goes on for ever.
#[cfg(target_os = "linux")]
#[test]
fn full_disk_and_endless_file_while_saving() {
    for (name, expected) in [
        (STATE_FILE, "trainer_state.json: cannot be written: the disk is full"),
        ("model.safetensors", "model.safetensors: expected a plain file"),
    ] {
        let root = three();
        let fill = |folder: &Path| -> Result<(), SaveError> {
            std::os::unix::fs::symlink("/dev/full", folder.join(name)).unwrap();
            Ok(())
        };
        let error = save(root.path(), &state(40), fill).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
        assert_eq!(names(root.path()), ["checkpoint-10", "checkpoint-20", "checkpoint-30", "latest"]);
    }
}

#[test]
fn saving_into_a_missing_directory() {
    let root = tempfile::tempdir().unwrap();
    let fill = |_: &Path| -> Result<(), SaveError> { Ok(()) };
    let error = save(&root.path().join("gone"), &state(1), fill).unwrap_err().to_string();
    assert!(error.contains("gone/checkpoint-1"), "{error}");
}

#[test]
fn saving_again_replaces() {
    let root = three();
    fs::write(root.path().join("checkpoint-30/model.safetensors"), b"damaged").unwrap();
    save_step(root.path(), 30);
    assert_eq!(latest(root.path()).state, state(30));
    assert_eq!(names(root.path()), ["checkpoint-10", "checkpoint-20", "checkpoint-30", "latest"]);
}

#[test]
fn prune_keeps_the_newest() {
    for (limit, expected) in
        [(0, vec![10, 20, 30]), (1, vec![30]), (2, vec![20, 30]), (3, vec![10, 20, 30]), (9, vec![10, 20, 30])]
    {
        let root = three();
        prune(root.path(), limit).unwrap();
        assert_eq!(steps(root.path()).unwrap(), expected, "{limit}");
        assert_eq!(names(root.path()).len(), expected.len() + 1);
    }
}

#[test]
fn newer_checkpoints_are_forgotten_by_a_resume_from_an_older_one() {
    let root = three();
    forget_after(root.path(), 10).unwrap();
    assert_eq!(names(root.path()), ["checkpoint-10", "latest"]);
    assert_eq!(fs::read_to_string(root.path().join("latest")).unwrap(), "checkpoint-10\n");
}
