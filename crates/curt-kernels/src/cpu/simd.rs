//! SIMD bodies are written once over 16 virtual lanes and instantiated per instruction set.
//!
//! A body is a struct that implements [`Kernel`]; [`Cpu::run`](crate::Cpu::run) inlines it into a function compiled for AVX-512,
//! for AVX2 with fused multiply-add, or for the plain target. Bodies use only `+ - * /`, `mul_add` and `sqrt`, which
//! IEEE 754 rounds the same way everywhere, so all paths give equal bits.

/// Lanes of one virtual register. A horizontal sum always uses the fixed tree of [`sum`].
pub const LANES: usize = 16;

/// One virtual register.
pub type Lanes = [f32; LANES];

/// A piece of arithmetic to be compiled for each instruction set. `run` must be `#[inline(always)]`.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

/// The instruction sets a body is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimdPath {
    /// 512-bit registers.
    Avx512,
    /// 256-bit registers with fused multiply-add.
    Avx2,
    /// Whatever the compiler's target has; slow where fused multiply-add is not in hardware.
    Portable,
}

impl SimdPath {
    /// All paths, best first.
    pub const ALL: [SimdPath; 3] = [SimdPath::Avx512, SimdPath::Avx2, SimdPath::Portable];

    /// The best path of this processor.
    pub fn detect() -> Self {
        Self::ALL.into_iter().find(|p| p.is_available()).unwrap_or(SimdPath::Portable)
    }

    /// The paths that tests can run on this processor, best first, and a line that says which those are and which are
    /// missing: a processor that lacks one proves less. The variable `CURT_TEST_SIMD` leaves out those that it does not
    /// name: for emulators, where plain arithmetic takes hours.
    ///
    /// # Panics
    /// The variable leaves nothing to test.
    pub fn tested() -> (Vec<Self>, String) {
        let (mut run, lacks): (Vec<Self>, Vec<Self>) = Self::ALL.into_iter().partition(|path| path.is_available());
        let mut left_out = Vec::new();
        if let Ok(wanted) = std::env::var("CURT_TEST_SIMD") {
            (run, left_out) = run.into_iter().partition(|path| wanted.split(',').any(|name| name == path.name()));
            assert!(!run.is_empty(), "CURT_TEST_SIMD={wanted} names no instruction set of this processor");
        }
        let names = |paths: &[Self]| paths.iter().map(|path| path.name()).collect::<Vec<_>>().join(", ");
        let mut line = format!("instruction sets tested: {}", names(&run));
        for (why, paths) in [("not available", lacks), ("left out by CURT_TEST_SIMD", left_out)] {
            if !paths.is_empty() {
                line.push_str(&format!("; {why}, so NOT tested: {}", names(&paths)));
            }
        }
        (run, line)
    }

    /// Whether this processor has all that bodies are compiled for on this path.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && SimdPath::Avx2.is_available()
            }
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("bmi2")
            }
            #[cfg(not(target_arch = "x86_64"))]
            SimdPath::Avx512 | SimdPath::Avx2 => false,
            SimdPath::Portable => true,
        }
    }

    /// Its name in messages and benches.
    pub fn name(self) -> &'static str {
        match self {
            SimdPath::Avx512 => "avx512",
            SimdPath::Avx2 => "avx2",
            SimdPath::Portable => "portable",
        }
    }

    /// Runs `kernel` compiled for this path. The path must be available: [`crate::Cpu`] checks it once.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            // SAFETY: `Cpu::with_path` refuses a path whose features the processor lacks.
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx512 => unsafe { run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            SimdPath::Avx2 => unsafe { run_avx2(kernel) },
            _ => run_portable(kernel),
        }
    }
}

/// [`Kernel::run`] compiled for the plain target, once however many call it.
#[inline(never)]
pub(crate) fn run_portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// [`Kernel::run`] compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi2")]
pub(crate) fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// [`Kernel::run`] compiled for AVX2 with fused multiply-add.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi2")]
pub(crate) fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

/// `acc[i] += a * b[i]`, fused.
#[inline(always)]
pub fn fma(acc: &mut Lanes, a: f32, b: &Lanes) {
    for i in 0..LANES {
        acc[i] = a.mul_add(b[i], acc[i]);
    }
}

/// The sum of 16 lanes by the one tree that every backend uses: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
#[inline(always)]
pub fn sum(x: &Lanes) -> f32 {
    let mut t = *x;
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            t[i] += t[i + half];
        }
        half /= 2;
    }
    t[0]
}

/// The largest of 16 lanes.
#[inline(always)]
pub fn max(x: &Lanes) -> f32 {
    let mut t = *x;
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            t[i] = if t[i + half] > t[i] { t[i + half] } else { t[i] };
        }
        half /= 2;
    }
    t[0]
}

/// Lanes from the start of `x`; lanes past its end are `fill`.
#[inline(always)]
pub fn load(x: &[f32], fill: f32) -> Lanes {
    match x.first_chunk::<LANES>() {
        Some(full) => *full,
        None => {
            let mut t = [fill; LANES];
            t[..x.len()].copy_from_slice(x);
            t
        }
    }
}

/// Writes as many lanes as `x` has room for.
#[inline(always)]
pub fn store(x: &mut [f32], lanes: &Lanes) {
    match x.first_chunk_mut::<LANES>() {
        Some(full) => *full = *lanes,
        None => {
            let n = x.len();
            x.copy_from_slice(&lanes[..n]);
        }
    }
}
