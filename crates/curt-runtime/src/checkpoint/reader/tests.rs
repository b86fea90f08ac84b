use super::*;

#[test]
fn memory_that_cannot_be_had_is_an_error_that_names_the_tensor() {
    for (more, expected) in [(1 << 60, 1usize << 62), (usize::MAX, usize::MAX)] {
        let mut numbers = vec![1.0f32];
        match reserve(&mut numbers, "lm_head.weight", more).unwrap_err() {
            RuntimeError::OutOfMemory { tensor, bytes } => assert!(tensor == "lm_head.weight" && bytes >= expected, "{bytes}"),
            other => panic!("{other}"),
        }
        assert_eq!(numbers, [1.0]);
    }
}

#[test]
fn what_cannot_be_a_weight_is_refused_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let header =
        r#"{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"y":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0xff; 16]].concat();
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert!(checkpoint.check("x", &[2, 1]).is_ok());
    assert!(matches!(checkpoint.check("x", &[1, 2]), Err(RuntimeError::WrongShape { .. })));
    assert!(matches!(checkpoint.check("y", &[1]), Err(RuntimeError::WrongDtype { .. })));
    assert!(matches!(checkpoint.check("z", &[1]), Err(RuntimeError::MissingTensor { .. })));
}
