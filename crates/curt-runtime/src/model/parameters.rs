//! The weights of a transformer, and which checkpoint tensor is which.
//!
//! Projections that read the same input are one matrix here (`q|k|v`, `gate|up`): their rows are those of the
//! checkpoint's tensors one after the other, so a checkpoint tensor is a contiguous part of a parameter.

use curt_kernels::{Backend, DeviceError, Ops, Real};

use crate::RuntimeError;
use crate::checkpoint::reserve;
use crate::config::ModelConfig;

/// Returns the values of a checkpoint tensor by name and shape.
pub type TensorSource<'a, E> = dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, E> + 'a;

/// A checkpoint tensor inside a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape in the checkpoint.
    pub shape: Vec<usize>,
    /// Where it starts in the parameter.
    pub offset: usize,
}

impl Part {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One trainable tensor of the runtime.
#[derive(Debug)]
pub struct Parameter<B: Backend> {
    /// The checkpoint tensors that it is made of, in order.
    pub parts: Vec<Part>,
    /// The weights, row-major.
    pub value: B::Buffer,
    /// The number of elements.
    pub len: usize,
    /// Rows of a matrix (output features); 1 for a vector.
    pub rows: usize,
    /// Columns of a matrix (input features), or the length of a vector.
    pub columns: usize,
}

impl<B: Backend> Parameter<B> {
    /// Whether weight decay applies: matrices yes, norms and biases no.
    pub fn decays(&self) -> bool {
        self.parts[0].shape.len() > 1
    }
}

/// Indices of a layer's parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerIndex {
    pub input_norm: usize,
    pub qkv: usize,
    pub qkv_bias: Option<usize>,
    pub head_norms: Option<(usize, usize)>,
    pub o: usize,
    pub o_bias: Option<usize>,
    pub post_norm: usize,
    pub gate_up: usize,
    pub down: usize,
}

/// All weights, their packed forms and the index that names them.
#[derive(Debug)]
pub(crate) struct Parameters<B: Ops> {
    pub all: Vec<Parameter<B>>,
    /// Forward form of each matrix that a product reads; `None` for the others.
    pub packed: Vec<Option<B::Packed>>,
    pub layers: Vec<LayerIndex>,
    pub embedding: usize,
    pub final_norm: usize,
    /// The output projection: the embedding itself when tied.
    pub head: usize,
}

/// What a parameter consists of, before it has values.
struct Layout {
    parts: Vec<(String, Vec<usize>)>,
    packed: bool,
}

impl<B: Ops> Parameters<B> {
    /// Builds all parameters from `source`, which returns the values of a checkpoint tensor by name and shape.
    pub fn from_source<E: From<DeviceError> + From<RuntimeError>>(
        backend: &B,
        config: &ModelConfig,
        source: &mut TensorSource<'_, E>,
    ) -> Result<Self, E> {
        let mut layouts = Vec::new();
        let (d, v) = (config.hidden, config.vocab);
        let embedding = push(&mut layouts, config.tie_word_embeddings, vec![("model.embed_tokens.weight".into(), vec![v, d])]);
        let layers = (0..config.layers).map(|l| layer_layout(&mut layouts, config, l)).collect();
        let final_norm = push(&mut layouts, false, vec![("model.norm.weight".into(), vec![d])]);
        let head = match config.tie_word_embeddings {
            true => embedding,
            false => push(&mut layouts, true, vec![("lm_head.weight".into(), vec![v, d])]),
        };
        let mut all = Vec::with_capacity(layouts.len());
        let mut packed = Vec::with_capacity(layouts.len());
        for layout in layouts {
            let parameter = read_parameter(backend, &layout, source)?;
            packed.push(match layout.packed {
                true => Some(backend.packed(parameter.rows, parameter.columns)?),
                false => None,
            });
            all.push(parameter);
        }
        let mut parameters = Self { all, packed, layers, embedding, final_norm, head };
        parameters.pack(backend);
        Ok(parameters)
    }

    /// Refreshes the packed forms; once after loading and after each update.
    pub fn pack(&mut self, backend: &B) {
        for (parameter, packed) in self.all.iter().zip(&mut self.packed) {
            if let Some(packed) = packed {
                backend.pack(packed, &parameter.value);
            }
        }
    }

    /// The value of parameter `i`.
    pub fn value(&self, i: usize) -> &B::Buffer {
        &self.all[i].value
    }

    /// The packed form of matrix `i`.
    pub fn packed(&self, i: usize) -> &B::Packed {
        self.packed[i].as_ref().expect("every projection is packed by its layout")
    }

    /// Replaces the values of every parameter from `source`.
    pub fn overwrite<E: From<RuntimeError>>(&mut self, backend: &B, source: &mut TensorSource<'_, E>) -> Result<(), E> {
        for parameter in &mut self.all {
            let mut host = Vec::new();
            reserve(&mut host, &parameter.parts[0].name, parameter.len)?;
            for part in &parameter.parts {
                host.extend(source(&part.name, &part.shape)?.into_iter().map(|x| B::Real::from_f64(f64::from(x))));
            }
            backend.write(&mut parameter.value, &host);
        }
        self.pack(backend);
        Ok(())
    }
}

fn push(layouts: &mut Vec<Layout>, packed: bool, parts: Vec<(String, Vec<usize>)>) -> usize {
    layouts.push(Layout { parts, packed });
    layouts.len() - 1
}

fn layer_layout(layouts: &mut Vec<Layout>, config: &ModelConfig, layer: usize) -> LayerIndex {
    let (d, hd, ff) = (config.hidden, config.head_dim, config.intermediate);
    let (q, kv) = (config.heads * hd, config.kv_heads * hd);
    let name = |suffix: &str| format!("model.layers.{layer}.{suffix}");
    let tensor = |suffix: &str, shape: &[usize]| (name(suffix), shape.to_vec());
    LayerIndex {
        input_norm: push(layouts, false, vec![tensor("input_layernorm.weight", &[d])]),
        qkv: push(
            layouts,
            true,
            vec![
                tensor("self_attn.q_proj.weight", &[q, d]),
                tensor("self_attn.k_proj.weight", &[kv, d]),
                tensor("self_attn.v_proj.weight", &[kv, d]),
            ],
        ),
        qkv_bias: config.qkv_bias.then(|| {
            let parts = [("q_proj", q), ("k_proj", kv), ("v_proj", kv)];
            push(layouts, false, parts.map(|(p, n)| tensor(&format!("self_attn.{p}.bias"), &[n])).to_vec())
        }),
        head_norms: config.qk_norm.then(|| {
            (
                push(layouts, false, vec![tensor("self_attn.q_norm.weight", &[hd])]),
                push(layouts, false, vec![tensor("self_attn.k_norm.weight", &[hd])]),
            )
        }),
        o: push(layouts, true, vec![tensor("self_attn.o_proj.weight", &[d, q])]),
        o_bias: config.o_bias.then(|| push(layouts, false, vec![tensor("self_attn.o_proj.bias", &[d])])),
        post_norm: push(layouts, false, vec![tensor("post_attention_layernorm.weight", &[d])]),
        gate_up: push(layouts, true, vec![tensor("mlp.gate_proj.weight", &[ff, d]), tensor("mlp.up_proj.weight", &[ff, d])]),
        down: push(layouts, true, vec![tensor("mlp.down_proj.weight", &[d, ff])]),
    }
}

fn read_parameter<B: Ops, E: From<DeviceError> + From<RuntimeError>>(
    backend: &B,
    layout: &Layout,
    source: &mut TensorSource<'_, E>,
) -> Result<Parameter<B>, E> {
    let mut host = Vec::new();
    let mut parts = Vec::new();
    for (name, shape) in &layout.parts {
        parts.push(Part { name: name.clone(), shape: shape.clone(), offset: host.len() });
        // memory is asked for once the tensor is known to be there
        let values = source(name, shape)?;
        reserve(&mut host, name, values.len())?;
        host.extend(values.into_iter().map(|x| B::Real::from_f64(f64::from(x))));
    }
    let columns = *layout.parts[0].1.last().unwrap_or(&1);
    let (rows, columns) = match layout.parts[0].1.len() {
        1 => (1, host.len()),
        _ => (host.len() / columns, columns),
    };
    Ok(Parameter { parts, value: backend.upload(&host)?, len: host.len(), rows, columns })
}
