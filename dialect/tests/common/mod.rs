//! What the tests share: MLIR text to programs, tensors, and the shared data.
#![allow(dead_code)] // every test binary uses its part

pub mod absent;

use std::{collections::HashMap, fs, path::Path};

use gauss_dialect::{
    interpreter::{Error, Parameters, Program, Tensor},
    ir::Op,
    shape::TensorType,
};
use melior::{
    Context,
    dialect::{DialectHandle, DialectRegistry},
    ir::Module,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use safetensors::{Dtype, SafeTensors};

/// A context that knows gauss, arith, cf and func.
pub fn context() -> Context {
    let registry = DialectRegistry::new();
    gauss_dialect::register(&registry);
    for handle in [DialectHandle::arith(), DialectHandle::cf(), DialectHandle::func()] {
        handle.insert_dialect(&registry);
    }
    let context = Context::new();
    context.append_dialect_registry(&registry);
    context.load_all_available_dialects();
    context
}

/// The function `main` of a module in MLIR text.
pub fn program(source: &str, parameters: &dyn Parameters) -> Result<Program, Error> {
    let context = context();
    let module = Module::parse(&context, source).expect("the module is valid");
    Program::of(Op::from_raw(module.as_operation().to_raw()), "main", parameters)
}

/// No parameters.
pub fn none(name: &str, _: &TensorType) -> Result<Tensor, String> {
    Err(format!("'{name}' has no value"))
}

/// Numbers in [-1, 1); with variances in [0, 1) for a Gaussian tensor.
pub fn random(shape: &[usize], gaussian: bool, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product();
    let mut numbers =
        |from: f64| -> Vec<f64> { (0..count).map(|_| rng.random_range(from..1.0)).collect() };
    let mean = numbers(-1.0);
    Tensor::new(shape.to_vec(), mean, gaussian.then(|| numbers(0.0)))
}

/// The tensors of a safetensors file, in double precision.
pub struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    pub fn open(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let tensors = file.iter().filter_map(|(name, view)| {
            let chunks = view.data().chunks_exact(view.dtype().bitsize() / 8);
            let values: Vec<f64> = match view.dtype() {
                Dtype::F32 => {
                    chunks.map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect()
                }
                Dtype::F64 => chunks.map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
                _ => return None,
            };
            Some((name.to_owned(), Tensor::deterministic(view.shape(), values)))
        });
        Self(tensors.collect())
    }

    /// The names that start so, sorted.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        let names = self.0.keys().filter_map(|name| name.strip_prefix(prefix));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// The tensor of exactly this name.
    pub fn plain(&self, name: &str) -> Option<Tensor> {
        self.0.get(name).cloned()
    }

    /// The tensor from `<name>.mean` and, where there is one, `<name>.var`.
    pub fn moments(&self, name: &str) -> Option<Tensor> {
        let mean = self.plain(&format!("{name}.mean"))?;
        let variance = self.plain(&format!("{name}.var")).map(|tensor| tensor.mean);
        Some(Tensor { variance, ..mean })
    }
}

/// Numbers that repeat nothing.
pub fn numbers(count: usize, seed: f64, low: f64, high: f64) -> Vec<f64> {
    (0..count).map(|n| low + (high - low) * ((n as f64 * 0.754_877 + seed).fract())).collect()
}

/// Gaussians with means from -1.5 to 1.5, and variances up to `spread`.
pub fn gaussian(shape: &[usize], seed: f64, spread: f64) -> Tensor {
    let count = shape.iter().product();
    Tensor::gaussian(
        shape,
        numbers(count, seed, -1.5, 1.5),
        numbers(count, seed + 0.3, 0.0, spread),
    )
}
