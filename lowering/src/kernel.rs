//! The kernel generator: loop nests on buffers to vector code.
//!
//! It takes `linalg.generic` ops on buffers and knows nothing of Gaussians: a
//! nest is loops, accesses and a scalar body. The steps, a module each:
//!
//! 1. [`nest`]: read what an op accesses and computes;
//! 2. [`group`]: join a reduction with what initialises it and with the
//!    elementwise nests on its result, so that these stay in registers;
//! 3. [`schedule`]: choose the vector dimension and the micro-tile;
//! 4. [`pack`]: put constants into the order in which the tile reads them;
//! 5. [`emit`]: write the loops.
//!
//! [`plan`] joins a group with its schedule and its packed [`constants`]; [`region`], [`strip`] and
//! [`layout`] say in which order and in which [`buffers`] the groups of a function are computed.
//! [`given`] reads the schedules that the model does not choose, those that were measured by the
//! [`shape`] of a kernel.
//! [`body`] says which values of a scalar body differ between rows and between
//! vectors of a tile.

pub mod body;
pub mod buffers;
pub mod constants;
pub mod emit;
pub mod given;
pub mod group;
pub mod layout;
pub mod nest;
pub mod pack;
pub mod plan;
pub mod region;
pub mod schedule;
pub mod shape;
pub mod strip;
pub mod tiling;
