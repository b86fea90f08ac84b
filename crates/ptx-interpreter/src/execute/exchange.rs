//! Shuffles, votes and other exchange between the lanes of a warp.
//!
//! A lane waits until all lanes that its mask names are at the same instruction. Lanes with different masks exchange apart.

use super::step::Flow;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::FaultKind;
use crate::lanes::{Lanes, WARP, lanes_of};
use crate::number::integer::unsigned;
use crate::program::{Pred, Reg, Shuffle, ShuffleMode, Vote, VoteKind};

/// What a lane gets from one that takes no part.
const UNDEFINED: u64 = 0xffff_ffff;

/// Sets of lanes that exchange now, and where the group goes after.
struct Gathered {
    sets: Vec<u32>,
    flow: Flow,
}

impl Machine<'_> {
    fn gather(&self, warp: &mut Warp, named: Reg, pc: usize, group: u32, mask: u32) -> Result<Gathered, Stop> {
        let masks = &warp.registers[named];
        let first = masks[mask.trailing_zeros() as usize & 31] as u32;
        let existing = self.existing_lanes(warp.index);
        if first & existing == mask && mask == group && lanes_of(mask).all(|lane| masks[lane] as u32 == first) {
            return Ok(Gathered { sets: vec![mask], flow: Flow::Next });
        }
        let masks = *masks;
        let here = mask | warp.lanes_at(warp.parked, pc);
        let mut sets = Vec::new();
        let (mut ready, mut rest) = (0, here);
        while rest != 0 {
            let lane = rest.trailing_zeros() as usize;
            let named = masks[lane] as u32 & existing;
            if named >> lane & 1 == 0 {
                return Err(Stop { kind: FaultKind::Operand(format!("mask {named:#010x} does not name the lane itself")), lane });
            }
            if named & !warp.live != 0 && self.options.check_exited {
                return Err(Stop { kind: FaultKind::DivergentExchange { named, missing: named & !warp.live }, lane });
            }
            let alike =
                lanes_of(here).filter(|other| masks[*other] as u32 & existing == named).fold(0, |set, lane| set | 1 << lane);
            if named & warp.live & !alike == 0 {
                let set = named & warp.live;
                sets.push(set);
                ready |= set;
            }
            rest &= !(alike | 1 << lane);
        }
        let others = warp.lanes_at(warp.parked, pc);
        warp.parked = warp.parked & !ready | here & !ready;
        warp.set_pcs(here & !ready, pc);
        let flow = if ready == mask && mask == group && others == 0 {
            Flow::Next
        } else {
            warp.set_pcs(ready | group & !mask, pc + 1);
            Flow::Regroup
        };
        Ok(Gathered { sets, flow })
    }

    pub fn warp_sync(&mut self, warp: &mut Warp, named: Reg, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        let gathered = self.gather(warp, named, pc, group, mask)?;
        for set in gathered.sets {
            self.clocks.warp_barrier(warp.index, set);
            self.progress += 1;
        }
        Ok(gathered.flow)
    }

    pub fn shuffle(&mut self, warp: &mut Warp, shuffle: &Shuffle, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        let gathered = self.gather(warp, shuffle.mask, pc, group, mask)?;
        for set in gathered.sets {
            let mut out: Lanes = [0; WARP];
            let mut in_range = 0;
            for lane in lanes_of(set) {
                let b = warp.registers[shuffle.b][lane] as u32;
                let c = warp.registers[shuffle.clamp][lane] as u32;
                let (from, is_in_range) = source(shuffle.mode, lane as u32, b, c);
                in_range |= u32::from(is_in_range) << lane;
                let takes_part = set >> from & 1 == 1;
                out[lane] = if takes_part { unsigned(warp.registers[shuffle.a][from as usize], 32) } else { UNDEFINED };
            }
            warp.set(shuffle.d, &out, set);
            if let Some(d) = shuffle.in_range {
                warp.set_predicate(d, in_range, set);
            }
        }
        Ok(gathered.flow)
    }

    pub fn vote(&mut self, warp: &mut Warp, vote: &Vote, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        let gathered = self.gather(warp, vote.mask, pc, group, mask)?;
        for set in gathered.sets {
            let yes = warp.holds(vote.a) & set;
            let truth = |holds: bool| if holds { u32::MAX } else { 0 };
            match vote.kind {
                VoteKind::All(d) => warp.set_predicate(d, truth(yes == set), set),
                VoteKind::Any(d) => warp.set_predicate(d, truth(yes != 0), set),
                VoteKind::Uniform(d) => warp.set_predicate(d, truth(yes == set || yes == 0), set),
                VoteKind::Ballot(d) => warp.set(d, &[u64::from(yes); WARP], set),
            }
        }
        Ok(gathered.flow)
    }

    /// `match.sync`: which lanes hold the same value, or whether all do.
    pub fn match_values(
        &mut self,
        warp: &mut Warp,
        (d, all, is_all, a): (Reg, Option<Pred>, bool, Reg),
        named: Reg,
        pc: usize,
        group: u32,
        mask: u32,
    ) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        let gathered = self.gather(warp, named, pc, group, mask)?;
        for set in gathered.sets {
            let values = warp.registers[a];
            let same =
                |lane: usize| lanes_of(set).filter(|other| values[*other] == values[lane]).fold(0u32, |m, other| m | 1 << other);
            let first = same(set.trailing_zeros() as usize);
            let out = std::array::from_fn(|lane| match (is_all, first == set) {
                (true, true) => u64::from(set),
                (true, false) => 0,
                _ => u64::from(same(lane)),
            });
            warp.set(d, &out, set);
            if let Some(all) = all {
                warp.set_predicate(all, if first == set { u32::MAX } else { 0 }, set);
            }
        }
        Ok(gathered.flow)
    }

    /// `redux.sync`: one operation over the values of all lanes.
    pub fn reduce(
        &mut self,
        warp: &mut Warp,
        (d, a, f): (Reg, Reg, fn(u64, u64) -> u64),
        named: Reg,
        pc: usize,
        group: u32,
        mask: u32,
    ) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        let gathered = self.gather(warp, named, pc, group, mask)?;
        for set in gathered.sets {
            let values = warp.registers[a];
            let reduced = lanes_of(set).map(|lane| unsigned(values[lane], 32)).reduce(f).unwrap_or(0);
            warp.set(d, &[reduced; WARP], set);
        }
        Ok(gathered.flow)
    }
}

/// The lane that a lane reads from, and whether that is inside its segment; if not, it reads itself.
fn source(mode: ShuffleMode, lane: u32, b: u32, c: u32) -> (u32, bool) {
    let (b, clamp, segments) = (b & 31, c & 31, c >> 8 & 31);
    let last = lane & segments | clamp & !segments;
    let first = lane & segments;
    let (from, is_in_range) = match mode {
        ShuffleMode::Up => (lane.wrapping_sub(b), lane as i32 - b as i32 >= last as i32),
        ShuffleMode::Down => (lane + b, lane + b <= last),
        ShuffleMode::Butterfly => (lane ^ b, lane ^ b <= last),
        ShuffleMode::Index => (first | b & !segments, (first | b & !segments) <= last),
    };
    if is_in_range { (from, true) } else { (lane, false) }
}
