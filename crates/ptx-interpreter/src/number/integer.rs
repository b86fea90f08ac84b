//! Integers of 8 to 64 bits.

/// The low `bits` of a value.
#[inline(always)]
pub fn unsigned(value: u64, bits: u32) -> u64 {
    value & (u64::MAX >> (64 - bits))
}

/// The low `bits` of a value as a two's complement number.
#[inline(always)]
pub fn signed(value: u64, bits: u32) -> i64 {
    ((value << (64 - bits)) as i64) >> (64 - bits)
}

/// The upper half of the product of twice the width.
pub fn multiply_high(a: u64, b: u64, bits: u32, is_signed: bool) -> u64 {
    if is_signed {
        unsigned(((i128::from(signed(a, bits)) * i128::from(signed(b, bits))) >> bits) as u64, bits)
    } else {
        ((u128::from(unsigned(a, bits)) * u128::from(unsigned(b, bits))) >> bits) as u64
    }
}

/// The whole product, twice as wide.
#[inline(always)]
pub fn multiply_wide(a: u64, b: u64, bits: u32, is_signed: bool) -> u64 {
    if is_signed {
        unsigned(signed(a, bits).wrapping_mul(signed(b, bits)) as u64, 2 * bits)
    } else {
        unsigned(a, bits).wrapping_mul(unsigned(b, bits))
    }
}

/// The quotient, cut towards zero. All ones for a division by zero, as the hardware gives.
pub fn divide(a: u64, b: u64, bits: u32, is_signed: bool) -> u64 {
    if unsigned(b, bits) == 0 {
        return unsigned(u64::MAX, bits);
    }
    if is_signed {
        unsigned(signed(a, bits).wrapping_div(signed(b, bits)) as u64, bits)
    } else {
        unsigned(a, bits) / unsigned(b, bits)
    }
}

/// The remainder, with the sign of the dividend. The dividend itself for a division by zero.
pub fn remainder(a: u64, b: u64, bits: u32, is_signed: bool) -> u64 {
    if unsigned(b, bits) == 0 {
        return unsigned(a, bits);
    }
    if is_signed {
        unsigned(signed(a, bits).wrapping_rem(signed(b, bits)) as u64, bits)
    } else {
        unsigned(a, bits) % unsigned(b, bits)
    }
}

/// Shifts by 32-bit amounts; amounts above the width count as the width.
#[inline(always)]
pub fn shift_left(a: u64, by: u64, bits: u32) -> u64 {
    let by = by as u32;
    if by >= bits { 0 } else { unsigned(a << by, bits) }
}

#[inline(always)]
pub fn shift_right(a: u64, by: u64, bits: u32, is_signed: bool) -> u64 {
    let by = by as u32;
    if is_signed {
        unsigned((signed(a, bits) >> by.min(bits - 1)) as u64, bits)
    } else if by >= bits {
        0
    } else {
        unsigned(a, bits) >> by
    }
}

/// The upper or lower 32 bits of `high:low` shifted; `by` is cut to 5 bits or clamped to 32.
pub fn funnel(low: u64, high: u64, by: u64, is_left: bool, wraps: bool) -> u64 {
    let both = high << 32 | unsigned(low, 32);
    let by = if wraps { by & 31 } else { unsigned(by, 32).min(32) };
    if is_left { unsigned(both << by >> 32, 32) } else { unsigned(both >> by, 32) }
}

/// `length` bits of `a` from `position`, extended by their highest bit if signed.
pub fn extract(a: u64, position: u64, length: u64, bits: u32, is_signed: bool) -> u64 {
    let (position, length) = ((position & 0xff) as u32, (length & 0xff) as u32);
    let top = bits - 1;
    let sign_at = position.saturating_add(length).saturating_sub(1).min(top);
    let sign = is_signed && length > 0 && a >> sign_at & 1 == 1;
    let field = if position > top { 0 } else { unsigned(a, bits) >> position };
    let n_bits = if position > top { 0 } else { length.min(bits - position) };
    let field = if n_bits == 0 { 0 } else { unsigned(field, n_bits) };
    let fill = if sign { if n_bits == 64 { 0 } else { u64::MAX << n_bits } } else { 0 };
    unsigned(field | fill, bits)
}

/// The low `length` bits of `a` put into `b` at `position`.
pub fn insert(a: u64, b: u64, position: u64, length: u64, bits: u32) -> u64 {
    let (position, length) = ((position & 0xff) as u32, (length & 0xff) as u32);
    if position >= bits || length == 0 {
        return unsigned(b, bits);
    }
    let mask = unsigned(u64::MAX, length.min(bits - position)) << position;
    unsigned(b & !mask | a << position & mask, bits)
}

/// `prmt`: four bytes picked from eight; bit 3 of a selector replicates the byte's sign.
pub fn permute(a: u64, b: u64, selectors: u64) -> u64 {
    let bytes = unsigned(a, 32) | b << 32;
    (0..4).fold(0, |out, i| {
        let selector = selectors >> (4 * i);
        let byte = bytes >> (8 * (selector & 7)) & 0xff;
        let byte = if selector & 8 == 0 { byte } else { 0xff * (byte >> 7) };
        out | byte << (8 * i)
    })
}

/// The position of the highest bit that differs from the sign (from bit 31 or 63 downwards), all ones if there is none.
pub fn find(a: u64, bits: u32, is_signed: bool, as_shift: bool) -> u64 {
    let a = if is_signed && signed(a, bits) < 0 { unsigned(!a, bits) } else { unsigned(a, bits) };
    match a {
        0 => 0xffff_ffff,
        a => {
            let at = u64::from(63 - a.leading_zeros());
            if as_shift { u64::from(bits) - 1 - at } else { at }
        }
    }
}
