//! Derivatives along a direction, by the kernels on numbers that have them beside themselves.

use std::sync::Arc;

use super::{Error, Program, Semantics, Tensor, kernels, owned};
use crate::{layer::Layer, moments::Along, shape::TensorType};

/// An output, and its derivative.
#[derive(Debug, Clone, PartialEq)]
pub struct Differentiated {
    /// What [`Program::run`] gives, without the covariances that it has.
    pub value: Tensor,
    /// The derivative of each mean and, of a Gaussian tensor, of each variance.
    pub slope: Tensor,
}

/// The slopes of a parameter of this name and type, `None` for zeros.
pub type ParameterSlopes<'a> = &'a dyn Fn(&str, &TensorType) -> Option<Tensor>;

impl Program {
    /// The outputs and their derivatives along a direction in the space of inputs and parameters.
    ///
    /// The direction is the slope of each mean and variance of the inputs and of the parameters. A tensor
    /// of slopes has the shape of what it is of. Without variances it changes none, and a `None` changes
    /// nothing at all. Slopes of variances may be negative.
    ///
    /// Where a function bends, the derivative is that on the side to which the direction goes. A variance
    /// of an input or of a parameter that is exactly 0 has but one side: its derivative is that for a
    /// growing variance, times its slope. A term that grows like a deviation there, such as the mean of a
    /// maximum with 0 of 0 ± 0, counts for nothing; so the derivative is finite.
    ///
    /// # Errors
    ///
    /// As [`Program::run`], and where slopes do not fit what they are of.
    pub fn derivative(
        &self,
        inputs: &[Tensor],
        input_slopes: &[Option<Tensor>],
        parameter_slopes: ParameterSlopes,
    ) -> Result<Vec<Differentiated>, Error> {
        self.check_inputs(inputs)?;
        let mut direction = self.direction(inputs, input_slopes, parameter_slopes)?;
        let falling = direction.falling(inputs, &self.constants);
        let results = self.along(inputs, &direction)?;
        let Some(falling) = falling else {
            return Ok(results.iter().map(Differentiated::of).collect());
        };
        let opposite = self.along(inputs, &falling)?;
        let pairs = results.iter().zip(&opposite);
        Ok(pairs.map(|(result, opposite)| Differentiated::of(result).less(opposite)).collect())
    }

    /// The slopes that were given, checked.
    fn direction(
        &self,
        inputs: &[Tensor],
        input_slopes: &[Option<Tensor>],
        parameter_slopes: ParameterSlopes,
    ) -> Result<Direction, Error> {
        let function = self.functions.last().map_or("", |entry| &entry.name);
        if input_slopes.len() != inputs.len() {
            return Err(Error::Slopes {
                of: format!("the inputs of '{function}'"),
                message: format!(
                    "are {} tensors for {} inputs; give a `None` for each that does not change",
                    input_slopes.len(),
                    inputs.len()
                ),
            });
        }
        for (number, (slopes, input)) in input_slopes.iter().zip(inputs).enumerate() {
            check(slopes.as_ref(), input, || format!("input {number} of '{function}'"))?;
        }
        let mut constants = vec![None; self.constants.len()];
        for (&number, name) in &self.parameters {
            let value = &self.constants[number];
            let slopes = parameter_slopes(name, &value.ty());
            check(slopes.as_ref(), value, || format!("parameter '{name}'"))?;
            constants[number] = slopes;
        }
        Ok(Direction { inputs: input_slopes.to_vec(), constants })
    }

    fn along(&self, inputs: &[Tensor], direction: &Direction) -> Result<Vec<Tensor<Along>>, Error> {
        let inputs = inputs.iter().zip(&direction.inputs);
        let inputs = inputs.map(|(input, slopes)| joined(input, slopes.as_ref())).collect();
        let constants = self.constants.iter().zip(&direction.constants);
        let constants: Vec<_> =
            constants.map(|(value, slopes)| joined(value, slopes.as_ref())).collect();
        Ok(owned(self.evaluate(inputs, &constants, &mut Slopes)?))
    }
}

/// The slopes of all inputs and of all constants, `None` for zeros.
struct Direction {
    inputs: Vec<Option<Tensor>>,
    constants: Vec<Option<Tensor>>,
}

impl Direction {
    /// Takes the falling slopes of variances that are 0 out of the direction, and makes growing ones of them;
    /// `None` where there are none.
    fn falling(&mut self, inputs: &[Tensor], constants: &[Arc<Tensor>]) -> Option<Self> {
        let inputs = self.inputs.iter_mut().zip(inputs).map(|(slopes, of)| split(slopes, of));
        let inputs: Vec<_> = inputs.collect();
        let constants =
            self.constants.iter_mut().zip(constants).map(|(slopes, of)| split(slopes, of));
        let constants: Vec<_> = constants.collect();
        let is_there = inputs.iter().chain(&constants).any(Option::is_some);
        is_there.then_some(Self { inputs, constants })
    }
}

/// [`Direction::falling`] of one tensor.
fn split(slopes: &mut Option<Tensor>, of: &Tensor) -> Option<Tensor> {
    let own = slopes.as_mut()?.variance.as_mut()?;
    let mut opposite = vec![0.0; own.len()];
    let places = own.iter_mut().zip(&mut opposite).zip(of.variance.as_ref()?);
    for ((slope, opposite), _) in places.filter(|((slope, _), v)| **v == 0.0 && **slope < 0.0) {
        *opposite = -std::mem::take(slope);
    }
    let is_there = opposite.iter().any(|&slope| slope != 0.0);
    is_there.then(|| Tensor::gaussian(&of.shape, vec![0.0; opposite.len()], opposite))
}

/// A tensor with its slopes.
fn joined(value: &Tensor, slopes: Option<&Tensor>) -> Arc<Tensor<Along>> {
    let beside = |values: &[f64], slopes: Option<&Vec<f64>>| match slopes {
        Some(slopes) => {
            values.iter().zip(slopes).map(|(&value, &slope)| Along::new(value, slope)).collect()
        }
        None => values.iter().copied().map(Along::constant).collect(),
    };
    let mean = beside(&value.mean, slopes.map(|slopes| &slopes.mean));
    let of_variance = slopes.and_then(|slopes| slopes.variance.as_ref());
    let variance = value.variance.as_ref().map(|variance| beside(variance, of_variance));
    Arc::new(Tensor::new(value.shape.clone(), mean, variance))
}

impl Differentiated {
    /// The two parts of a tensor.
    fn of(tensor: &Tensor<Along>) -> Self {
        Self {
            value: mapped(tensor, |number| number.value),
            slope: mapped(tensor, |number| number.slope),
        }
    }

    /// Without this slope.
    fn less(mut self, tensor: &Tensor<Along>) -> Self {
        let subtract = |from: &mut Vec<f64>, numbers: &[Along]| {
            from.iter_mut().zip(numbers).for_each(|(slope, number)| *slope -= number.slope);
        };
        subtract(&mut self.slope.mean, &tensor.mean);
        if let (Some(from), Some(numbers)) = (&mut self.slope.variance, &tensor.variance) {
            subtract(from, numbers);
        }
        self
    }
}

/// The same function of each mean and variance.
fn mapped(tensor: &Tensor<Along>, part: impl Fn(&Along) -> f64) -> Tensor {
    let part = |numbers: &Vec<Along>| numbers.iter().map(&part).collect();
    let variance = tensor.variance.as_ref().map(part);
    Tensor::new(tensor.shape.clone(), part(&tensor.mean), variance)
}

/// Maps of moments with their slopes.
struct Slopes;

impl Semantics<Along> for Slopes {
    /// Values are those of the layer itself: at a jump they are not those beside it.
    fn apply(
        &mut self,
        layer: &Layer,
        operands: &[&Tensor<Along>],
    ) -> Result<Tensor<Along>, String> {
        let mut result = kernels::apply(layer, operands)?;
        if operands.iter().all(|operand| operand.dependence.is_none())
            && result.dependence.is_none()
        {
            let operands: Vec<_> = operands.iter().map(|&x| mapped(x, |x| x.value)).collect();
            let values: Tensor = kernels::apply(layer, &operands.iter().collect::<Vec<_>>())?;
            let numbers = result.mean.iter_mut().chain(result.variance.iter_mut().flatten());
            let values = values.mean.iter().chain(values.variance.iter().flatten());
            numbers.zip(values).for_each(|(number, &value)| number.value = value);
        }
        Ok(result)
    }
}

/// Checks that slopes are of the shape of what they are of.
fn check(slopes: Option<&Tensor>, of: &Tensor, name: impl Fn() -> String) -> Result<(), Error> {
    let checked = match slopes {
        _ if of.dependence.is_some() => {
            Err("are not those of its covariances too; start from independent numbers".to_owned())
        }
        Some(slopes) if slopes.shape != of.shape => {
            Err(format!("have the shape {:?}, not {:?}", slopes.shape, of.shape))
        }
        Some(slopes) if slopes.variance.is_some() && of.variance.is_none() => {
            Err("change variances, of which it has none".to_owned())
        }
        Some(slopes) => {
            slopes.check_lengths().map_err(|message| format!("are a tensor that {message}"))
        }
        None => Ok(()),
    };
    checked.map_err(|message| Error::Slopes { of: name(), message })
}
