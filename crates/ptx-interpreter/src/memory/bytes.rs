//! Bytes that know which of them were ever written.

/// What fresh memory holds: NaN as a float, a wild index as an integer.
const POISON: u8 = 0xff;

/// Memory of one allocation, of a block or of its threads.
#[derive(Debug, Default)]
pub struct Bytes {
    data: Vec<u8>,
    /// A bit for each byte.
    written: Vec<u64>,
}

impl Bytes {
    /// Poisoned bytes.
    pub fn new(size: usize) -> Self {
        Bytes { data: vec![POISON; size], written: vec![0; size.div_ceil(64)] }
    }

    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Up to 8 bytes as a number, lowest first.
    #[inline(always)]
    pub fn load(&self, at: usize, n: usize) -> u64 {
        match n {
            4 => u64::from(u32::from_le_bytes(self.data[at..at + 4].try_into().expect("four bytes"))),
            8 => u64::from_le_bytes(self.data[at..at + 8].try_into().expect("eight bytes")),
            _ => self.data[at..at + n].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)),
        }
    }

    #[inline(always)]
    pub fn store(&mut self, at: usize, n: usize, value: u64) {
        match n {
            4 => self.data[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes()),
            _ => self.data[at..at + n].copy_from_slice(&value.to_le_bytes()[..n]),
        }
        self.mark(at, n, true);
    }

    pub fn slice(&self, at: usize, n: usize) -> &[u8] {
        &self.data[at..at + n]
    }

    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.data[at..at + bytes.len()].copy_from_slice(bytes);
        self.mark(at, bytes.len(), true);
    }

    pub fn fill(&mut self, at: usize, n: usize, value: u8) {
        self.data[at..at + n].fill(value);
        self.mark(at, n, true);
    }

    /// As if these bytes had never been written.
    pub fn poison(&mut self, at: usize, n: usize) {
        self.data[at..at + n].fill(POISON);
        self.mark(at, n, false);
    }

    /// The first byte of these that was never written.
    #[inline(always)]
    pub fn first_unwritten(&self, at: usize, n: usize) -> Option<usize> {
        let (word, bit) = (at / 64, at % 64);
        if n <= 64 - bit {
            let mask = (u64::MAX >> (64 - n.max(1))) << bit;
            if n == 0 || self.written[word] & mask == mask {
                return None;
            }
        }
        (at..at + n).find(|i| self.written[i / 64] >> (i % 64) & 1 == 0)
    }

    fn mark(&mut self, at: usize, n: usize, is_written: bool) {
        let mut set = |word: usize, mask: u64| {
            if is_written {
                self.written[word] |= mask;
            } else {
                self.written[word] &= !mask;
            }
        };
        let (mut at, end) = (at, at + n);
        while at < end {
            let bit = at % 64;
            let n = (64 - bit).min(end - at);
            set(at / 64, (u64::MAX >> (64 - n)) << bit);
            at += n;
        }
    }

    /// Copies bytes together with whether they were written; the ranges may overlap.
    pub fn copy_within(&mut self, from: usize, to: usize, n: usize) {
        let part = self.part(from, n);
        self.put(to, &part);
    }

    /// A copy of these bytes.
    pub fn part(&self, at: usize, n: usize) -> Bytes {
        let mut part = Bytes::new(n);
        part.data.copy_from_slice(self.slice(at, n));
        for i in 0..n {
            if self.written[(at + i) / 64] >> ((at + i) % 64) & 1 == 1 {
                part.written[i / 64] |= 1 << (i % 64);
            }
        }
        part
    }

    /// Puts a copy back.
    pub fn put(&mut self, at: usize, part: &Bytes) {
        self.data[at..at + part.len()].copy_from_slice(&part.data);
        for i in 0..part.len() {
            let bit = part.written[i / 64] >> (i % 64) & 1;
            let word = &mut self.written[(at + i) / 64];
            *word = *word & !(1 << ((at + i) % 64)) | bit << ((at + i) % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_known_by_the_byte() {
        let mut bytes = Bytes::new(200);
        assert_eq!(bytes.load(4, 4), 0xffff_ffff);
        assert_eq!(bytes.first_unwritten(0, 200), Some(0));
        bytes.fill(0, 130, 7);
        assert_eq!(bytes.first_unwritten(0, 130), None);
        assert_eq!(bytes.first_unwritten(60, 100), Some(130));
        bytes.store(130, 2, 0x0102);
        assert_eq!(bytes.load(128, 4), 0x0102_0707);
        bytes.poison(62, 4);
        assert_eq!(bytes.first_unwritten(0, 130), Some(62));
        assert_eq!(bytes.first_unwritten(66, 64), None);
        bytes.copy_within(60, 100, 8);
        assert_eq!(bytes.first_unwritten(100, 8), Some(102));
        assert_eq!(bytes.first_unwritten(106, 8), None);
        assert_eq!(bytes.first_unwritten(200, 0), None);
    }
}
