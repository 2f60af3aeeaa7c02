//! Compiled networks on data: what they answer, and how good that is.
//!
//! - [`device`]: where compiled functions run; [`told`]: what a board tells of its calls;
//! - [`data`], [`batches`]: arrays in files, and models on many items;
//! - [`mod@reference`]: the float64 reference and Monte Carlo, and errors against them;
//! - [`answers`], [`halves`]: what logits say of items, and what the halves of many passes say of
//!   each other;
//! - [`metrics`]: measures of answers and scores;
//! - [`calibrate`]: variances, temperature and thresholds from held-out data;
//! - [`eval`]: what a network is worth on data;
//! - [`page`]: pages of HTML with plots; [`mod@report`]: an evaluation as one;
//! - [`measure`]: times of calls;
//! - [`watch`]: progress of long work.
//!
//! The crate knows no command line.

pub mod answers;
pub mod batches;
pub mod calibrate;
pub mod data;
pub mod device;
pub mod eval;
pub mod halves;
pub mod measure;
pub mod metrics;
pub mod page;
pub mod reference;
pub mod report;
pub mod told;
pub mod watch;
