//! Runs and measures compiled networks on a board, and is spoken to over a pipe.
//!
//! - [`protocol`]: what is said over the pipe, which `pfp` speaks too;
//! - [`serve`]: the program at the other end;
//! - [`queue`]: one client measures at a time;
//! - [`worker`]: a process for each loaded network, which may crash alone;
//! - [`link`]: object files to code in memory;
//! - [`model`]: a loaded network, called and timed;
//! - [`crash`]: what a process tells of its own end;
//! - [`description`]: what a board is;
//! - [`conditions`], [`energy`], [`counters`]: what a board tells of clocks, heat, energy and events.

pub mod conditions;
pub mod counters;
pub mod crash;
pub mod description;
pub mod energy;
pub mod link;
pub mod measure;
pub mod model;
pub mod protocol;
pub mod queue;
pub mod serve;
pub mod sysfs;
pub mod worker;
