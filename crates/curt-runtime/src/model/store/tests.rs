use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use curt_kernels::Cpu;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::*;

/// Keeps the text of every event of a thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
                self.0 += &format!("{value:?}");
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// A committed model with further tensors in its file.
fn with_extras(names: &[&str]) -> tempfile::TempDir {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tiny-good");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(source.join("config.json"), folder.path().join("config.json")).unwrap();
    let weights = Checkpoint::open(&source).unwrap();
    let mut layout: Vec<TensorLayout> =
        weights.names().map(|name| (name.to_string(), weights.shape(name).unwrap().to_vec())).collect();
    layout.extend(names.iter().map(|name| (name.to_string(), vec![1])));
    write_tensors(&folder.path().join("model.safetensors"), &layout, Dtype::F32, |i, out| {
        let (name, shape) = &layout[i];
        out.extend(if weights.contains(name) { weights.tensor(name, shape).unwrap() } else { vec![0.0] });
    })
    .unwrap();
    folder
}

#[test]
fn tensors_without_a_use_are_warned_of_in_one_line() {
    for (extras, expected) in [
        (&[][..], vec![]),
        (&["b.x"], vec!["1 tensors are not used by this architecture: `b.x`"]),
        (&["z", "y", "x", "w"], vec!["4 tensors are not used by this architecture: `w`, `x`, `y`, …"]),
    ] {
        let (folder, lines) = (with_extras(extras), Lines::default());
        tracing::subscriber::with_default(lines.clone(), || {
            Transformer::load(Cpu::<f32>::new(1).unwrap(), folder.path(), None, Settings::default()).unwrap()
        });
        let lines = lines.0.lock().unwrap();
        let path = folder.path().join("model.safetensors");
        let expected: Vec<String> = expected.iter().map(|text| format!("{}: {text}", path.display())).collect();
        assert_eq!(*lines, expected);
    }
}
