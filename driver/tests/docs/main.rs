//! The pages in docs/ against the code: every op and pass has a page that agrees
//! with its definition, what a page names exists, and what an example shows is
//! what the compiler gives. And the imports between files, which go one way.

#[path = "../../../dialect/tests/common/absent.rs"]
mod absent;
mod circles;
mod code;
mod names;
mod operators;
mod ops;
mod ordinary;
mod page;
mod passes;
mod quick_starts;
mod tutorial;
