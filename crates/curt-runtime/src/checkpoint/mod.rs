//! Weights on disk in HF layout: reading folders that others made, writing folders that others open.

mod reader;
mod staging;
mod writer;

pub use reader::Checkpoint;
pub(crate) use reader::reserve;
pub use staging::{StagingDirectory, recover_directory, replace_directory, sync_directory, write_file};
pub use writer::{Dtype, FileCopy, SavedFiles, TensorLayout, write_checkpoint, write_tensors};

/// The weight file of a checkpoint that is not sharded.
pub(crate) const SINGLE_FILE: &str = "model.safetensors";
/// The file that says which shard holds which tensor.
pub(crate) const INDEX_FILE: &str = "model.safetensors.index.json";

#[cfg(test)]
mod tests;
