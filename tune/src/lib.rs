//! Schedules by measuring.
//!
//! The analytic model of the kernel generator ranks the schedules of a kernel; it does not predict
//! cycles. Here the first of them are compiled and timed, in turn with the best that is known:
//!
//! 1. [`numbers`]: numbers of the core, such as the channels from which on Winograd's algorithm is used,
//!    by the time of whole calls;
//! 2. [`search`]: schedules of kernels, by the time of each kernel in a call. Every compilation has another
//!    candidate for every kernel, so that one of them tells about all;
//! 3. a [`correction`] of the model, fitted to what was measured so far, ranks what is left;
//! 4. what was found is measured once more against the model's choice, and kept where it holds.
//!
//! A [`Device`](pfp_evaluate::device::Device) is where functions are timed. What was measured goes to a
//! [`journal`], from which a search that was ended goes on.

mod compilers;
pub mod correction;
pub mod journal;
pub mod measure;
pub mod numbers;
pub mod ratio;
pub mod search;

pub use compilers::{Open, opener};
pub use search::{Progress, Report, Settings, Tuned, tune};
