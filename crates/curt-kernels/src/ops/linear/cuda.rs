//! Launches on a GPU; the arithmetic is that of `cpu.rs`, bit for bit.

use super::{Linear, LinearShape};
use crate::cuda::{Argument, Cuda, CudaBuffer, Kernel, Module, Parameter, reads, writes};
use crate::ops::check_len;
use crate::{Backend, DeviceError};

use Parameter::{Pointer, U32};

pub(crate) const MODULE: Module = Module {
    name: "linear",
    ptx: include_str!("../../../ptx/linear.ptx"),
    kernels: &[FORWARD, FORWARD_FEW, PRODUCT_OF_ROWS, PRODUCT_OF_COLUMNS, PACK, BACKWARD_BIAS],
};

const FORWARD: Kernel =
    Kernel { name: "linear_forward", threads: 128, parameters: &[Pointer, Pointer, Pointer, Pointer, U32, U32, U32, U32] };

/// [`FORWARD`] for few rows, with its bits.
const FORWARD_FEW: Kernel = Kernel { name: "linear_forward_few", threads: 256, ..FORWARD };

/// Most rows of [`FORWARD_FEW`], which are those of its block, and columns of its block: fixed by the kernel.
const FEW_ROWS: usize = 32;
const FEW_COLUMNS: usize = 16;

const PRODUCT: &[Parameter] = &[Pointer, Pointer, Pointer, U32, U32, U32, U32, U32, U32, U32];
const PRODUCT_OF_ROWS: Kernel = Kernel { name: "product_of_rows", threads: 128, parameters: PRODUCT };
const PRODUCT_OF_COLUMNS: Kernel = Kernel { name: "product_of_columns", threads: 128, parameters: PRODUCT };

const PACK: Kernel = Kernel { name: "linear_pack", threads: 256, parameters: &[Pointer, Pointer, U32, U32] };

const BACKWARD_BIAS: Kernel = Kernel { name: "linear_backward_bias", threads: 64, parameters: &[Pointer, Pointer, U32, U32] };

/// Rows and columns of a tile, and columns of a panel: fixed by the kernels.
pub(crate) const TILE: usize = 64;

/// Steps of the depth that one block packs.
const PACK_STEPS: usize = 32;

/// A weight \[n × k\] in panels: panel p holds output columns `64p .. 64p + 64` as \[k\]\[64\], zeros past n.
#[derive(Debug)]
pub struct CudaPanels {
    data: CudaBuffer,
    pub(crate) n: usize,
    pub(crate) k: usize,
}

impl CudaPanels {
    /// The address of a panel.
    pub(crate) fn pointer(&self, panel: usize) -> Argument {
        Argument::Pointer(self.data.pointer(panel * TILE * self.k))
    }
}

/// Some products of rows with the columns of a packed weight, without bias.
#[derive(Clone, Copy)]
pub(crate) struct PanelProduct<'a> {
    pub x: &'a CudaBuffer,
    /// First row of `x`.
    pub first_row: usize,
    pub rows: usize,
    pub weight: &'a CudaPanels,
    pub first_panel: usize,
    /// Output columns, from the first of the panel on.
    pub columns: usize,
    /// Distance of the output's rows.
    pub stride: usize,
}

/// `c` \[rows × columns\] = or += `a` · `b` \[depth × columns\]; the arguments are addresses and strides.
#[derive(Clone, Copy)]
pub(crate) struct CudaProduct {
    pub c: Argument,
    pub a: Argument,
    pub b: Argument,
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
    pub strides: [usize; 3],
    pub accumulate: bool,
    /// Whether `a` is \[depth × rows\] rather than \[rows × depth\].
    pub transposed: bool,
}

impl Cuda {
    /// The forward's product into `y`, which has room (`y` from its start, rows `stride` apart).
    pub(crate) fn panel_product(&self, y: &mut CudaBuffer, product: PanelProduct<'_>, bias: Option<&CudaBuffer>) {
        const OP: &str = "linear_forward";
        let PanelProduct { x, first_row, rows, weight, first_panel, columns, stride } = product;
        let x = Argument::Pointer(x.pointer(first_row * weight.k));
        let arrays = [writes(y), x, weight.pointer(first_panel), bias.map_or(Argument::NULL, reads)];
        let sizes = [rows, columns, weight.k, stride].map(|n| Argument::size(OP, n));
        let (kernel, tile) = if rows <= FEW_ROWS { (&FORWARD_FEW, (FEW_ROWS, FEW_COLUMNS)) } else { (&FORWARD, (TILE, TILE)) };
        let grid = [rows.div_ceil(tile.0) as u32, columns.div_ceil(tile.1) as u32, 1];
        self.launch(kernel, grid, &[arrays, sizes].concat());
    }

    /// A product of the backward.
    pub(crate) fn product(&self, product: CudaProduct) {
        let CudaProduct { c, a, b, rows, columns, depth, strides, accumulate, transposed } = product;
        let sizes = [rows, columns, depth, strides[0], strides[1], strides[2], usize::from(accumulate)];
        let sizes = sizes.map(|n| Argument::size("product", n));
        let kernel = if transposed { &PRODUCT_OF_COLUMNS } else { &PRODUCT_OF_ROWS };
        let grid = [rows.div_ceil(TILE) as u32, columns.div_ceil(TILE) as u32, 1];
        self.launch(kernel, grid, &[&[c, a, b][..], &sizes].concat());
    }
}

impl Linear for Cuda {
    type Packed = CudaPanels;

    fn packed(&self, n: usize, k: usize) -> Result<CudaPanels, DeviceError> {
        Ok(CudaPanels { data: self.zeros(n.div_ceil(TILE) * TILE * k)?, n, k })
    }

    fn pack(&self, packed: &mut CudaPanels, weight: &CudaBuffer) {
        let (n, k) = (packed.n, packed.k);
        check_len("pack", "weight", weight.len(), n * k);
        let sizes = [n, k].map(|n| Argument::size("pack", n));
        let grid = [n.div_ceil(TILE) as u32, k.div_ceil(PACK_STEPS) as u32, 1];
        self.launch(&PACK, grid, &[writes(&mut packed.data), reads(weight), sizes[0], sizes[1]]);
    }

    fn linear_forward(
        &self,
        y: &mut CudaBuffer,
        x: &CudaBuffer,
        weight: &CudaPanels,
        bias: Option<&CudaBuffer>,
        shape: LinearShape,
    ) {
        const OP: &str = "linear_forward";
        let LinearShape { rows, n, k } = shape;
        assert!(weight.n == n && weight.k == k, "{OP}: weight is {} x {}, not {n} x {k}", weight.n, weight.k);
        check_len(OP, "y", y.len(), rows * n);
        check_len(OP, "x", x.len(), rows * k);
        check_len(OP, "bias", bias.map_or(n, CudaBuffer::len), n);
        let product = PanelProduct { x, first_row: 0, rows, weight, first_panel: 0, columns: n, stride: n };
        self.panel_product(y, product, bias);
    }

    fn linear_backward_input(&self, dx: &mut CudaBuffer, dy: &CudaBuffer, weight: &CudaBuffer, shape: LinearShape) {
        const OP: &str = "linear_backward_input";
        let LinearShape { rows, n, k } = shape;
        check_len(OP, "dx", dx.len(), rows * k);
        check_len(OP, "dy", dy.len(), rows * n);
        check_len(OP, "weight", weight.len(), n * k);
        let (c, a, b) = (writes(dx), reads(dy), reads(weight));
        let strides = [n, k, k];
        self.product(CudaProduct { c, a, b, rows, columns: k, depth: n, strides, accumulate: false, transposed: false });
    }

    fn linear_backward_weight(
        &self,
        dweight: &mut CudaBuffer,
        dbias: Option<&mut CudaBuffer>,
        dy: &CudaBuffer,
        x: &CudaBuffer,
        shape: LinearShape,
    ) {
        const OP: &str = "linear_backward_weight";
        let LinearShape { rows, n, k } = shape;
        check_len(OP, "dweight", dweight.len(), n * k);
        check_len(OP, "dy", dy.len(), rows * n);
        check_len(OP, "x", x.len(), rows * k);
        let (c, a, b) = (writes(dweight), reads(dy), reads(x));
        let strides = [n, k, k];
        self.product(CudaProduct { c, a, b, rows: n, columns: k, depth: rows, strides, accumulate: true, transposed: true });
        if let Some(dbias) = dbias {
            check_len(OP, "dbias", dbias.len(), n);
            let sizes = [rows, n].map(|n| Argument::size(OP, n));
            let arguments = [writes(dbias), reads(dy), sizes[0], sizes[1]];
            self.launch(&BACKWARD_BIAS, [BACKWARD_BIAS.blocks_for(n), 1, 1], &arguments);
        }
    }
}
