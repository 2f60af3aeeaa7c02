//! Compiled networks on boards, over ssh.
//!
//! - [`mod@file`]: boards.toml, which names the boards;
//! - [`agents`]: the agents that were built, and what a board calls its copy;
//! - [`ssh`]: commands on a board, and what ssh says where they fail;
//! - [`connection`]: a running agent, which is put there first where it is missing;
//! - [`identify`]: from what a board is to what code is made for;
//! - [`device`]: networks on a board;
//! - [`measure`]: many compiled functions, timed in turns.

pub mod agents;
pub mod connection;
pub mod device;
pub mod file;
pub mod identify;
pub mod measure;
pub mod ssh;
