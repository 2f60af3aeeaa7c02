//! The ops by family. An op of a family is a file with its formula and its attributes.

pub mod activation;
pub mod attention;
pub mod binary;
pub mod blend;
pub mod build;
pub mod composite;
pub mod contraction;
pub mod embedding;
pub mod matmul;
pub mod mixture;
pub mod movement;
pub mod noise;
pub mod norm;
pub mod pool;
pub mod recurrent;
pub mod reduction;
pub mod resize;
pub mod weights;
pub mod window;
