//! One folder per op: formula and trait, the fast half, the plain twin, the tests.

pub mod adamw;
pub mod attention;
pub mod embedding;
pub mod grad_norm;
pub mod linear;
pub mod lm_head;
pub mod qk_norm_rope;
pub mod rms_norm;
pub mod swiglu;

/// Elements that one task of an element-wise op handles: long enough to be worth the hand-over, short enough to share.
pub(crate) const ELEMENTS_PER_TASK: usize = 16_384;

/// Panics with the op and the argument when an argument of `have` elements has fewer than `len`.
#[inline]
#[track_caller]
pub(crate) fn check_len(op: &str, argument: &str, have: usize, len: usize) {
    assert!(have >= len, "{op}: {argument} holds {have} elements, {len} needed");
}

/// The first `len` elements of an op's argument; panics with the op and the argument when there are fewer.
#[inline]
#[track_caller]
pub(crate) fn first<'a, T>(op: &str, argument: &str, buffer: &'a [T], len: usize) -> &'a [T] {
    check_len(op, argument, buffer.len(), len);
    &buffer[..len]
}

/// [`first`] of an output.
#[inline]
#[track_caller]
pub(crate) fn first_mut<'a, T>(op: &str, argument: &str, buffer: &'a mut [T], len: usize) -> &'a mut [T] {
    check_len(op, argument, buffer.len(), len);
    &mut buffer[..len]
}

/// Panics with the op, the row and the id when an id is not below the number of `table`'s rows.
#[track_caller]
pub(crate) fn check_ids(op: &str, name: &str, table: &str, ids: &[u32], limit: usize) {
    if let Some((row, id)) = ids.iter().enumerate().find(|(_, id)| **id as usize >= limit) {
        panic!("{op}: {name} {id} of row {row} is outside the {table} of {limit} rows");
    }
}
