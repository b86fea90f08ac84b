//! A warp, until it waits, ends or has run for long enough.
//!
//! Lanes that are at the same place run together; of several places the lowest comes first, so that lanes that took another
//! way catch up and join again.

use super::warp::Warp;
use super::{Machine, Stop};
use crate::decode::CARRY;
use crate::fault::FaultKind;
use crate::lanes::{WARP, lanes_of};
use crate::program::{Instruction, Op};

/// Instructions after which another warp gets its turn.
const SLICE: u64 = 1 << 16;

/// Where a group goes after an instruction.
pub enum Flow {
    Next,
    Jump(usize),
    /// Every lane's place is noted; another group may be lower now.
    Regroup,
    /// The warp waits for others.
    Wait,
}

impl Machine<'_> {
    /// # Errors
    /// The first fault; `self.at` is its instruction.
    pub fn run_warp(&mut self, warp: &mut Warp) -> Result<(), Stop> {
        let mut n_left = SLICE;
        while warp.live != 0 {
            match warp.next_group() {
                Some((group, pc)) => {
                    if self.run_group(warp, group, pc, &mut n_left)? {
                        break;
                    }
                }
                None => self.resume_parked(warp)?,
            }
        }
        Ok(())
    }

    /// Whether the warp has to stop for now.
    fn run_group(&mut self, warp: &mut Warp, group: u32, start: usize, n_left: &mut u64) -> Result<bool, Stop> {
        let program = self.kernel.program;
        let others = warp.live & !warp.parked & !group;
        let next_other = lanes_of(others).map(|lane| warp.pcs[lane]).min().unwrap_or(usize::MAX);
        let n_lanes = u64::from(group.count_ones());
        let mut pc = start;
        loop {
            let instruction = &program.code[pc];
            self.at = pc;
            self.counters.warp_instructions += 1;
            self.counters.instructions.add(instruction.class, n_lanes);
            let mask = instruction.guard.map_or(group, |guard| group & warp.holds(guard));
            match self.step(warp, instruction, pc, group, mask)? {
                Flow::Next => pc += 1,
                Flow::Jump(target) => pc = target,
                Flow::Regroup => return Ok(false),
                Flow::Wait => return Ok(true),
            }
            *n_left -= 1;
            if pc >= next_other || *n_left == 0 {
                warp.set_pcs(group, pc);
                return Ok(*n_left == 0);
            }
        }
    }

    /// `group` is here, `mask` of it takes part.
    #[inline(always)]
    fn step(&mut self, warp: &mut Warp, instruction: &Instruction, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        let mut out = [0; WARP];
        match &instruction.op {
            Op::Unary { d, a, f } => {
                f(&mut out, &warp.registers[*a]);
                warp.set(*d, &out, mask);
            }
            Op::Binary { d, a, b, f } => {
                f(&mut out, &warp.registers[*a], &warp.registers[*b]);
                warp.set(*d, &out, mask);
            }
            Op::Ternary { d, a, b, c, f } => {
                f(&mut out, &warp.registers[*a], &warp.registers[*b], &warp.registers[*c]);
                warp.set(*d, &out, mask);
            }
            Op::Quaternary { d, inputs: [a, b, c, e], f } => {
                let r = &warp.registers;
                f(&mut out, &r[*a], &r[*b], &r[*c], &r[*e]);
                warp.set(*d, &out, mask);
            }
            Op::Compare(compare) => {
                let holds = (compare.relation)(&warp.registers[compare.a], &warp.registers[compare.b]);
                let combined = |holds: u32| compare.combine.map_or(holds, |(f, c)| f(holds, warp.holds(c)));
                let (positive, negative) = (combined(holds), combined(!holds));
                if let Some(d) = compare.d {
                    warp.set_predicate(d, positive, mask);
                }
                if let Some(d) = compare.negated {
                    warp.set_predicate(d, negative, mask);
                }
            }
            Op::Choose { d, a, b, condition } => {
                let holds = warp.holds(*condition);
                let (a, b) = (&warp.registers[*a], &warp.registers[*b]);
                for lane in 0..WARP {
                    out[lane] = if holds >> lane & 1 == 1 { a[lane] } else { b[lane] };
                }
                warp.set(*d, &out, mask);
            }
            Op::Predicates { d, a, b, f } => warp.set_predicate(*d, f(warp.holds(*a), warp.holds(*b)), mask),
            Op::Load(load) => self.load(warp, load, mask)?,
            Op::Store(store) => self.store(warp, store, mask)?,
            Op::Branch { target } => return Ok(branch(warp, *target, pc, group, mask)),
            Op::Exit => return self.exit(warp, pc, group, mask),
            _ => return self.step_rare(warp, instruction, pc, group, mask),
        }
        Ok(Flow::Next)
    }

    fn step_rare(&mut self, warp: &mut Warp, instruction: &Instruction, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        match &instruction.op {
            Op::Carry(carry) => {
                let flags = if carry.reads { warp.predicates[CARRY] } else { 0 };
                let r = &warp.registers;
                let [a, b, c] = carry.inputs.map(|reg| r[reg]);
                let low = |value: u64| crate::number::integer::unsigned(value, carry.bits);
                let mut flags_out = 0;
                let out = std::array::from_fn(|lane| {
                    let flag = u64::from(flags >> lane & 1);
                    let (value, flag) = (carry.f)(low(a[lane]), low(b[lane]), low(c[lane]), flag, carry.bits);
                    flags_out |= u32::from(flag) << lane;
                    value
                });
                warp.set(carry.d, &out, mask);
                if carry.writes {
                    warp.set_predicate(CARRY, flags_out, mask);
                }
            }
            Op::Pack { d, parts, bits } => {
                let mut out = [0; WARP];
                for (i, part) in parts.iter().enumerate() {
                    for (out, value) in out.iter_mut().zip(&warp.registers[*part]) {
                        *out |= crate::number::integer::unsigned(*value, *bits) << (i as u32 * bits);
                    }
                }
                warp.set(*d, &out, mask);
            }
            Op::Unpack { parts, a, bits } => {
                let whole = warp.registers[*a];
                for (i, part) in parts.iter().enumerate() {
                    let out = whole.map(|value| crate::number::integer::unsigned(value >> (i as u32 * bits), *bits));
                    part.iter().for_each(|part| warp.set(*part, &out, mask));
                }
            }
            Op::Clock { d } => warp.set(*d, &[self.counters.warp_instructions; WARP], mask),
            Op::ActiveMask { d } => warp.set(*d, &[u64::from(mask); WARP], mask),
            Op::Atomic(atomic) => self.atomic(warp, atomic, mask)?,
            Op::BranchIndexed { index, targets } => return branch_indexed(warp, *index, targets, pc, group, mask),
            Op::Trap if mask != 0 => return Err(Stop { kind: FaultKind::Trap, lane: mask.trailing_zeros() as usize }),
            Op::Fence => lanes_of(mask).for_each(|lane| self.clocks.fence(warp.index * WARP + lane)),
            Op::Barrier(barrier) => return self.barrier(warp, barrier, pc, group, mask),
            Op::WarpSync { mask: named } => return self.warp_sync(warp, *named, pc, group, mask),
            Op::Shuffle(shuffle) => return self.shuffle(warp, shuffle, pc, group, mask),
            Op::Vote(vote) => return self.vote(warp, vote, pc, group, mask),
            Op::Match { d, all, is_all, a, mask: named } => {
                return self.match_values(warp, (*d, *all, *is_all, *a), *named, pc, group, mask);
            }
            Op::Reduce { d, a, mask: named, f } => return self.reduce(warp, (*d, *a, *f), *named, pc, group, mask),
            Op::CopyAsync(copy) => self.copy_async(warp, copy, mask)?,
            Op::CopyCommit => lanes_of(mask).for_each(|lane| warp.copies[lane].commit()),
            Op::CopyWait { pending } => self.copy_wait(warp, *pending, mask)?,
            Op::LoadMatrix(load) => return self.load_matrix(warp, load, pc, group, mask),
            Op::Multiply(multiply) => return self.multiply(warp, multiply, pc, group, mask),
            Op::Mbarrier(mbarrier) => return self.mbarrier(warp, mbarrier, pc, group, mask),
            _ => {}
        }
        Ok(Flow::Next)
    }

    fn exit(&mut self, warp: &mut Warp, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        warp.live &= !mask;
        self.n_exited += mask.count_ones() as usize;
        warp.set_pcs(group & !mask, pc + 1);
        self.progress += 1;
        Ok(Flow::Regroup)
    }
}

fn branch(warp: &mut Warp, target: usize, pc: usize, group: u32, mask: u32) -> Flow {
    if mask == group {
        Flow::Jump(target)
    } else if mask == 0 {
        Flow::Next
    } else {
        warp.set_pcs(mask, target);
        warp.set_pcs(group & !mask, pc + 1);
        Flow::Regroup
    }
}

fn branch_indexed(warp: &mut Warp, index: usize, targets: &[usize], pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
    warp.set_pcs(group & !mask, pc + 1);
    for lane in lanes_of(mask) {
        let i = warp.registers[index][lane] as usize;
        let out_of_range = || Stop { kind: FaultKind::Operand(format!("branch index {i} is out of range")), lane };
        warp.pcs[lane] = *targets.get(i).ok_or_else(out_of_range)?;
    }
    Ok(Flow::Regroup)
}
