//! The last accesses to each word of memory.

use super::{Clocks, Stamp};
use crate::lanes::{WARP, lanes_of};

/// Bytes of a word; memory that is also accessed in smaller pieces is watched by the byte.
const WORD: usize = 4;

/// The last write, the last reads of two warps, and which lanes read.
type Cell = [u64; 4];

/// What was done to some memory.
///
/// For each word the last write and the readers since then of up to two warps are kept: of more readers that nothing orders,
/// some are forgotten, so a race with one of those can be missed. None is invented.
pub struct Shadow {
    cells: Vec<Cell>,
    granule: usize,
}

/// An access being checked.
#[derive(Clone, Copy)]
pub struct Touch {
    pub thread: usize,
    pub instruction: usize,
    pub writes: bool,
    pub is_atomic: bool,
}

/// An earlier access that nothing orders before this one.
#[derive(Clone, Copy, Debug)]
pub struct Conflict {
    pub stamp: Stamp,
    pub was_write: bool,
    /// First byte of the word.
    pub offset: usize,
}

impl Shadow {
    pub fn new(bytes: usize) -> Self {
        Shadow { cells: vec![[0; 4]; bytes.div_ceil(WORD)], granule: WORD }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cells.fill([0; 4]);
    }

    /// Checks an access against the ones before and takes note of it.
    #[inline(always)]
    pub fn touch(&mut self, clocks: &Clocks, at: usize, bytes: usize, touch: Touch) -> Result<(), Conflict> {
        if self.granule == WORD && (!at.is_multiple_of(WORD) || !bytes.is_multiple_of(WORD)) {
            self.refine();
        }
        let granule = self.granule;
        for i in at / granule..(at + bytes).div_ceil(granule) {
            let cell = &mut self.cells[i];
            let found = if touch.writes { write(cell, clocks, touch) } else { read(cell, clocks, touch) };
            found.map_err(|(stamp, was_write)| Conflict { stamp, was_write, offset: i * granule })?;
        }
        Ok(())
    }

    #[cold]
    fn refine(&mut self) {
        self.cells = self.cells.iter().flat_map(|cell| [*cell; WORD]).collect();
        self.granule = 1;
    }
}

#[inline(always)]
fn read(cell: &mut Cell, clocks: &Clocks, touch: Touch) -> Result<(), (Stamp, bool)> {
    let thread = touch.thread;
    let last = Stamp(cell[0]);
    if !(last.is_none() || clocks.is_ordered(last, thread) || last.is_atomic() && touch.is_atomic) {
        return Err((last, true));
    }
    let (warp, lane) = (thread / WARP * WARP, thread % WARP);
    let stamp = Stamp::new(clocks.now(thread), warp, touch.instruction, touch.is_atomic);
    if same_group(Stamp(cell[1]), stamp) {
        cell[1] = stamp.0;
        cell[3] |= 1 << lane;
        return Ok(());
    }
    note_reader(cell, clocks, stamp, thread);
    Ok(())
}

/// Whether two reads are of one warp at one time, so that one note with more lanes holds both.
#[inline(always)]
fn same_group(a: Stamp, b: Stamp) -> bool {
    a.0 >> 16 == b.0 >> 16
}

/// Replaces readers that happen before this one; of the others one is kept beside it.
fn note_reader(cell: &mut Cell, clocks: &Clocks, stamp: Stamp, thread: usize) {
    let lane = thread % WARP;
    let is_past = |stamp: Stamp, mask: u32| {
        stamp.is_none() || lanes_of(mask).all(|lane| clocks.is_known(stamp.time(), stamp.thread() + lane, thread))
    };
    let (first, second) = (cell[3] as u32, (cell[3] >> 32) as u32);
    if same_group(Stamp(cell[2]), stamp) {
        // The other note becomes the older one.
        *cell = [cell[0], stamp.0, cell[1], u64::from(second | 1 << lane) | u64::from(first) << 32];
    } else if is_past(Stamp(cell[1]), first) {
        let kept = if is_past(Stamp(cell[2]), second) { (0, 0) } else { (cell[2], second) };
        *cell = [cell[0], stamp.0, kept.0, 1 << lane | u64::from(kept.1) << 32];
    } else if is_past(Stamp(cell[2]), second) {
        *cell = [cell[0], stamp.0, cell[1], 1 << lane | u64::from(first) << 32];
    } else {
        *cell = [cell[0], stamp.0, cell[2], 1 << lane | u64::from(second) << 32];
    }
}

#[inline(always)]
fn write(cell: &mut Cell, clocks: &Clocks, touch: Touch) -> Result<(), (Stamp, bool)> {
    let thread = touch.thread;
    let last = Stamp(cell[0]);
    if !(last.is_none() || clocks.is_ordered(last, thread) || last.is_atomic() && touch.is_atomic) {
        return Err((last, true));
    }
    for (at, mask) in [(1, cell[3] as u32), (2, (cell[3] >> 32) as u32)] {
        let reader = Stamp(cell[at]);
        if reader.is_none() || (reader.is_atomic() && touch.is_atomic) {
            continue;
        }
        let other = lanes_of(mask).find(|lane| !clocks.is_known(reader.time(), reader.thread() + lane, thread));
        if let Some(lane) = other {
            let stamp = Stamp::new(reader.time(), reader.thread() + lane, reader.instruction(), reader.is_atomic());
            return Err((stamp, false));
        }
    }
    *cell = [Stamp::new(clocks.now(thread), thread, touch.instruction, touch.is_atomic).0, 0, 0, 0];
    Ok(())
}
