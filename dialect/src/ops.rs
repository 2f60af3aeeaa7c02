//! The ops by family. An op of a family is a file with its formula and its attributes.

pub mod activation;
pub mod binary;
pub mod contraction;
pub mod embedding;
pub mod matmul;
pub mod movement;
pub mod pool;
pub mod reduction;
pub mod resize;
pub mod window;
