//! Runs pieces of PTX.
#![allow(dead_code)]

use ptx_interpreter::{Counters, FaultKind, Launch, LaunchError, Memory, Module, Options};

pub const HEAD: &str = ".version 8.7\n.target sm_80\n.address_size 64\n";

/// Numbers at the edges of 32 and 64 bits and some between.
pub const EDGES: [u64; 14] = [
    0,
    1,
    2,
    31,
    32,
    0x7f,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1234_5678_9abc_def0,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Floats of every kind.
pub const SINGLES: [f32; 18] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1.5,
    2.5,
    -2.5,
    0.1,
    3.4e38,
    -3.4e38,
    1.0e-38,
    1.0e-40,
    -1.0e-45,
    16_777_217.0,
    12_345.678,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Every pair of these.
pub fn pairs<T: Copy>(values: &[T]) -> Vec<[T; 2]> {
    values.iter().flat_map(|a| values.iter().map(|b| [*a, *b])).collect()
}

/// Runs `body` in one thread for each input. The inputs are `%a`, `%b`, `%c` (64 bits), their low halves `%ra`.. (32 bits)
/// and `%ha`.. (16 bits), the same bits as `%fa`.. (f32) and `%da`.. (f64). The result is what `body` leaves in `%d`.
pub fn run(body: &str, inputs: &[[u64; 3]]) -> Vec<u64> {
    let text = format!(
        "{HEAD}.visible .entry k(.param .u64 in, .param .u64 out) {{
        .reg .b64 %a, %b, %c, %d, %e, %t<6>; .reg .b32 %ra, %rb, %rc, %rd, %re, %s<3>; .reg .b16 %ha, %hb, %hc, %hd;
        .reg .f32 %fa, %fb, %fc, %fd; .reg .f64 %da, %db, %dc, %dd; .reg .pred %p, %q, %o;
        ld.param.u64 %t0, [in]; ld.param.u64 %t1, [out];
        mov.u32 %s0, %tid.x; mov.u32 %s1, %ctaid.x; mov.u32 %s2, %ntid.x; mad.lo.u32 %s0, %s1, %s2, %s0;
        mul.wide.u32 %t2, %s0, 24; add.u64 %t2, %t2, %t0; mul.wide.u32 %t3, %s0, 8; add.u64 %t3, %t3, %t1;
        ld.global.u64 %a, [%t2]; ld.global.u64 %b, [%t2+8]; ld.global.u64 %c, [%t2+16]; mov.u64 %d, 0;
        cvt.u32.u64 %ra, %a; cvt.u32.u64 %rb, %b; cvt.u32.u64 %rc, %c;
        cvt.u16.u64 %ha, %a; cvt.u16.u64 %hb, %b; cvt.u16.u64 %hc, %c;
        mov.b32 %fa, %ra; mov.b32 %fb, %rb; mov.b32 %fc, %rc;
        mov.b64 %da, %a; mov.b64 %db, %b; mov.b64 %dc, %c;
        {body}
        st.global.u64 [%t3], %d; ret; }}"
    );
    let mut memory = Memory::new();
    let module = Module::load(&mut memory, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let bytes: Vec<u8> = inputs.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    let input = memory.allocate(bytes.len()).unwrap();
    memory.write(input, &bytes).unwrap();
    let output = memory.allocate(8 * inputs.len()).unwrap();
    let arguments = vec![input.to_le_bytes().to_vec(), output.to_le_bytes().to_vec()];
    let (block, grid) = if inputs.len() <= 1024 { (inputs.len(), 1) } else { (1, inputs.len()) };
    let launch = Launch { grid: [grid as u32, 1, 1], block: [block as u32, 1, 1], shared_bytes: 0, arguments };
    let kernel = module.kernel("k").unwrap();
    kernel.launch(&mut memory, &launch, &Options::default()).unwrap_or_else(|error| panic!("{error}\n{body}"));
    read(&memory, output, inputs.len())
}

pub fn read(memory: &Memory, address: u64, n: usize) -> Vec<u64> {
    let mut bytes = vec![0; 8 * n];
    memory.read(address, &mut bytes).unwrap();
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap())).collect()
}

pub fn read_words(memory: &Memory, address: u64, n: usize) -> Vec<u32> {
    let mut bytes = vec![0; 4 * n];
    memory.read(address, &mut bytes).unwrap();
    bytes.chunks_exact(4).map(|chunk| u32::from_le_bytes(chunk.try_into().unwrap())).collect()
}

/// `op %rd, %ra, %rb` for all pairs of edges, against `expected`, both 32 bits.
pub fn check32(op: &str, expected: impl Fn(u32, u32) -> u32) {
    let inputs: Vec<[u64; 3]> = pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 0]).collect();
    let found = run(&format!("{op} %rd, %ra, %rb; cvt.u64.u32 %d, %rd;"), &inputs);
    for ([a, b, _], found) in inputs.iter().zip(found) {
        assert_eq!(found, u64::from(expected(*a as u32, *b as u32)), "{op} {:#x}, {:#x}", *a as u32, *b as u32);
    }
}

/// The same for 64 bits.
pub fn check64(op: &str, expected: impl Fn(u64, u64) -> u64) {
    let inputs: Vec<[u64; 3]> = pairs(&EDGES).iter().map(|[a, b]| [*a, *b, 0]).collect();
    let found = run(&format!("{op} %d, %a, %b;"), &inputs);
    for ([a, b, _], found) in inputs.iter().zip(found) {
        assert_eq!(found, expected(*a, *b), "{op} {a:#x}, {b:#x}");
    }
}

/// `body` leaves a result in `%fd`; the bits must be equal, and a NaN the canonical one.
pub fn check_single(body: &str, inputs: &[[f32; 3]], expected: impl Fn([f32; 3]) -> f32) {
    let bits: Vec<[u64; 3]> = inputs.iter().map(|input| input.map(|x| u64::from(x.to_bits()))).collect();
    let found = run(&format!("{body} mov.b32 %rd, %fd; cvt.u64.u32 %d, %rd;"), &bits);
    for (input, found) in inputs.iter().zip(found) {
        // an optimizer may take all NaNs for equal and drop the choice below, unless it cannot see where the number comes from
        let expected = std::hint::black_box(expected(*input));
        let bits = if expected.is_nan() { 0x7fff_ffff } else { expected.to_bits() };
        assert_eq!(found as u32, bits, "{body} of {input:?}: {} instead of {expected}", f32::from_bits(found as u32));
    }
}

/// `body` leaves a result in `%dd`; any NaN equals any.
pub fn check_double(body: &str, inputs: &[[f64; 3]], expected: impl Fn([f64; 3]) -> f64) {
    let bits: Vec<[u64; 3]> = inputs.iter().map(|input| input.map(f64::to_bits)).collect();
    let found = run(&format!("{body} mov.b64 %d, %dd;"), &bits);
    for (input, found) in inputs.iter().zip(found) {
        let (found, expected) = (f64::from_bits(found), expected(*input));
        let equal = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        assert!(equal, "{body} of {input:?}: {found:?} instead of {expected:?}");
    }
}

/// A kernel on buffers of 32-bit words; `k` gets their addresses.
pub struct Bench {
    pub memory: Memory,
    pub module: Module,
    pub buffers: Vec<(u64, usize)>,
    pub options: Options,
}

impl Bench {
    pub fn new(text: &str, buffers: &[&[u32]]) -> Self {
        let mut memory = Memory::new();
        let module = Module::load(&mut memory, &format!("{HEAD}{text}")).unwrap_or_else(|error| panic!("{error}"));
        let buffers = buffers.iter().map(|words| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let address = memory.allocate(bytes.len()).unwrap();
            memory.write(address, &bytes).unwrap();
            (address, words.len())
        });
        Bench { buffers: buffers.collect(), memory, module, options: Options::default() }
    }

    /// An unwritten buffer as a further argument.
    pub fn fresh(mut self, words: usize) -> Self {
        let address = self.memory.allocate(4 * words).unwrap();
        self.buffers.push((address, words));
        self
    }

    pub fn launch(&mut self, grid: u32, block: u32, shared_bytes: usize) -> Result<Counters, LaunchError> {
        let arguments = self.buffers.iter().map(|(address, _)| address.to_le_bytes().to_vec()).collect();
        let launch = Launch { grid: [grid, 1, 1], block: [block, 1, 1], shared_bytes, arguments };
        self.module.kernel("k").unwrap().launch(&mut self.memory, &launch, &self.options)
    }

    pub fn words(&self, buffer: usize) -> Vec<u32> {
        let (address, n) = self.buffers[buffer];
        read_words(&self.memory, address, n)
    }

    /// The fault that the launch must run into.
    pub fn fault(&mut self, grid: u32, block: u32, shared_bytes: usize) -> ptx_interpreter::Fault {
        match self.launch(grid, block, shared_bytes) {
            Err(LaunchError::Fault(fault)) => *fault,
            other => panic!("a fault was expected, not {other:?}"),
        }
    }

    pub fn fault_kind(&mut self, grid: u32, block: u32, shared_bytes: usize) -> FaultKind {
        self.fault(grid, block, shared_bytes).kind
    }
}
