//! What is damage, and what is not known to be.

use super::*;

/// A way to damage a checkpoint, and what the error must say.
type Damage = (&'static str, fn(&Path), &'static str);

fn damages() -> Vec<Damage> {
    vec![
        (
            "missing weights",
            |f| fs::remove_file(f.join("model.safetensors")).unwrap(),
            "model.safetensors: damaged checkpoint: No such",
        ),
        ("missing config", |f| fs::remove_file(f.join("config.json")).unwrap(), "config.json: damaged checkpoint: No such"),
        ("missing state", |f| fs::remove_file(f.join(STATE_FILE)).unwrap(), "trainer_state.json: damaged checkpoint: No such"),
        ("missing manifest", |f| fs::remove_file(f.join(MANIFEST_FILE)).unwrap(), "MANIFEST.json: damaged checkpoint: No such"),
        (
            "truncated weights",
            |f| fs::write(f.join("model.safetensors"), &weights(30)[..2999]).unwrap(),
            "expected 3000 bytes, found 2999",
        ),
        (
            "longer weights",
            |f| fs::write(f.join("model.safetensors"), [weights(30), vec![0]].concat()).unwrap(),
            "expected 3000 bytes, found 3001",
        ),
        ("one bit", flip_one_bit, "expected SHA-256 "),
        ("torn manifest", |f| fs::write(f.join(MANIFEST_FILE), "{\"config.json\": {").unwrap(), "malformed manifest"),
        ("zeros for a manifest", |f| fs::write(f.join(MANIFEST_FILE), [0; 99]).unwrap(), "malformed manifest"),
        (
            "empty folder",
            |f| {
                fs::remove_dir_all(f).unwrap();
                fs::create_dir(f).unwrap()
            },
            "MANIFEST.json: damaged checkpoint: No such",
        ),
    ]
}

/// What is no damage: the checkpoint may be whole, and a resume from an older one would delete it.
fn doubts() -> Vec<Damage> {
    vec![
        ("empty manifest", |f| fs::write(f.join(MANIFEST_FILE), "{}").unwrap(), "trainer_state.json: not understood: not in"),
        ("another manifest", |f| fs::write(f.join(MANIFEST_FILE), "[]").unwrap(), "MANIFEST.json: not understood: "),
        ("a name outside", name_outside, "not the name of a file of this folder"),
        ("another step", |f| rewrite_state(f, "\"step\": 30", "\"step\": 31"), "expected step 30, found 31"),
        ("another format", |f| rewrite_state(f, "\"format\": 1", "\"format\": 2"), "checkpoint format 2, this version reads 1"),
        ("no format", |f| rewrite_state(f, "\"format\": 1,", ""), "missing field `format`"),
        #[cfg(unix)]
        ("weights that cannot be read", link_to_itself, "model.safetensors: "),
        #[cfg(unix)]
        (
            "a manifest that cannot be read",
            |f| {
                fs::remove_file(f.join(MANIFEST_FILE)).unwrap();
                fs::create_dir(f.join(MANIFEST_FILE)).unwrap()
            },
            "MANIFEST.json: ",
        ),
    ]
}

#[cfg(unix)]
fn link_to_itself(folder: &Path) {
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    std::os::unix::fs::symlink("model.safetensors", folder.join("model.safetensors")).unwrap();
}

fn flip_one_bit(folder: &Path) {
    let mut bytes = weights(30);
    bytes[1234] ^= 1;
    fs::write(folder.join("model.safetensors"), bytes).unwrap();
}

fn name_outside(folder: &Path) {
    let path = folder.join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("config.json", "../latest")).unwrap();
}

/// Changes the state and makes the manifest agree.
fn rewrite_state(folder: &Path, from: &str, to: &str) {
    let path = folder.join(STATE_FILE);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replace(from, to)).unwrap();
    fs::remove_file(folder.join(MANIFEST_FILE)).unwrap();
    let manifest = json(&manifest(folder).unwrap());
    fs::write(folder.join(MANIFEST_FILE), manifest).unwrap();
}

#[test]
fn damage_is_named_and_latest_passes_over_it_aloud() {
    for (what, damage, expected) in damages() {
        let root = three();
        damage(&root.path().join("checkpoint-30"));
        let error = find(root.path(), &ResumeFrom::Step(30)).unwrap_err().to_string();
        assert!(error.contains("checkpoint-30") && error.contains(expected), "{what}: {error}");
        let found = latest(root.path());
        assert_eq!((found.state.step, found.skipped), (20, vec![error]), "{what}");
    }
}

#[test]
fn latest_does_not_pass_over_what_may_be_whole() {
    for (what, change, expected) in doubts() {
        let root = three();
        change(&root.path().join("checkpoint-30"));
        for from in [ResumeFrom::Latest, ResumeFrom::Step(30)] {
            let error = find(root.path(), &from).unwrap_err().to_string();
            assert!(error.contains("checkpoint-30") && error.contains(expected), "{what}: {error}");
            assert!(!error.contains("damaged"), "{what}: {error}");
        }
        assert_eq!(find(root.path(), &ResumeFrom::Step(20)).unwrap().state.step, 20, "{what}");
    }
}
