//! The float64 reference interpreter and Monte Carlo.
//!
//! [`Program::of`] decodes a function of a module once, into plain Rust data
//! that any thread can evaluate:
//!
//! - [`Program::run`]: means and variances, by the algebra of [`crate::moments`]
//!   in double precision. What a compiled `moments` function must agree with.
//! - [`Program::trace`]: the same, with the output of every layer.
//! - [`Program::derivative`]: the same, with derivatives along a direction in inputs and parameters. What a compiled
//!   gradient must agree with.
//! - [`Program::sample`]: mean and variance of many forward passes, each with
//!   weights drawn from the posterior. What the moments approximate.
//! - [`Program::sample_trace`]: the same, and that of every layer.
//!
//! The interpreter shares nothing with the lowering but the dialect. It takes
//! functions of one block that hold gauss ops, `arith.constant` of dense `f32`
//! tensors, `func.call` and `func.return`.

mod decode;
mod derivative;
mod kernels;
mod monte_carlo;
mod predictions;
mod scalar;

pub use crate::moments::F64;
pub use decode::known;
pub use derivative::{Differentiated, ParameterSlopes};
pub use monte_carlo::{OnPass, Sampled, SampledTrace};
pub use scalar::Scalar;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    covariance::{Factor, Own},
    ir::{DYNAMIC, Op},
    layer::Layer,
    shape::TensorType,
};

/// A tensor of Gaussians, or of plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<V = f64> {
    /// The sizes.
    pub shape: Vec<usize>,
    /// The means, row-major.
    pub mean: Vec<V>,
    /// The variances in the same order; `None` for a deterministic tensor.
    pub variance: Option<Vec<V>>,
    /// What the elements of an item have in common, where that is known.
    pub dependence: Option<Box<Dependence<V>>>,
}

/// The covariances of N×D Gaussians, as [`crate::covariance`] has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence<V = f64> {
    /// What elements share.
    pub shared: Vec<Factor<Tensor<V>>>,
    /// What an element has for itself.
    pub own: Own<Tensor<V>>,
    /// The elements at each node of a mixture, (N·K)×D.
    pub rows: Option<Tensor<V>>,
    /// How many nodes there are, 1 where it is no mixture.
    pub nodes: i64,
}

impl<V> Tensor<V> {
    /// A tensor of independent Gaussians, or without variances of plain numbers.
    pub fn new(shape: Vec<usize>, mean: Vec<V>, variance: Option<Vec<V>>) -> Self {
        Self { shape, mean, variance, dependence: None }
    }

    /// A tensor without uncertainty.
    pub fn deterministic(shape: &[usize], values: Vec<V>) -> Self {
        Self::new(shape.to_vec(), values, None)
    }

    /// A tensor of Gaussians.
    pub fn gaussian(shape: &[usize], mean: Vec<V>, variance: Vec<V>) -> Self {
        Self::new(shape.to_vec(), mean, Some(variance))
    }

    /// The type of the tensor.
    pub fn ty(&self) -> TensorType {
        let shape = self.shape.iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX));
        let nodes = self.dependence.as_ref().map_or(0, |dependence| dependence.nodes);
        TensorType { nodes, ..TensorType::new(shape.collect(), self.variance.is_some()) }
    }

    /// Checks that there are as many numbers as the shape says.
    fn check_lengths(&self) -> Result<(), String> {
        let wrong = |values: &[V], name| {
            Err(format!("has shape {:?} but {} {name}", self.shape, values.len()))
        };
        match &self.variance {
            _ if !self.has_length(&self.mean) => wrong(&self.mean, "means"),
            Some(variances) if !self.has_length(variances) => wrong(variances, "variances"),
            _ => Ok(()),
        }
    }

    /// Is there one value for each element?
    fn has_length(&self, values: &[V]) -> bool {
        let elements = self.shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        elements == Some(values.len())
    }

    /// Checks that the tensor is of this type.
    fn check_type(&self, ty: &TensorType) -> Result<(), String> {
        self.check_shape(ty)?;
        match (self.variance.is_some(), ty.gaussian) {
            (true, false) => Err(format!("is {ty}, but has variances")),
            (false, true) => Err(format!("is {ty}, but has no variances")),
            _ if self.ty().nodes != ty.nodes => Err(format!("is {ty}, not {}", self.ty())),
            _ => Ok(()),
        }
    }

    /// Checks that the sizes are those of this type, with any batch for a dynamic one.
    fn check_shape(&self, ty: &TensorType) -> Result<(), String> {
        let actual = self.ty();
        let fits = actual.shape.len() == ty.shape.len()
            && actual.shape.iter().zip(&ty.shape).all(|(&actual, &declared)| {
                actual > 0 && (declared == DYNAMIC || declared == actual)
            });
        if fits { Ok(()) } else { Err(format!("is {ty}, not {actual}")) }
    }
}

impl Tensor {
    /// Checks that there are as many numbers as the shape says and that no
    /// variance is negative.
    fn check(&self) -> Result<(), String> {
        self.check_lengths()?;
        self.variance.as_deref().map_or(Ok(()), check_variances)
    }
}

/// Checks that no variance is negative or not a number.
fn check_variances<V: Scalar>(variances: &[V]) -> Result<(), String> {
    let is_bad = |variance: f64| variance.is_nan() || variance < 0.0;
    match variances.iter().position(|variance| is_bad(variance.value())) {
        Some(index) => Err(format!(
            "has variance {} at element {index}; it must not be negative",
            variances[index].value()
        )),
        None => Ok(()),
    }
}

/// Where the values of `gauss.parameter` come from.
pub trait Parameters {
    /// The tensor of this name, of exactly this type.
    ///
    /// # Errors
    ///
    /// Where there is none; the message continues the words `'gauss.parameter' op`.
    fn get(&self, name: &str, ty: &TensorType) -> Result<Tensor, String>;
}

impl<F: Fn(&str, &TensorType) -> Result<Tensor, String>> Parameters for F {
    fn get(&self, name: &str, ty: &TensorType) -> Result<Tensor, String> {
        self(name, ty)
    }
}

/// Why a program could not be decoded or evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The module has no function of this name.
    #[error("the module has no function '{0}'")]
    NoFunction(String),
    /// An op that the interpreter does not take, or operands that the op does not.
    #[error("{location}: '{op}' op {message}")]
    Op {
        /// Where the op stands in the source, such as `net.mlir:7:8`.
        location: String,
        /// The name of the op, such as `gauss.dense`.
        op: String,
        /// What is wrong; continues the words `'name' op`.
        message: String,
    },
    /// An input that does not fit the function.
    #[error("input {number} of '{function}' {message}")]
    Input {
        /// The name of the function.
        function: String,
        /// Which input, from 0.
        number: usize,
        /// What is wrong; continues the words `input 0 of 'function'`.
        message: String,
    },
    /// Too few or too many inputs.
    #[error("'{function}' takes {expected} input(s), got {actual}")]
    InputCount {
        /// The name of the function.
        function: String,
        /// How many inputs it takes.
        expected: usize,
        /// How many there were.
        actual: usize,
    },
    /// Slopes that do not fit what they are of.
    #[error("the slopes of {of} {message}")]
    Slopes {
        /// What they are of, such as `input 0 of 'main'` or `parameter 'fc.weight'`.
        of: String,
        /// What is wrong; continues the words `the slopes of input 0 of 'main'`.
        message: String,
    },
    /// An unbiased variance needs two samples.
    #[error("a variance needs 2 or more samples, got {0}")]
    Samples(u64),
}

/// What one layer computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// What the layer's parameters are named after, such as `conv1` for
    /// `conv1.weight`; without named parameters the op's name, such as `relu`.
    pub layer: String,
    /// The name of the op, such as `gauss.conv2d`.
    pub op: String,
    /// Where the op stands in the source.
    pub location: String,
    /// Its result.
    pub output: Tensor,
}

/// A decoded function and the functions that it calls. Holds no MLIR handles.
#[derive(Debug, Clone)]
pub struct Program {
    /// Callees before callers; the last is the entry.
    functions: Vec<Function>,
    /// The values of parameters and constants. A parameter that is named twice is here once.
    constants: Vec<Arc<Tensor>>,
    /// The names of the constants that are parameters, by their numbers.
    parameters: BTreeMap<usize, String>,
}

#[derive(Debug, Clone)]
struct Function {
    name: String,
    inputs: Vec<TensorType>,
    outputs: Vec<TensorType>,
    steps: Vec<Step>,
    /// The slots that are returned.
    returns: Vec<usize>,
    /// How many values the function has; the inputs are the first.
    slots: usize,
}

/// One op. Values are slots of the function's frame.
#[derive(Debug, Clone)]
struct Step {
    action: Action,
    operands: Vec<usize>,
    /// The slot of the first result; the others follow.
    result: usize,
    /// The operands that no later step reads.
    dead: Vec<usize>,
    /// Does it compute covariances of the elements of windows, and nothing else?
    is_aside: bool,
    place: Place,
}

/// What messages and traces say about an op.
#[derive(Debug, Clone)]
struct Place {
    layer: String,
    op: String,
    location: String,
}

impl Place {
    fn error(&self, message: impl Into<String>) -> Error {
        let Self { op, location, .. } = self.clone();
        Error::Op { location, op, message: message.into() }
    }
}

#[derive(Debug, Clone)]
enum Action {
    /// Reads one of the program's constants.
    Constant(usize),
    /// Calls one of the program's functions.
    Call(usize),
    /// Reshapes to this type.
    Reshape(TensorType),
    /// Any other op of the dialect.
    Layer(Layer),
}

impl Program {
    /// Decodes a function of a module, and what it calls.
    ///
    /// # Errors
    ///
    /// Where there is no such function, it has control flow or recursion, holds
    /// an op that the interpreter does not know, or a parameter has no value.
    pub fn of(module: Op, function: &str, parameters: &dyn Parameters) -> Result<Self, Error> {
        decode::program(module, function, parameters)
    }

    /// The types of the inputs.
    pub fn inputs(&self) -> &[TensorType] {
        self.functions.last().map_or(&[], |entry| &entry.inputs)
    }

    /// The types of the outputs.
    pub fn outputs(&self) -> &[TensorType] {
        self.functions.last().map_or(&[], |entry| &entry.outputs)
    }

    /// The names and values of the parameters, each once.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.parameters.iter().map(|(&number, name)| (&name[..], &*self.constants[number]))
    }

    /// Means and variances of the outputs: the reference.
    ///
    /// Every intermediate tensor is held for the whole batch until its last use.
    ///
    /// # Errors
    ///
    /// Where the inputs do not fit the function, or a tensor would have more
    /// than [`MAX_ELEMENTS`](crate::ir::MAX_ELEMENTS) elements.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Error> {
        Ok(owned(self.evaluate(self.share(inputs)?, &self.constants, &mut Algebra)?))
    }

    /// The results of all layers in the order of execution, those of called
    /// functions included. Parameters and constants are not listed, nor is what computes covariances of the
    /// elements of windows and nothing else.
    ///
    /// # Errors
    ///
    /// As [`Program::run`].
    pub fn trace(&self, inputs: &[Tensor]) -> Result<Vec<Traced>, Error> {
        let mut tracer = Tracer::default();
        self.evaluate(self.share(inputs)?, &self.constants, &mut tracer)?;
        let traced = tracer.0.into_iter().map(|(place, output)| Traced {
            layer: place.layer,
            op: place.op,
            location: place.location,
            output: Arc::unwrap_or_clone(output),
        });
        Ok(traced.collect())
    }

    /// The inputs, checked.
    fn share(&self, inputs: &[Tensor]) -> Result<Vec<Arc<Tensor>>, Error> {
        self.check_inputs(inputs)?;
        Ok(inputs.iter().cloned().map(Arc::new).collect())
    }

    fn check_inputs(&self, inputs: &[Tensor]) -> Result<(), Error> {
        let Some(entry) = self.functions.last() else { return Ok(()) };
        if inputs.len() != entry.inputs.len() {
            return Err(Error::InputCount {
                function: entry.name.clone(),
                expected: entry.inputs.len(),
                actual: inputs.len(),
            });
        }
        for (number, (tensor, ty)) in inputs.iter().zip(&entry.inputs).enumerate() {
            tensor.check().and_then(|()| tensor.check_type(ty)).map_err(|message| {
                Error::Input { function: entry.name.clone(), number, message }
            })?;
        }
        Ok(())
    }

    /// Evaluates the entry with these values of the constants.
    fn evaluate<V: Scalar>(
        &self,
        inputs: Vec<Arc<Tensor<V>>>,
        constants: &[Arc<Tensor<V>>],
        semantics: &mut dyn Semantics<V>,
    ) -> Result<Vec<Arc<Tensor<V>>>, Error> {
        let mut evaluation = Evaluation { functions: &self.functions, constants, semantics };
        match self.functions.last() {
            Some(entry) => evaluation.call(entry, inputs),
            None => Ok(Vec::new()),
        }
    }
}

fn owned<V: Scalar>(tensors: Vec<Arc<Tensor<V>>>) -> Vec<Tensor<V>> {
    tensors.into_iter().map(Arc::unwrap_or_clone).collect()
}

/// What the layers mean: maps of moments, or of numbers drawn.
trait Semantics<V: Scalar> {
    /// The result of a layer that is not a reshape.
    fn apply(&mut self, layer: &Layer, operands: &[&Tensor<V>]) -> Result<Tensor<V>, String> {
        kernels::apply(layer, operands)
    }

    /// Are there covariances? Ops that compute nothing else are left out where not.
    fn has_covariances(&self) -> bool {
        true
    }

    /// Is told of the result of every layer.
    fn observe(&mut self, _place: &Place, _result: &Arc<Tensor<V>>) {}
}

/// Maps of moments.
struct Algebra;

impl<V: Scalar> Semantics<V> for Algebra {}

/// Maps of moments, recorded.
#[derive(Default)]
struct Tracer(Vec<(Place, Arc<Tensor>)>);

impl Semantics<f64> for Tracer {
    fn observe(&mut self, place: &Place, result: &Arc<Tensor>) {
        self.0.push((place.clone(), result.clone()));
    }
}

/// What the evaluation of a function needs to know.
struct Evaluation<'a, V> {
    functions: &'a [Function],
    constants: &'a [Arc<Tensor<V>>],
    semantics: &'a mut dyn Semantics<V>,
}

impl<V: Scalar> Evaluation<'_, V> {
    fn call(
        &mut self,
        function: &Function,
        inputs: Vec<Arc<Tensor<V>>>,
    ) -> Result<Vec<Arc<Tensor<V>>>, Error> {
        let mut values: Vec<Option<Arc<Tensor<V>>>> = inputs.into_iter().map(Some).collect();
        values.resize(function.slots, None);
        for step in &function.steps {
            // Decoding has checked that every operand is defined before its use.
            let operands: Vec<_> =
                step.operands.iter().filter_map(|&slot| values[slot].clone()).collect();
            for &slot in &step.dead {
                values[slot] = None;
            }
            if step.is_aside && !self.semantics.has_covariances() {
                continue;
            }
            let results = self.step(step, operands)?;
            for (number, result) in results.into_iter().enumerate() {
                values[step.result + number] = Some(result);
            }
        }
        Ok(function.returns.iter().filter_map(|&slot| values[slot].clone()).collect())
    }

    fn step(
        &mut self,
        step: &Step,
        operands: Vec<Arc<Tensor<V>>>,
    ) -> Result<Vec<Arc<Tensor<V>>>, Error> {
        let result = match &step.action {
            Action::Constant(index) => return Ok(vec![self.constants[*index].clone()]),
            Action::Call(index) => {
                let callee = &self.functions[*index];
                for (operand, ty) in operands.iter().zip(&callee.inputs) {
                    operand.check_shape(ty).map_err(|message| {
                        let text = format!("passes a tensor to '{}' that {message}", callee.name);
                        step.place.error(text)
                    })?;
                }
                return self.call(callee, operands);
            }
            Action::Reshape(ty) => reshape(operands, ty),
            Action::Layer(layer) => {
                let operands: Vec<_> = operands.iter().map(Arc::as_ref).collect();
                self.semantics.apply(layer, &operands)
            }
        };
        let result = Arc::new(result.map_err(|message| step.place.error(message))?);
        if !step.is_aside {
            self.semantics.observe(&step.place, &result);
        }
        Ok(vec![result])
    }
}

/// `gauss.reshape`; a dynamic batch is that of the input.
fn reshape<V: Scalar>(
    mut operands: Vec<Arc<Tensor<V>>>,
    ty: &TensorType,
) -> Result<Tensor<V>, String> {
    let input = operands.pop().map(Arc::unwrap_or_clone).ok_or("has no operand")?;
    let from = input.ty();
    let batch = input.shape.first().copied().unwrap_or(1);
    let shape = ty.shape.iter().map(|&size| match size {
        DYNAMIC => batch,
        size => usize::try_from(size).unwrap_or(0),
    });
    let result = Tensor { shape: shape.collect(), ..input };
    match result.has_length(&result.mean) {
        true => Ok(result),
        false => Err(format!("turns {from} into {ty}, which has not the same elements")),
    }
}
