//! Rotary position embedding: inverse frequencies as transformers computes them, and the tables of cos and sin.

use std::f64::consts::PI;
use std::ops::Range;

use super::Fields;
use crate::error::RuntimeError;

/// Rotary position embedding (arXiv 2104.09864), possibly stretched to a longer context.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// How they are stretched.
    pub kind: RopeKind,
}

/// The `rope_type` of a config and its parameters, under transformers' names.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeKind {
    /// `θ^(−2i/head_dim)`.
    Default,
    /// All frequencies divided by `factor`.
    Linear {
        /// How many times longer the context becomes.
        factor: f64,
    },
    /// YaRN (arXiv 2309.00071): high frequencies kept, low ones divided by `factor`, a linear ramp between.
    Yarn {
        /// How many times longer the context becomes.
        factor: f64,
        /// Context of the pretraining.
        original_max_position_embeddings: usize,
        /// Rotations within the original context above which a frequency is kept.
        beta_fast: f64,
        /// Rotations below which it is divided by `factor`.
        beta_slow: f64,
        /// Overrides the factor on cos and sin.
        attention_factor: Option<f64>,
        /// With `mscale_all_dim`: numerator of that factor.
        mscale: Option<f64>,
        /// With `mscale`: its denominator.
        mscale_all_dim: Option<f64>,
        /// Whether the ends of the ramp are rounded to whole dimensions.
        truncate: bool,
    },
    /// Llama 3.1: as YaRN, with the ramp over wavelengths.
    Llama3 {
        /// How many times longer the context becomes.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` are stretched by `factor`.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// Context of the pretraining.
        original_max_position_embeddings: usize,
    },
}

impl Rope {
    /// The embedding described by `rope_parameters` (transformers 5) or by `rope_theta` and `rope_scaling`.
    ///
    /// Errors: a missing or unfit key, a kind that is not supported, angles or factors that are not finite in f32.
    pub(super) fn from_fields(
        fields: &Fields<'_>,
        head_dim: usize,
        max_position_embeddings: usize,
    ) -> Result<Self, RuntimeError> {
        let outer_theta = base(fields)?;
        // as in transformers, a `rope_scaling` that is there wins
        let (key, scaling) = match fields.object("rope_scaling")? {
            Some(scaling) => ("rope_scaling", Some(scaling)),
            None => ("rope_parameters", fields.object("rope_parameters")?),
        };
        refuse_partial(fields)?;
        let Some(scaling) = scaling else {
            return Ok(Self { theta: outer_theta.unwrap_or(10_000.0), kind: RopeKind::Default });
        };
        refuse_partial(&scaling)?;
        if let Some(key) = scaling.nested_key() {
            return Err(scaling.wrong(key, "a number (one RoPE for all layers)"));
        }
        let theta = base(&scaling)?.or(outer_theta).unwrap_or(10_000.0);
        // what transformers falls back to when the pretraining context is not given
        let outer_original = fields.size("original_max_position_embeddings", 1 << 31)?;
        let original = match outer_original {
            Some(original) => original,
            None => scaling.size("original_max_position_embeddings", 1 << 31)?.unwrap_or(max_position_embeddings),
        };
        let name = match scaling.text("rope_type")? {
            Some(name) => name,
            None => scaling.text("type")?.unwrap_or("default"),
        };
        let kind = match name {
            "default" => RopeKind::Default,
            "linear" => RopeKind::Linear { factor: scaling.required_positive("factor")? },
            "yarn" => yarn(&scaling, max_position_embeddings, original)?,
            "llama3" => llama3(&scaling, original)?,
            other => return Err(fields.unsupported(format!("rope_type {other:?} (only default, linear, yarn, llama3)"))),
        };
        let rope = Self { theta, kind };
        match rope.is_finite(head_dim, max_position_embeddings) {
            true => Ok(rope),
            false => Err(fields.wrong(key, "numbers that give finite angles and a finite factor on cos and sin in f32")),
        }
    }

    /// Whether the angles of the last position, the largest, and the factor on cos and sin are finite in f32.
    fn is_finite(&self, head_dim: usize, positions: usize) -> bool {
        let mut angles = self.inverse_frequencies(head_dim).into_iter().map(|frequency| positions as f32 * frequency);
        angles.all(f32::is_finite) && (self.attention_factor() as f32).is_finite()
    }

    /// `head_dim / 2` angles per position, in f32 and in transformers' order of operations.
    ///
    /// Powers are taken in f64 and rounded once, so they are within one unit in the last place of PyTorch's.
    pub fn inverse_frequencies(&self, head_dim: usize) -> Vec<f32> {
        let powers = (0..head_dim / 2).map(|i| {
            let exponent = (2 * i) as f32 / head_dim as f32;
            libm::pow(f64::from(self.theta as f32), f64::from(exponent)) as f32
        });
        match self.kind {
            RopeKind::Default => powers.map(|power| 1.0 / power).collect(),
            RopeKind::Linear { factor } => powers.map(|power| 1.0 / power / factor as f32).collect(),
            RopeKind::Yarn { factor, original_max_position_embeddings, beta_fast, beta_slow, truncate, .. } => {
                let dim = |turns| self.dimension_of(turns, head_dim, original_max_position_embeddings);
                let (low, high) = (dim(beta_fast), dim(beta_slow));
                let (low, high) = if truncate { (low.floor(), high.ceil()) } else { (low, high) };
                let (low, high) = (low.max(0.0), high.min(head_dim as f64 - 1.0));
                let high = if low == high { high + 0.001 } else { high };
                powers.enumerate().map(|(i, power)| yarn_frequency(power, i, low, high, factor)).collect()
            }
            RopeKind::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => powers
                .map(|power| {
                    let original = original_max_position_embeddings as f64;
                    llama3_frequency(1.0 / power, factor, low_freq_factor, high_freq_factor, original)
                })
                .collect(),
        }
    }

    /// The number that multiplies cos and sin: 1 except for YaRN, there `0.1 ln factor + 1` unless the config says otherwise.
    pub fn attention_factor(&self) -> f64 {
        let RopeKind::Yarn { factor, attention_factor, mscale, mscale_all_dim, .. } = self.kind else { return 1.0 };
        let scale = |m: f64| if factor <= 1.0 { 1.0 } else { 0.1 * m * libm::log(factor) + 1.0 };
        match (attention_factor, mscale, mscale_all_dim) {
            (Some(given), _, _) => given,
            (None, Some(numerator), Some(denominator)) => scale(numerator) / scale(denominator),
            _ => scale(1.0),
        }
    }

    /// cos and sin of `f32(position) · f32(inverse frequency)`, times the attention factor; each `[positions, head_dim / 2]`.
    pub fn tables(&self, head_dim: usize, positions: Range<usize>) -> (Vec<f32>, Vec<f32>) {
        let frequencies = self.inverse_frequencies(head_dim);
        let factor = self.attention_factor() as f32;
        let mut cos = Vec::with_capacity(positions.len() * frequencies.len());
        let mut sin = Vec::with_capacity(positions.len() * frequencies.len());
        for position in positions {
            for &frequency in &frequencies {
                let angle = f64::from(position as f32 * frequency);
                cos.push(libm::cos(angle) as f32 * factor);
                sin.push(libm::sin(angle) as f32 * factor);
            }
        }
        (cos, sin)
    }

    /// The (fractional) dimension whose frequency makes `turns` rotations within `context` positions.
    fn dimension_of(&self, turns: f64, head_dim: usize, context: usize) -> f64 {
        head_dim as f64 * libm::log(context as f64 / (turns * 2.0 * PI)) / (2.0 * libm::log(self.theta))
    }
}

/// One YaRN frequency; `keep` is 1 below `low`, 0 above `high`.
fn yarn_frequency(power: f32, index: usize, low: f64, high: f64, factor: f64) -> f32 {
    let ramp = ((index as f32 - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
    let keep = 1.0 - ramp;
    let interpolated = 1.0 / (factor as f32 * power);
    interpolated * (1.0 - keep) + 1.0 / power * keep
}

/// One Llama 3 frequency. PyTorch divides a number by a tensor as reciprocal times number, so it is done here too.
fn llama3_frequency(frequency: f32, factor: f64, low_factor: f64, high_factor: f64, original: f64) -> f32 {
    let wavelength = 1.0 / frequency * (2.0 * PI) as f32;
    let stretched = frequency / factor as f32;
    if wavelength > (original / low_factor) as f32 {
        stretched
    } else if wavelength < (original / high_factor) as f32 {
        frequency
    } else {
        let smooth = (1.0 / wavelength * original as f32 - low_factor as f32) / (high_factor - low_factor) as f32;
        (1.0 - smooth) * frequency / factor as f32 + smooth * frequency
    }
}

fn yarn(scaling: &Fields<'_>, max_position_embeddings: usize, original: usize) -> Result<RopeKind, RuntimeError> {
    let (beta_fast, beta_slow) = (scaling.positive("beta_fast")?, scaling.positive("beta_slow")?);
    let (beta_fast, beta_slow) = (beta_fast.unwrap_or(32.0), beta_slow.unwrap_or(1.0));
    if beta_fast < beta_slow {
        return Err(scaling.wrong("beta_fast", &format!("a number not below beta_slow ({beta_slow})")));
    }
    Ok(RopeKind::Yarn {
        factor: scaling.positive("factor")?.unwrap_or(max_position_embeddings as f64 / original as f64),
        original_max_position_embeddings: original,
        beta_fast,
        beta_slow,
        attention_factor: scaling.positive("attention_factor")?,
        mscale: scaling.positive("mscale")?,
        mscale_all_dim: scaling.positive("mscale_all_dim")?,
        truncate: scaling.flag("truncate", true)?,
    })
}

fn llama3(scaling: &Fields<'_>, original: usize) -> Result<RopeKind, RuntimeError> {
    let low_freq_factor = scaling.required_positive("low_freq_factor")?;
    let high_freq_factor = scaling.required_positive("high_freq_factor")?;
    if high_freq_factor <= low_freq_factor {
        return Err(scaling.wrong("high_freq_factor", &format!("a number above low_freq_factor ({low_freq_factor})")));
    }
    Ok(RopeKind::Llama3 {
        factor: scaling.required_positive("factor")?,
        low_freq_factor,
        high_freq_factor,
        original_max_position_embeddings: original,
    })
}

/// The base of the frequencies, if given.
fn base(fields: &Fields<'_>) -> Result<Option<f64>, RuntimeError> {
    match fields.positive("rope_theta")? {
        Some(theta) if theta <= 1.0 => Err(fields.wrong("rope_theta", "a number above 1")),
        theta => Ok(theta),
    }
}

/// Refuses heads of which only a part is turned.
fn refuse_partial(fields: &Fields<'_>) -> Result<(), RuntimeError> {
    match fields.positive("partial_rotary_factor")? {
        Some(part) if part != 1.0 => Err(fields.unsupported(format!("partial_rotary_factor = {part}"))),
        _ => Ok(()),
    }
}
