//! What a launch did, in numbers that stand for cost on a GPU.

use std::ops::AddAssign;

use crate::program::{Class, N_CLASSES};

/// Instructions of threads by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    by_class: [u64; N_CLASSES],
}

impl Instructions {
    pub(crate) fn add(&mut self, class: Class, n: u64) {
        self.by_class[class as usize] += n;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_class.iter().sum()
    }

    /// Each kind with its number.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = [
            "float", "double", "integer", "move", "convert", "special", "load", "store", "atomic", "control", "barrier",
            "exchange", "matrix", "copy",
        ];
        names.into_iter().zip(self.by_class)
    }
}

/// Accesses of warps to one kind of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Instructions of warps.
    pub requests: u64,
    /// Bytes that threads asked for.
    pub bytes: u64,
    /// Sectors of 32 bytes that the requests touch. Sectors × 32 near bytes: coalesced.
    pub sectors: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.sectors += other.sectors;
    }
}

/// Counted over one launch. Copies by `cp.async` count as loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Blocks that ran.
    pub blocks: u64,
    /// Instructions of threads.
    pub instructions: Instructions,
    /// Instructions of warps.
    pub warp_instructions: u64,
    /// Reads of global memory.
    pub global_loads: Traffic,
    /// Writes and updates of global memory.
    pub global_stores: Traffic,
    /// Accesses of warps to shared memory.
    pub shared_requests: u64,
    /// Passes that these take, given 32 banks of 4 bytes: the requests, if no banks conflict and none is wider than 4 bytes.
    pub shared_passes: u64,
    /// Passes beyond what the width of the accesses needs.
    pub bank_conflicts: u64,
}

impl Counters {
    /// Every number with its name, the kinds of instructions as `instructions.KIND`.
    pub fn by_name(&self) -> Vec<(String, u64)> {
        let kinds = self.instructions.by_kind().map(|(kind, n)| (format!("instructions.{kind}"), n));
        let others = [
            ("blocks", self.blocks),
            ("warp_instructions", self.warp_instructions),
            ("global_loads.requests", self.global_loads.requests),
            ("global_loads.bytes", self.global_loads.bytes),
            ("global_loads.sectors", self.global_loads.sectors),
            ("global_stores.requests", self.global_stores.requests),
            ("global_stores.bytes", self.global_stores.bytes),
            ("global_stores.sectors", self.global_stores.sectors),
            ("shared_requests", self.shared_requests),
            ("shared_passes", self.shared_passes),
            ("bank_conflicts", self.bank_conflicts),
        ];
        kinds.chain(others.map(|(name, n)| (name.to_owned(), n))).collect()
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.blocks += other.blocks;
        for (sum, n) in self.instructions.by_class.iter_mut().zip(other.instructions.by_class) {
            *sum += n;
        }
        self.warp_instructions += other.warp_instructions;
        self.global_loads += other.global_loads;
        self.global_stores += other.global_stores;
        self.shared_requests += other.shared_requests;
        self.shared_passes += other.shared_passes;
        self.bank_conflicts += other.bank_conflicts;
    }
}

/// Sectors of 32 bytes that accesses of `bytes` at these addresses touch.
pub(crate) fn sectors(addresses: &[u64], bytes: usize) -> u64 {
    let sector = |address: &u64| address / 32;
    let ascending = addresses.is_sorted();
    let count = |addresses: &[u64]| {
        let mut last = u64::MAX;
        let mut n = 0;
        for address in addresses {
            let ends = [sector(address), sector(&(address + bytes as u64 - 1))];
            for found in ends {
                n += u64::from(found != last && (last == u64::MAX || found > last));
                last = if last == u64::MAX { found } else { last.max(found) };
            }
        }
        n
    };
    if ascending {
        return count(addresses);
    }
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    count(&sorted)
}

/// Passes over the banks for accesses of `bytes` at these offsets, and how many the width alone needs.
///
/// Accesses of 8 bytes are served half a warp at a time, of 16 bytes a quarter. Threads that want the same word share it.
pub(crate) fn passes(offsets: &[u64], bytes: usize) -> (u64, u64) {
    let words = bytes.div_ceil(4).clamp(1, 32);
    let mut total = 0;
    let mut needed = 0;
    for part in offsets.chunks(32 / words) {
        let mut wanted = [0; 32];
        let n = part.len() * words;
        for (wanted, offset) in wanted.chunks_mut(words).zip(part) {
            wanted.iter_mut().enumerate().for_each(|(i, word)| *word = offset / 4 + i as u64);
        }
        let wanted = &mut wanted[..n];
        if !wanted.is_sorted() {
            wanted.sort_unstable();
        }
        let mut per_bank = [0u8; 32];
        let mut last = u64::MAX;
        for word in wanted {
            per_bank[(*word % 32) as usize] += u8::from(*word != last);
            last = *word;
        }
        total += u64::from(per_bank.iter().max().copied().unwrap_or(0));
        needed += 1;
    }
    (total, needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_of_usual_patterns() {
        let of = |stride: u64| (0..32).map(|lane| 4096 + lane * stride).collect::<Vec<u64>>();
        assert_eq!(sectors(&of(4), 4), 4);
        assert_eq!(sectors(&of(0), 4), 1);
        assert_eq!(sectors(&of(32), 4), 32);
        assert_eq!(sectors(&of(16), 16), 16);
        let mut reversed = of(4);
        reversed.reverse();
        assert_eq!(sectors(&reversed, 4), 4);
    }

    #[test]
    fn passes_of_usual_patterns() {
        let of = |stride: u64| (0..32).map(|lane| lane * stride).collect::<Vec<u64>>();
        assert_eq!(passes(&of(4), 4), (1, 1));
        assert_eq!(passes(&of(0), 4), (1, 1));
        assert_eq!(passes(&of(8), 4), (2, 1));
        assert_eq!(passes(&of(128), 4), (32, 1));
        assert_eq!(passes(&of(132), 4), (1, 1));
        assert_eq!(passes(&of(16), 16), (4, 4));
        assert_eq!(passes(&of(1), 1), (1, 1));
    }
}
