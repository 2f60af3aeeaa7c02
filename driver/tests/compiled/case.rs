//! A function to compile, its inputs and what it must give.

use std::{collections::BTreeMap, fmt::Write};

use gauss_dialect::{
    interpreter::Tensor,
    ops::noise::Noise,
    parameters::{ParameterSource, ParameterTensor},
    shape::TensorType,
};
use gauss_lowering::target::Target;
use pfp_compiler::{
    compile::{Compiled, Network, Options},
    diagnostics::Source,
    jit::CompiledModel,
    module::Session,
};

/// Tensors by name, as a parameter file holds them.
#[derive(Debug, Default, Clone)]
pub struct Posterior(pub BTreeMap<String, ParameterTensor>);

impl Posterior {
    /// Adds a parameter; a Gaussian one as `<name>.mean` and `<name>.var`.
    pub fn insert(&mut self, name: &str, tensor: &Tensor) {
        let shape: Vec<_> = tensor.shape.iter().map(|&size| size as i64).collect();
        let mut put = |name: String, values: &[f64]| {
            let values = values.iter().map(|&value| value as f32).collect();
            self.0.insert(name, ParameterTensor { shape: shape.clone(), values });
        };
        match &tensor.variance {
            Some(variance) => {
                put(format!("{name}.mean"), &tensor.mean);
                put(format!("{name}.var"), variance);
            }
            None => put(name.to_owned(), &tensor.mean),
        }
    }
}

impl ParameterSource for Posterior {
    fn name(&self) -> &str {
        "the test's posterior"
    }

    fn tensors(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        Ok(self.0.get(name).cloned())
    }
}

/// One function with one result.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub module: String,
    pub posterior: Posterior,
    pub inputs: Vec<Tensor>,
    pub expected: Tensor,
}

/// An operand of a case's op: a function argument, or a parameter that is known
/// when the case is compiled.
#[derive(Debug, Clone)]
pub struct Operand {
    pub tensor: Tensor,
    pub parameter: bool,
}

impl Case {
    /// A function with a single op.
    pub fn of_op(
        name: &str,
        op: &str,
        attributes: &str,
        operands: &[Operand],
        expected: Tensor,
    ) -> Self {
        let mut case = Self {
            name: c_name(name),
            module: String::new(),
            posterior: Posterior::default(),
            inputs: vec![],
            expected,
        };
        let (mut arguments, mut parameters, mut names, mut types) =
            (vec![], String::new(), vec![], vec![]);
        for (number, operand) in operands.iter().enumerate() {
            let ty = operand.tensor.ty();
            if operand.parameter {
                let name = format!("p{number}");
                writeln!(parameters, "  %{name} = gauss.parameter \"{name}\" : {ty}").unwrap();
                case.posterior.insert(&name, &operand.tensor);
                names.push(format!("%{name}"));
            } else {
                arguments.push(format!("%a{number}: {ty}"));
                case.inputs.push(operand.tensor.clone());
                names.push(format!("%a{number}"));
            }
            types.push(ty.to_string());
        }
        let is_random = |operand: &Operand| operand.tensor.variance.is_some();
        let gaussian = Noise::NAMES.contains(&op) || operands.iter().any(is_random);
        let result = TensorType { gaussian, ..case.expected.ty() };
        case.module = format!(
            "func.func @{}({}) -> {result} {{\n{parameters}  %r = gauss.{op} {} {attributes} : ({}) -> {result}\n  \
             return %r : {result}\n}}\n",
            case.name,
            arguments.join(", "),
            names.join(", "),
            types.join(", ")
        );
        case
    }

    /// The object for a target.
    pub fn compile(&self, target: &Target) -> Compiled {
        self.compile_with(target, &Options::default())
    }

    /// The object for a target, with options.
    pub fn compile_with(&self, target: &Target, options: &Options) -> Compiled {
        compile_with(&self.module, Some(&self.posterior), None, target, options)
    }

    /// What the compiled function gives on this machine.
    pub fn run(&self) -> Tensor {
        self.run_on(&Target::host())
    }

    /// What code for a target gives that runs on this machine.
    pub fn run_on(&self, target: &Target) -> Tensor {
        let compiled = self.compile(target);
        let model = CompiledModel::new(&compiled).unwrap();
        let buffers = self.buffers();
        let slices: Vec<_> = buffers.iter().map(Vec::as_slice).collect();
        let outputs = model.run(&slices).unwrap();
        self.result(outputs)
    }

    /// The arguments of the C function.
    pub fn buffers(&self) -> Vec<Vec<f32>> {
        self.inputs.iter().flat_map(components).collect()
    }

    /// Output buffers as a tensor.
    pub fn result(&self, outputs: Vec<Vec<f32>>) -> Tensor {
        let mut outputs =
            outputs.into_iter().map(|values| values.into_iter().map(f64::from).collect());
        let mean = outputs.next().unwrap();
        Tensor::new(self.expected.shape.clone(), mean, outputs.next())
    }
}

/// This machine with the schedules of a core of 16 lanes and 32 vector registers. LLVM
/// makes several operations of one on a wider vector than the machine has.
pub fn sixteen_lanes() -> Target {
    let core = Target::core("x86-64-v4").unwrap();
    Target { name: "x86-64-v4".to_owned(), core, ..Target::host() }
}

/// Has this machine the fused multiply-add that [`sixteen_lanes`] asks for?
pub fn has_fma() -> bool {
    let has = Target::host().core.fma;
    if !has {
        crate::common::absent::skipped("this machine has no fused multiply-add");
    }
    has
}

/// A tensor's means, then its variances, in single precision.
pub fn components(tensor: &Tensor) -> Vec<Vec<f32>> {
    let single = |values: &Vec<f64>| values.iter().map(|&value| value as f32).collect();
    [Some(&tensor.mean), tensor.variance.as_ref()].into_iter().flatten().map(single).collect()
}

/// Compiles the only function of a module.
pub fn compile(
    module: &str,
    posterior: Option<&Posterior>,
    batch: Option<i64>,
    target: &Target,
) -> Compiled {
    compile_with(module, posterior, batch, target, &Options::default())
}

/// Compiles the only function of a module, with options.
pub fn compile_with(
    module: &str,
    posterior: Option<&Posterior>,
    batch: Option<i64>,
    target: &Target,
    options: &Options,
) -> Compiled {
    let session = Session::new();
    let source = Source::as_written("test.mlir", module);
    let parameters = posterior.filter(|posterior| !posterior.0.is_empty());
    let parameters = parameters.map(|posterior| posterior as &dyn ParameterSource);
    let parsed = session.parse(&source).unwrap();
    let compiled = Network::of_module(parsed, parameters, batch).and_then(|network| {
        let function = network.function(None)?;
        network.compile(function, target, options, &|_| {})
    });
    compiled.unwrap_or_else(|error| panic!("{error:?}\n{module}"))
}

fn c_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// How far a result may be from the reference.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Of the mean, in units of the reference's standard deviation.
    pub mean_of_sigma: f64,
    /// Of the mean, relative.
    pub mean: f64,
    /// Of the mean, absolute.
    pub mean_absolute: f64,
    /// Of the variance, relative.
    pub variance: f64,
    /// Of the variance, absolute.
    pub variance_absolute: f64,
}

impl Tolerance {
    /// At least this for the mean, absolute.
    pub fn max_absolute(self, mean: f64) -> Self {
        Self { mean_absolute: self.mean_absolute.max(mean), ..self }
    }
}

/// Checks every element; the message names the worst.
pub fn check(name: &str, actual: &Tensor, expected: &Tensor, tolerance: Tolerance) {
    assert_eq!(actual.shape, expected.shape, "{name}");
    let zeros = vec![0.0; expected.mean.len()];
    let variance = expected.variance.as_ref().unwrap_or(&zeros);
    for (index, (&mean, &reference)) in actual.mean.iter().zip(&expected.mean).enumerate() {
        let allowed = tolerance.mean_of_sigma * variance[index].sqrt()
            + tolerance.mean * reference.abs()
            + tolerance.mean_absolute;
        assert!(
            (mean - reference).abs() <= allowed,
            "{name}: mean {mean} at {index}, reference {reference} ± {}",
            variance[index].sqrt()
        );
    }
    for (index, (&v, &reference)) in
        actual.variance.as_ref().unwrap_or(&zeros).iter().zip(variance).enumerate()
    {
        assert!(v >= 0.0, "{name}: variance {v} at {index}");
        let allowed = tolerance.variance * reference + tolerance.variance_absolute;
        assert!(
            (v - reference).abs() <= allowed,
            "{name}: variance {v} at {index}, reference {reference}"
        );
    }
}
