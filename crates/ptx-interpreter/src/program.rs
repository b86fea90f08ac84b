//! The internal form of a kernel: instructions with resolved registers, addresses and targets.

use crate::lanes::{Binary, Quaternary, Relation, Ternary, Unary};
use crate::parse::Space;
use crate::scalar::Scalar;

/// Index of a register. Immediate values and special registers are registers that nothing writes.
pub type Reg = usize;
/// Index of a predicate.
pub type Pred = usize;

/// A predicate operand, maybe negated.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    pub predicate: Pred,
    pub is_negated: bool,
}

/// A kernel, ready to run.
pub struct Program {
    pub name: String,
    pub code: Vec<Instruction>,
    pub n_registers: usize,
    pub n_predicates: usize,
    /// Registers with a value of their own from the start.
    pub constants: Vec<(Reg, u64)>,
    pub specials: Vec<(Reg, Special)>,
    /// Size and offset of each parameter, in order.
    pub parameters: Vec<Parameter>,
    /// Bytes of static shared memory, from [`crate::memory::SHARED_START`].
    pub static_shared: usize,
    /// Where dynamic shared memory begins, relative to the start of shared memory.
    pub dynamic_shared: usize,
    /// Bytes of local memory of a thread.
    pub local: usize,
    pub max_threads: Option<u32>,
    pub required_block: Option<[u32; 3]>,
}

/// A kernel parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the PTX text.
    pub name: String,
    /// Of its first byte among the parameters.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// A register that the machine fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Special {
    Thread(usize),
    BlockSize(usize),
    Block(usize),
    GridSize(usize),
    Lane,
    WarpIndex,
    WarpCount,
    /// Lanes equal, below, below or equal, above, above or equal.
    LaneMask(MaskKind),
    DynamicSharedSize,
    TotalSharedSize,
    SmIndex,
    SmCount,
    GridIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskKind {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// An instruction.
pub struct Instruction {
    pub op: Op,
    pub guard: Option<Condition>,
    /// Line of the PTX text.
    pub line: u32,
    /// File and line of the source, by `.loc`.
    pub location: Option<(u32, u32)>,
    pub class: Class,
}

/// What an instruction is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Float,
    Double,
    Integer,
    Move,
    Convert,
    Special,
    Load,
    Store,
    Atomic,
    Control,
    Barrier,
    Exchange,
    Matrix,
    Copy,
}

/// Number of [`Class`]es.
pub const N_CLASSES: usize = 14;

/// An address operand: a register plus an offset.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    pub base: Reg,
    pub offset: i64,
}

pub enum Op {
    Unary {
        d: Reg,
        a: Reg,
        f: Unary,
    },
    Binary {
        d: Reg,
        a: Reg,
        b: Reg,
        f: Binary,
    },
    Ternary {
        d: Reg,
        a: Reg,
        b: Reg,
        c: Reg,
        f: Ternary,
    },
    Quaternary {
        d: Reg,
        inputs: [Reg; 4],
        f: Quaternary,
    },
    Compare(Box<Compare>),
    Choose {
        d: Reg,
        a: Reg,
        b: Reg,
        condition: Condition,
    },
    Predicates {
        d: Pred,
        a: Condition,
        b: Condition,
        f: Combine,
    },
    Carry(Box<Carry>),
    Pack {
        d: Reg,
        parts: Vec<Reg>,
        bits: u32,
    },
    Unpack {
        parts: Vec<Option<Reg>>,
        a: Reg,
        bits: u32,
    },
    Clock {
        d: Reg,
    },
    ActiveMask {
        d: Reg,
    },
    Load(Box<Load>),
    Store(Box<Store>),
    Atomic(Box<Atomic>),
    Branch {
        target: usize,
    },
    BranchIndexed {
        index: Reg,
        targets: Vec<usize>,
    },
    Exit,
    Trap,
    Barrier(Box<Barrier>),
    WarpSync {
        mask: Reg,
    },
    Shuffle(Box<Shuffle>),
    Vote(Box<Vote>),
    Match {
        d: Reg,
        all: Option<Pred>,
        is_all: bool,
        a: Reg,
        mask: Reg,
    },
    Reduce {
        d: Reg,
        a: Reg,
        mask: Reg,
        f: fn(u64, u64) -> u64,
    },
    /// Of whatever scope: all are taken for the device's.
    Fence,
    CopyAsync(Box<CopyAsync>),
    CopyCommit,
    /// Until at most this many groups are open; none: until nothing is, committed or not.
    CopyWait {
        pending: Option<usize>,
    },
    LoadMatrix(Box<LoadMatrix>),
    Multiply(Box<Multiply>),
    Mbarrier(Box<Mbarrier>),
    Nop,
}

/// A bitwise function of two predicates.
pub type Combine = fn(u32, u32) -> u32;

/// `setp`: `d = relation(a, b) combined with c`, `negated = !relation combined with c`.
pub struct Compare {
    pub d: Option<Pred>,
    pub negated: Option<Pred>,
    pub a: Reg,
    pub b: Reg,
    pub relation: Relation,
    pub combine: Option<(Combine, Condition)>,
}

/// Arithmetic with the carry flag, which is a predicate here: `f(a, b, c, carry) = (result, carry)`.
pub struct Carry {
    pub d: Reg,
    pub inputs: [Reg; 3],
    pub f: fn(u64, u64, u64, u64, u32) -> (u64, bool),
    pub bits: u32,
    pub reads: bool,
    pub writes: bool,
}

/// How an access orders others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// An ordinary access: races with others.
    Weak,
    /// Atomic, orders nothing.
    Relaxed,
    Acquire,
    Release,
    AcquireRelease,
}

impl Order {
    pub fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcquireRelease)
    }

    pub fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcquireRelease)
    }
}

pub struct Load {
    pub d: Vec<Option<Reg>>,
    pub address: Address,
    pub space: Space,
    pub scalar: Scalar,
    pub order: Order,
}

pub struct Store {
    pub values: Vec<Reg>,
    pub address: Address,
    pub space: Space,
    pub scalar: Scalar,
    pub order: Order,
}

/// `atom` and `red`: memory becomes `f(old, b, c)`.
pub struct Atomic {
    pub d: Option<Reg>,
    pub address: Address,
    pub space: Space,
    pub bytes: usize,
    pub b: Reg,
    pub c: Reg,
    pub f: Box<dyn Fn(u64, u64, u64) -> u64 + Send + Sync>,
    pub order: Order,
}

/// `bar` and `barrier`.
pub struct Barrier {
    pub id: Reg,
    /// Threads that take part; none: all of the block.
    pub count: Option<Reg>,
    pub waits: bool,
    pub reduction: Option<Reduction>,
}

/// `bar.red`.
pub struct Reduction {
    pub condition: Condition,
    pub kind: ReductionKind,
}

pub enum ReductionKind {
    Or(Pred),
    And(Pred),
    Count(Reg),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShuffleMode {
    Up,
    Down,
    Butterfly,
    Index,
}

pub struct Shuffle {
    pub mode: ShuffleMode,
    pub d: Reg,
    pub in_range: Option<Pred>,
    pub a: Reg,
    pub b: Reg,
    pub clamp: Reg,
    pub mask: Reg,
}

pub enum VoteKind {
    All(Pred),
    Any(Pred),
    Uniform(Pred),
    Ballot(Reg),
}

pub struct Vote {
    pub kind: VoteKind,
    pub a: Condition,
    pub mask: Reg,
}

/// `cp.async`: `bytes` to shared memory, of which only `source_bytes` are read and the rest are zero.
pub struct CopyAsync {
    pub to: Address,
    pub from: Address,
    pub bytes: usize,
    pub source_bytes: Option<Reg>,
    pub ignore_source: Option<Condition>,
}

pub struct LoadMatrix {
    pub d: Vec<Reg>,
    pub address: Address,
    pub space: Space,
    pub is_transposed: bool,
}

/// `mma.sync` with f32 accumulators; a and b hold bfloat16 or f16 pairs.
pub struct Multiply {
    pub d: Vec<Reg>,
    pub a: Vec<Reg>,
    pub b: Vec<Reg>,
    pub c: Vec<Reg>,
    pub k: usize,
    pub element: Scalar,
}

pub struct Mbarrier {
    pub address: Address,
    pub space: Space,
    pub action: MbarrierAction,
}

pub enum MbarrierAction {
    Init { count: Reg },
    Invalidate,
    Arrive { state: Option<Reg>, count: Reg },
    Test { d: Pred, state: Reg, is_parity: bool, blocks: bool },
}
