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
