//! The element types of PTX.

/// An element type, as it is written after a dot: `.u32`, `.f32`, `.pred`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// One bit per thread.
    Pred,
    /// Bits without a meaning, of this width.
    Bits(u32),
    /// Unsigned, of this width.
    Unsigned(u32),
    /// Two's complement, of this width.
    Signed(u32),
    /// IEEE binary16.
    F16,
    /// Two binary16 in 32 bits.
    F16x2,
    /// The upper half of a binary32.
    Bf16,
    /// Two bfloat16 in 32 bits.
    Bf16x2,
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

impl Scalar {
    /// The type of this name (without the dot); none if it is no type.
    pub fn parse(name: &str) -> Option<Scalar> {
        let width = |digits: &str, widths: &[u32]| digits.parse().ok().filter(|width| widths.contains(width));
        match name {
            "pred" => return Some(Scalar::Pred),
            "f16" => return Some(Scalar::F16),
            "f16x2" => return Some(Scalar::F16x2),
            "bf16" => return Some(Scalar::Bf16),
            "bf16x2" => return Some(Scalar::Bf16x2),
            "f32" => return Some(Scalar::F32),
            "f64" => return Some(Scalar::F64),
            _ => {}
        }
        match name.split_at_checked(1)? {
            ("b", digits) => width(digits, &[8, 16, 32, 64, 128]).map(Scalar::Bits),
            ("u", digits) => width(digits, &[8, 16, 32, 64]).map(Scalar::Unsigned),
            ("s", digits) => width(digits, &[8, 16, 32, 64]).map(Scalar::Signed),
            _ => None,
        }
    }

    /// Width in bits; 1 for a predicate.
    pub fn bits(self) -> u32 {
        match self {
            Scalar::Pred => 1,
            Scalar::Bits(bits) | Scalar::Unsigned(bits) | Scalar::Signed(bits) => bits,
            Scalar::F16 | Scalar::Bf16 => 16,
            Scalar::F16x2 | Scalar::Bf16x2 | Scalar::F32 => 32,
            Scalar::F64 => 64,
        }
    }

    /// Width in memory; 1 for a predicate.
    pub fn bytes(self) -> usize {
        self.bits().div_ceil(8) as usize
    }

    /// Whether loading widens by the sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Scalar::Signed(_))
    }

    /// Whether it is an integer or plain bits.
    pub fn is_integer(self) -> bool {
        matches!(self, Scalar::Bits(_) | Scalar::Unsigned(_) | Scalar::Signed(_))
    }
}
