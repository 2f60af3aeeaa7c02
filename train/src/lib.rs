//! How a posterior is fitted to data.
//!
//! - [`gradient`]: a network as something whose loss has a gradient; [`compiled`]: as compiled code;
//! - [`data`]: items and targets; [`inputs`]: the numbers of items;
//! - [`settings`]: what a run is asked to do; [`schedule`]: what changes in its course;
//! - [`start`]: the first values; [`layout`]: where they lie and which are trained;
//! - [`objective`]: the gradient of an objective on a part of a batch; [`mod@divergence`]: from the prior;
//! - [`update`]: one step of an optimiser, with [`exponential`]s;
//! - [`fit`]: the epochs of a run, its [`state`], and [`checkpoint`]s of it;
//! - [`laplace`]: a posterior without training;
//! - [`random`]: draws that follow from the seed;
//! - [`agreement`]: moments beside draws of the weights;
//! - [`posterior`], [`report`]: what is written.
//!
//! The crate knows no command line.

pub mod agreement;
pub mod checkpoint;
pub mod compiled;
pub mod data;
pub mod divergence;
pub mod exponential;
pub mod fit;
pub mod gradient;
pub mod inputs;
pub mod laplace;
pub mod layout;
pub mod objective;
pub mod posterior;
pub mod random;
pub mod report;
pub mod schedule;
pub mod settings;
pub mod start;
pub mod state;
pub mod update;
