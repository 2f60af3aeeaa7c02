//! The programs as a user meets them: command lines in, files, text and exit
//! codes out.

#[path = "../../../dialect/tests/common/absent.rs"]
mod absent;
mod fixture;

mod adapt;
mod bench;
mod binary;
mod board;
mod branch_protection;
mod calibrate;
mod check;
mod compile;
mod covariance;
mod data;
mod demo;
mod diagnostics;
mod digits;
mod embedded;
mod eval;
mod files;
mod float_environment;
mod folders;
mod guard;
mod head;
mod help;
mod import;
mod inspect;
mod lsp;
mod modes;
mod names;
mod onnx;
mod onnx_posterior;
mod order;
mod outputs;
mod parallel;
mod report;
mod run;
mod schedule;
mod shared;
mod stack;
mod targets;
mod tools;
mod train;
mod tune;
