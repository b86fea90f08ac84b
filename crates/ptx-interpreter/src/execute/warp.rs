//! The state of a warp.

use super::copy::Copies;
use crate::lanes::{Lanes, WARP, lanes_of};
use crate::launch::Launch;
use crate::program::{Condition, MaskKind, Program, Special};

#[derive(Default)]
pub struct Warp {
    pub index: usize,
    pub registers: Vec<Lanes>,
    /// A bit for each lane.
    pub predicates: Vec<u32>,
    /// Where each lane is. Of a group that runs, the group's own counter holds.
    pub pcs: [usize; WARP],
    /// Lanes that have not exited; fewer than 32 from the start in the last warp of a block.
    pub live: u32,
    /// Lanes that wait at an instruction for others of the warp.
    pub parked: u32,
    /// The barrier of the block at which all live lanes wait.
    pub waits_at: Option<usize>,
    /// It last stopped because an mbarrier was not complete.
    pub spins: bool,
    pub copies: Vec<Copies>,
}

impl Warp {
    pub fn new(index: usize, program: &Program) -> Self {
        Warp {
            index,
            registers: vec![[u64::MAX; WARP]; program.n_registers],
            predicates: vec![0; program.n_predicates],
            pcs: [0; WARP],
            live: 0,
            parked: 0,
            waits_at: None,
            spins: false,
            copies: (0..WARP).map(|_| Copies::default()).collect(),
        }
    }

    /// Puts it at the start of a block.
    pub fn reset(&mut self, program: &Program, launch: &Launch, block: [u32; 3], n_threads: usize) {
        let n_lanes = (n_threads - self.index * WARP).min(WARP);
        self.live = u32::MAX >> (WARP - n_lanes);
        self.parked = 0;
        self.pcs = [0; WARP];
        self.waits_at = None;
        self.spins = false;
        self.copies.iter_mut().for_each(|copies| *copies = Copies::default());
        self.registers.iter_mut().for_each(|lanes| *lanes = [u64::MAX; WARP]);
        self.predicates.fill(0);
        self.predicates[crate::decode::TRUE] = u32::MAX;
        for (reg, value) in &program.constants {
            self.registers[*reg] = [*value; WARP];
        }
        for (reg, special) in &program.specials {
            self.registers[*reg] = self.special(*special, program, launch, block, n_threads);
        }
    }

    fn special(&self, special: Special, program: &Program, launch: &Launch, block: [u32; 3], n_threads: usize) -> Lanes {
        let [x, y, _] = launch.block.map(|n| n as usize);
        std::array::from_fn(|lane| {
            let thread = self.index * WARP + lane;
            let value = match special {
                Special::Thread(0) => thread % x,
                Special::Thread(1) => thread / x % y,
                Special::Thread(_) => thread / x / y,
                Special::BlockSize(axis) => launch.block[axis] as usize,
                Special::Block(axis) => block[axis] as usize,
                Special::GridSize(axis) => launch.grid[axis] as usize,
                Special::Lane => lane,
                Special::WarpIndex => self.index,
                Special::WarpCount => n_threads.div_ceil(WARP),
                Special::LaneMask(kind) => {
                    let equal = 1u32 << lane;
                    let less = equal - 1;
                    (match kind {
                        MaskKind::Equal => equal,
                        MaskKind::Less => less,
                        MaskKind::LessEqual => less | equal,
                        MaskKind::Greater => !(less | equal),
                        MaskKind::GreaterEqual => !less,
                    }) as usize
                }
                Special::DynamicSharedSize => launch.shared_bytes,
                Special::TotalSharedSize => program.dynamic_shared + launch.shared_bytes,
                Special::SmIndex | Special::GridIndex => 0,
                Special::SmCount => 1,
            };
            value as u64
        })
    }

    #[inline(always)]
    pub fn holds(&self, condition: Condition) -> u32 {
        let lanes = self.predicates[condition.predicate];
        if condition.is_negated { !lanes } else { lanes }
    }

    #[inline(always)]
    pub fn set_predicate(&mut self, predicate: usize, lanes: u32, mask: u32) {
        let old = self.predicates[predicate];
        self.predicates[predicate] = old & !mask | lanes & mask;
    }

    #[inline(always)]
    pub fn set(&mut self, d: usize, values: &Lanes, mask: u32) {
        if mask == u32::MAX {
            self.registers[d] = *values;
        } else {
            let out = &mut self.registers[d];
            lanes_of(mask).for_each(|lane| out[lane] = values[lane]);
        }
    }

    pub fn set_pcs(&mut self, lanes: u32, pc: usize) {
        lanes_of(lanes).for_each(|lane| self.pcs[lane] = pc);
    }

    /// Lanes that can go on, and where the lowest of them is.
    pub fn next_group(&self) -> Option<(u32, usize)> {
        let ready = self.live & !self.parked;
        let pc = lanes_of(ready).map(|lane| self.pcs[lane]).min()?;
        Some((self.lanes_at(ready, pc), pc))
    }

    /// Those of these lanes that are there.
    pub fn lanes_at(&self, lanes: u32, pc: usize) -> u32 {
        lanes_of(lanes).filter(|lane| self.pcs[*lane] == pc).fold(0, |mask, lane| mask | 1 << lane)
    }
}
