//! Random numbers for simulations: SplitMix64.

pub struct Draws(pub u64);

impl Draws {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From Beta(½, ½), by its inverse distribution function.
    pub fn arcsine(&mut self) -> f64 {
        let s = libm::sin(std::f64::consts::FRAC_PI_2 * self.uniform());
        s * s
    }

    /// How many of `n` attempts at rate `p` are right.
    pub fn binomial(&mut self, n: u32, p: f64) -> u32 {
        (0..n).filter(|_| self.uniform() < p).count() as u32
    }
}
