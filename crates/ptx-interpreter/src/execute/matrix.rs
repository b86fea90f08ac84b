//! `ldmatrix` and `mma.sync`. Lane = 4 × group + member, as the manual's figures have it.

use super::access::Place;
use super::step::Flow;
use super::warp::Warp;
use super::{Machine, Stop};
use crate::fault::FaultKind;
use crate::lanes::{Lanes, WARP};
use crate::memory::Access;
use crate::number::float::{of_single, single};
use crate::number::half::format;
use crate::parse::Space;
use crate::program::{LoadMatrix, Multiply};

/// Bytes of a row of 8 elements.
const ROW: usize = 16;

impl Machine<'_> {
    /// Matrices of 8 rows: the address of row r of matrix m comes from lane 8 m + r.
    pub fn load_matrix(&mut self, warp: &mut Warp, load: &LoadMatrix, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        if !self.is_complete(warp, pc, group, mask)? {
            return Ok(Flow::Regroup);
        }
        let mut out = [[0; WARP]; 4];
        for (m, out) in out.iter_mut().enumerate().take(load.d.len()) {
            let mut rows = [[0u64; 8]; 8];
            for (r, row) in rows.iter_mut().enumerate() {
                let lane = 8 * m + r;
                let at = self.row_place(warp, load, lane)?;
                *row = std::array::from_fn(|column| self.shared.load(at + 2 * column, 2));
            }
            *out = fragment(&rows, load.is_transposed);
        }
        if self.options.count_traffic {
            let n_rows = 8 * load.d.len() as u32;
            self.count(warp, load.space, load.address, ROW, u32::MAX >> (WARP as u32 - n_rows), false);
        }
        for (d, values) in load.d.iter().zip(&out) {
            warp.set(*d, values, u32::MAX);
        }
        warp.set_pcs(u32::MAX, pc + 1);
        Ok(Flow::Regroup)
    }

    fn row_place(&mut self, warp: &Warp, load: &LoadMatrix, lane: usize) -> Result<usize, Stop> {
        let thread = warp.index * WARP + lane;
        let address = self.address(warp, load.address, lane);
        let failed = |error| Stop { kind: FaultKind::Memory { access: Access::Read, error }, lane };
        let place = self.place(load.space, address, ROW, thread).map_err(failed)?;
        let Place::Shared(at) = place else {
            let what = format!("{address:#x} is no address of shared memory");
            return Err(Stop { kind: FaultKind::Operand(what), lane });
        };
        debug_assert!(matches!(load.space, Space::Shared | Space::Generic));
        self.check_written(warp, place, ROW).map_err(failed)?;
        self.touch(place, ROW, thread, Access::Read, false).map_err(|kind| Stop { kind, lane })?;
        Ok(at)
    }

    /// Whether all 32 lanes are here; such instructions are undefined for fewer.
    fn is_complete(&self, warp: &mut Warp, pc: usize, group: u32, mask: u32) -> Result<bool, Stop> {
        if warp.live != u32::MAX {
            let kind = FaultKind::DivergentExchange { named: u32::MAX, missing: !warp.live };
            return Err(Stop { kind, lane: mask.trailing_zeros() as usize });
        }
        Ok(self.has_whole_warp(warp, pc, group, mask))
    }

    /// d = a · b + c with 16 × k elements of a, k × 8 of b: the products are summed exactly and rounded once.
    pub fn multiply(&mut self, warp: &mut Warp, multiply: &Multiply, pc: usize, group: u32, mask: u32) -> Result<Flow, Stop> {
        if mask == 0 {
            return Ok(Flow::Next);
        }
        if !self.is_complete(warp, pc, group, mask)? {
            return Ok(Flow::Regroup);
        }
        let format = format(multiply.element).expect("decoded for 16-bit elements");
        let half = |reg: usize, lane: usize, i: usize| format.to_double((warp.registers[reg][lane] >> (16 * i)) as u16);
        let (mut a, mut b) = ([[0.0; 16]; 16], [[0.0; 16]; 8]);
        for lane in 0..WARP {
            let (group, member) = (lane / 4, lane % 4);
            for (j, reg) in multiply.a.iter().enumerate() {
                let (row, column) = (group + 8 * (j % 2), 2 * member + 8 * (j / 2));
                a[row][column] = half(*reg, lane, 0);
                a[row][column + 1] = half(*reg, lane, 1);
            }
            for (j, reg) in multiply.b.iter().enumerate() {
                let k = 2 * member + 8 * j;
                b[group][k] = half(*reg, lane, 0);
                b[group][k + 1] = half(*reg, lane, 1);
            }
        }
        let mut out = [[0; WARP]; 4];
        for (j, out) in out.iter_mut().enumerate() {
            for (lane, out) in out.iter_mut().enumerate() {
                let (row, column) = (lane / 4 + 8 * (j / 2), 2 * (lane % 4) + j % 2);
                let c = f64::from(single(warp.registers[multiply.c[j]][lane]));
                let sum = a[row].iter().zip(&b[column]).take(multiply.k).fold(c, |sum, (a, b)| sum + a * b);
                *out = of_single(sum as f32);
            }
        }
        for (d, values) in multiply.d.iter().zip(&out) {
            warp.set(*d, values, u32::MAX);
        }
        warp.set_pcs(u32::MAX, pc + 1);
        Ok(Flow::Regroup)
    }
}

/// The two elements of each lane: of row `group`, columns 2 × member and the next; of the transpose alike.
fn fragment(rows: &[[u64; 8]; 8], is_transposed: bool) -> Lanes {
    std::array::from_fn(|lane| {
        let (group, first) = (lane / 4, 2 * (lane % 4));
        if is_transposed {
            rows[first][group] | rows[first + 1][group] << 16
        } else {
            rows[group][first] | rows[group][first + 1] << 16
        }
    })
}
