//! Cosines and sines of rotary positions on the device, grown when a longer sequence comes.

use curt_kernels::{DeviceError, Ops, Real};

use crate::config::ModelConfig;

/// Tables for positions `0 .. positions`.
#[derive(Debug)]
pub(crate) struct RopeTables<B: Ops> {
    positions: usize,
    pub cos: B::Buffer,
    pub sin: B::Buffer,
}

impl<B: Ops> RopeTables<B> {
    pub fn new(backend: &B) -> Result<Self, DeviceError> {
        Ok(Self { positions: 0, cos: backend.zeros(0)?, sin: backend.zeros(0)? })
    }

    /// Makes sure that `positions` positions are there. Values never change, so growing changes no result.
    pub fn ensure(&mut self, backend: &B, config: &ModelConfig, positions: usize) -> Result<(), DeviceError> {
        if positions <= self.positions {
            return Ok(());
        }
        let positions = positions.next_power_of_two().max(256);
        let (cos, sin) = config.rope.tables(config.head_dim, 0..positions);
        let upload = |host: Vec<f32>| {
            let host: Vec<B::Real> = host.into_iter().map(|x| B::Real::from_f64(f64::from(x))).collect();
            backend.upload(&host)
        };
        (self.cos, self.sin, self.positions) = (upload(cos)?, upload(sin)?, positions);
        Ok(())
    }
}
