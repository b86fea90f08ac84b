//! The shape of a model, read from the `config.json` of an HF checkpoint and checked.

mod json;
mod rope;

use std::path::Path;

use serde_json::{Map, Value};

pub(crate) use json::{Fields, parse_object, read_object, read_text};
pub use rope::{Rope, RopeKind};

use crate::error::RuntimeError;

/// No honest config file is larger than this.
pub(crate) const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// The architectures that the runtime computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `LlamaForCausalLM`: no biases unless `attention_bias`.
    Llama,
    /// `Qwen2ForCausalLM`: biases on q, k and v.
    Qwen2,
    /// `Qwen3ForCausalLM`: RMS norms on each head's q and k.
    Qwen3,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 3] = [Self::Llama, Self::Qwen2, Self::Qwen3];

    /// The name in the `architectures` of `config.json`.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    /// The `model_type` of `config.json`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }
}

/// A validated decoder-only transformer: everything that its arithmetic depends on, and the raw file for saving.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The architecture.
    pub family: Family,
    /// Rows of the embedding and of the LM head.
    pub vocab: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Number of transformer layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key/value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head, even; `heads × head_dim` need not equal `hidden`.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub intermediate: usize,
    /// ε in every RMS norm.
    pub rms_norm_eps: f64,
    /// Whether the LM head is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// Whether the q, k and v projections have a bias.
    pub qkv_bias: bool,
    /// Whether the attention's output projection has a bias.
    pub o_bias: bool,
    /// Whether q and k pass an RMS norm per head before RoPE.
    pub qk_norm: bool,
    /// The longest sequence that the model handles.
    pub max_position_embeddings: usize,
    /// The rotary position embedding.
    pub rope: Rope,
    /// `eos_token_id` of this file, ascending, without repeats; possibly empty.
    pub eos_token_ids: Vec<u32>,
    raw: Map<String, Value>,
}

impl ModelConfig {
    /// The config of a checkpoint folder. Errors: missing file, not JSON, a missing or unfit key, anything unsupported.
    pub fn load(folder: &Path) -> Result<Self, RuntimeError> {
        let path = folder.join("config.json");
        Self::from_object(&path, read_object(&path, "the model's config", MAX_CONFIG_BYTES)?)
    }

    /// The config in a JSON text; `path` names it in errors.
    pub fn from_json(path: &Path, text: &str) -> Result<Self, RuntimeError> {
        Self::from_object(path, parse_object(path, text)?)
    }

    fn from_object(path: &Path, raw: Map<String, Value>) -> Result<Self, RuntimeError> {
        let fields = Fields::new(path, &raw);
        let family = family(&fields)?;
        refuse_unsupported(&fields, family)?;
        let vocab = fields.required_size("vocab_size", 1 << 24)?;
        let hidden = fields.required_size("hidden_size", 1 << 20)?;
        let layers = fields.required_size("num_hidden_layers", 1 << 12)?;
        refuse_sliding_window(&fields, family, layers)?;
        let heads = fields.required_size("num_attention_heads", 1 << 16)?;
        let kv_heads = fields.size("num_key_value_heads", 1 << 16)?.unwrap_or(heads);
        if !heads.is_multiple_of(kv_heads) {
            return Err(fields.wrong("num_key_value_heads", &format!("a divisor of num_attention_heads ({heads})")));
        }
        let attention_bias = fields.flag("attention_bias", false)?;
        let max_position_embeddings = fields.required_size("max_position_embeddings", 1 << 31)?;
        let head_dim = head_dim(&fields, family, hidden, heads)?;
        let mut eos_token_ids = fields.token_ids("eos_token_id", vocab)?;
        eos_token_ids.sort_unstable();
        eos_token_ids.dedup();
        Ok(Self {
            family,
            vocab,
            hidden,
            layers,
            heads,
            kv_heads,
            head_dim,
            intermediate: fields.required_size("intermediate_size", 1 << 22)?,
            rms_norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(1e-6),
            tie_word_embeddings: fields.flag("tie_word_embeddings", false)?,
            // transformers gives Qwen2 a fixed layout and ignores `attention_bias` there
            qkv_bias: family == Family::Qwen2 || attention_bias,
            o_bias: family != Family::Qwen2 && attention_bias,
            qk_norm: family == Family::Qwen3,
            max_position_embeddings,
            rope: Rope::from_fields(&fields, head_dim, max_position_embeddings)?,
            eos_token_ids,
            raw,
        })
    }

    /// Every key of the file as it was read, for writing it back.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// Name and shape of every weight of the checkpoint, in the order of the model; `[rows, columns]`, row-major.
    ///
    /// The LM head is left out when it is tied to the embedding.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = vec![("model.embed_tokens.weight".to_string(), vec![self.vocab, self.hidden])];
        for layer in 0..self.layers {
            let prefix = format!("model.layers.{layer}.");
            tensors.extend(self.layer_tensors().into_iter().map(|(name, shape)| (format!("{prefix}{name}"), shape)));
        }
        tensors.push(("model.norm.weight".to_string(), vec![self.hidden]));
        if !self.tie_word_embeddings {
            tensors.push(("lm_head.weight".to_string(), vec![self.vocab, self.hidden]));
        }
        tensors
    }

    /// Number of weights; a tied LM head is counted once.
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Name (after `model.layers.N.`) and shape of the weights of one layer.
    fn layer_tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let (hidden, intermediate) = (self.hidden, self.intermediate);
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut tensors = vec![("input_layernorm.weight", vec![hidden])];
        for (weight, bias, rows) in [
            ("self_attn.q_proj.weight", "self_attn.q_proj.bias", q),
            ("self_attn.k_proj.weight", "self_attn.k_proj.bias", kv),
            ("self_attn.v_proj.weight", "self_attn.v_proj.bias", kv),
        ] {
            tensors.push((weight, vec![rows, hidden]));
            if self.qkv_bias {
                tensors.push((bias, vec![rows]));
            }
        }
        tensors.push(("self_attn.o_proj.weight", vec![hidden, q]));
        if self.o_bias {
            tensors.push(("self_attn.o_proj.bias", vec![hidden]));
        }
        if self.qk_norm {
            tensors.push(("self_attn.q_norm.weight", vec![self.head_dim]));
            tensors.push(("self_attn.k_norm.weight", vec![self.head_dim]));
        }
        tensors.push(("post_attention_layernorm.weight", vec![hidden]));
        tensors.push(("mlp.gate_proj.weight", vec![intermediate, hidden]));
        tensors.push(("mlp.up_proj.weight", vec![intermediate, hidden]));
        tensors.push(("mlp.down_proj.weight", vec![hidden, intermediate]));
        tensors
    }
}

/// The family named by `architectures`, or by `model_type` when that is absent.
fn family(fields: &Fields<'_>) -> Result<Family, RuntimeError> {
    let architectures = fields.texts("architectures")?;
    let model_type = fields.text("model_type")?;
    let found = match architectures.first() {
        Some(name) => Family::ALL.into_iter().find(|family| family.architecture() == *name),
        None => Family::ALL.into_iter().find(|family| Some(family.model_type()) == model_type),
    };
    let name = architectures.first().copied().or(model_type);
    found.ok_or_else(|| match name {
        None => fields.wrong("architectures", "a list with the name of the architecture"),
        Some(name) => RuntimeError::UnsupportedArchitecture {
            path: fields.path(),
            architecture: name.to_string(),
            supported: Family::ALL.map(Family::architecture).join(", "),
        },
    })
}

/// Refuses what would silently compute something else.
fn refuse_unsupported(fields: &Fields<'_>, family: Family) -> Result<(), RuntimeError> {
    match fields.text("hidden_act")? {
        None | Some("silu" | "swish") => {}
        Some(other) => return Err(fields.unsupported(format!("hidden_act = {other:?} (only \"silu\")"))),
    }
    if family == Family::Llama && fields.flag("mlp_bias", false)? {
        return Err(fields.unsupported("mlp_bias = true".to_string()));
    }
    if fields.get("quantization_config").is_some() {
        return Err(fields.unsupported("quantization_config (only F32, BF16 and F16 weights)".to_string()));
    }
    Ok(())
}

/// Refuses a sliding window that some layer would use; one that is only written down is harmless.
fn refuse_sliding_window(fields: &Fields<'_>, family: Family, layers: usize) -> Result<(), RuntimeError> {
    if let Some(kind) = fields.texts("layer_types")?.into_iter().find(|kind| *kind != "full_attention") {
        return Err(fields.unsupported(format!("a layer of type {kind:?} in layer_types (only \"full_attention\")")));
    }
    let declared = family != Family::Llama && fields.get("layer_types").is_none();
    if !declared || !fields.flag("use_sliding_window", false)? || fields.get("sliding_window").is_none() {
        return Ok(());
    }
    // layers from `max_window_layers` on have the window; 28 is transformers' default
    let first = fields.get("max_window_layers").map_or(Some(28), Value::as_u64);
    match first {
        Some(first) if first >= layers as u64 => Ok(()),
        Some(_) => Err(fields.unsupported("use_sliding_window = true".to_string())),
        None => Err(fields.wrong("max_window_layers", "an integer")),
    }
}

/// The explicit `head_dim`, or the family's default.
fn head_dim(fields: &Fields<'_>, family: Family, hidden: usize, heads: usize) -> Result<usize, RuntimeError> {
    let head_dim = match fields.size("head_dim", 1 << 12)? {
        Some(head_dim) => head_dim,
        None if family == Family::Qwen3 => 128,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => return Err(fields.wrong("num_attention_heads", &format!("a divisor of hidden_size ({hidden})"))),
    };
    if !head_dim.is_multiple_of(2) {
        return Err(RuntimeError::Key {
            path: fields.path(),
            key: "head_dim".to_string(),
            expected: "an even number, because RoPE turns pairs".to_string(),
            found: head_dim.to_string(),
        });
    }
    Ok(head_dim)
}

#[cfg(test)]
mod tests;
