//! What a function takes and gives, as its callers in C and Rust see it.

use std::collections::BTreeMap;

use gauss_dialect::{
    attributes::WHOLE_BATCH,
    ir::{Op, Type, Value},
    representation::{Component, Representation},
    shape::TensorType,
};
use gauss_lowering::{
    buffers::Buffers,
    mode::{Mode, Sampling},
};
use serde::Serialize;

use crate::prediction::Prediction;

/// The inputs and outputs of a compiled function.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// What the function reads.
    pub inputs: Vec<Tensor>,
    /// What the function writes.
    pub outputs: Vec<Tensor>,
    /// Do the results of an item depend on the others of its batch?
    pub is_whole_batch: bool,
}

/// An input or output: `f32`, row-major, the whole batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tensor {
    /// `input`, `output`, or what a predictive op gives; numbered where there are several.
    pub name: String,
    /// The sizes, outermost first.
    pub shape: Vec<usize>,
    /// Always `f32`.
    pub dtype: &'static str,
    /// Always `row-major`.
    pub layout: &'static str,
    /// Is it known by mean and variance, in two buffers?
    pub gaussian: bool,
    /// The forward passes whose outputs it lists, which are its leading size; otherwise none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes: Option<usize>,
    /// What it says, where it is the result of a predictive op.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
    /// Is it an output that is read first, and then written?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_place: bool,
    /// Does it belong to a call, and not to its items?
    #[serde(skip)]
    pub is_of_call: bool,
}

/// A pointer parameter of the C function.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer<'a> {
    /// The name of the parameter.
    pub name: String,
    /// The tensor that it holds a component of.
    pub tensor: &'a Tensor,
    /// Which component.
    pub component: Component,
}

impl Buffer<'_> {
    /// Does it hold the variances of a Gaussian tensor?
    pub fn is_variance(&self) -> bool {
        self.component == Component::Variance
    }
}

impl Signature {
    /// Reads the type of a `func.func` whose batch is fixed.
    ///
    /// # Errors
    ///
    /// Where an input or output is not a tensor of `f32` of static shape, or there is no output.
    pub fn of(function: Op) -> Result<Self, String> {
        let (inputs, outputs) = function
            .attribute("function_type")
            .and_then(|ty| ty.as_type()?.function_signature())
            .ok_or("has no function type")?;
        let returned = function.body().and_then(|body| body.terminator());
        let returned = returned.map(Op::operands).unwrap_or_default();
        let mut signature = match Buffers::of(function) {
            None => Self {
                inputs: tensors("input", &inputs, &[])?,
                outputs: tensors("output", &outputs, &returned)?,
                is_whole_batch: false,
            },
            Some(buffers) => Self::in_buffers(&buffers, &inputs, (&outputs, &returned))?,
        };
        signature.is_whole_batch = function.attribute(WHOLE_BATCH).is_some();
        match signature.outputs.is_empty() {
            true => Err("cannot be exported: it has no outputs".into()),
            false => Ok(signature),
        }
    }

    /// What a function takes whose arguments share buffers.
    fn in_buffers(
        buffers: &Buffers,
        inputs: &[Type],
        (outputs, returned): (&[Type], &[Value]),
    ) -> Result<Self, String> {
        let mut own = Self { inputs: Vec::new(), outputs: Vec::new(), is_whole_batch: false };
        let read = inputs.len().checked_sub(buffers.in_place);
        let kept = outputs.len().checked_sub(buffers.in_place);
        let (Some(read), Some(kept)) = (read, kept) else {
            return Err("cannot be exported: it updates more than it takes".into());
        };
        let mut place = 0;
        for (name, count) in &buffers.of_arguments {
            let types =
                inputs.get(place..place + count).ok_or("has fewer arguments than buffers")?;
            let parts = types.iter().map(|&ty| tensor(name.clone(), ty, None));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            let size = |part: &Tensor| {
                part.elements() * Representation::of(part.gaussian).components().len()
            };
            let tensor = match &parts[..] {
                [only] if !only.gaussian => only.clone(),
                parts => Tensor {
                    name: name.clone(),
                    shape: vec![parts.iter().map(size).sum()],
                    is_of_call: true,
                    ..Tensor::default()
                },
            };
            match place >= read {
                true => own.outputs.push(Tensor { in_place: true, is_of_call: true, ..tensor }),
                false => own.inputs.push(tensor),
            }
            place += count;
        }
        let returned = returned.get(..kept).unwrap_or_default();
        let mut results = tensors("output", &outputs[..kept], returned)?;
        let names = results.iter_mut().zip(&buffers.of_results);
        names.for_each(|(result, name)| result.name.clone_from(name));
        own.outputs.extend(results);
        Ok(own)
    }

    /// What the function takes and gives in a mode, given what it does for moments.
    pub fn in_mode(&self, mode: Mode) -> Self {
        match mode {
            Mode::Moments | Mode::Sample(Sampling { draws: false, .. }) => self.clone(),
            Mode::Mean => {
                let plain = |tensor: &Tensor| Tensor { gaussian: false, ..tensor.clone() };
                let of = |tensors: &[Tensor]| tensors.iter().map(plain).collect();
                let (inputs, outputs) = (of(&self.inputs), of(&self.outputs));
                Self { inputs, outputs, is_whole_batch: self.is_whole_batch }
            }
            Mode::Sample(sampling) => {
                let with_draws = |tensor: &Tensor| {
                    let draws = tensor.gaussian.then(|| tensor.draws(sampling.samples as usize));
                    [Some(tensor.clone()), draws].into_iter().flatten()
                };
                let outputs = self.outputs.iter().flat_map(with_draws).collect();
                Self { outputs, ..self.clone() }
            }
        }
    }

    /// The parameters that the C function reads, in order.
    pub fn input_buffers(&self) -> Vec<Buffer<'_>> {
        all_buffers(&self.inputs, Component::input_buffer)
    }

    /// The parameters that the C function writes, in order.
    pub fn output_buffers(&self) -> Vec<Buffer<'_>> {
        all_buffers(&self.outputs, Component::output_buffer)
    }

    /// The most items up to `count` that fill calls; those of one call where it takes more.
    pub fn items_of_calls(&self, count: usize) -> usize {
        let batch = self.batch();
        match self.is_whole_batch {
            true => (count / batch * batch).max(batch),
            false => count,
        }
    }

    /// How many items a call takes: the leading size that all inputs and outputs share, or 1.
    pub fn batch(&self) -> usize {
        let of_items = self.inputs.iter().chain(&self.outputs).filter(|tensor| !tensor.is_of_call);
        let mut sizes = of_items.map(|tensor| tensor.shape_of_pass().first().copied());
        match sizes.next().flatten() {
            Some(batch) if sizes.all(|size| size == Some(batch)) => batch,
            _ => 1,
        }
    }
}

/// The tensors of these types, and, where they are known, the values that they hold.
fn tensors(kind: &str, types: &[Type], values: &[Value]) -> Result<Vec<Tensor>, String> {
    let predictions: Vec<_> = (0..types.len())
        .map(|number| values.get(number).and_then(|&value| Prediction::of(value)))
        .collect();
    let name = |prediction: &Option<Prediction>| match prediction {
        Some(prediction) => prediction.name(),
        None => kind,
    };
    let names = numbered(&predictions.iter().map(name).collect::<Vec<_>>());
    let tensors = types.iter().zip(names).zip(predictions);
    tensors.map(|((&ty, name), prediction)| tensor(name, ty, prediction)).collect()
}

/// Names that stand for one thing each.
fn numbered(names: &[&str]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let number = |name: &&str| {
        let several = names.iter().filter(|other| *other == name).count() > 1;
        let next = seen.entry(name.to_string()).or_insert(0);
        *next += 1;
        if several { format!("{name}{}", *next - 1) } else { name.to_string() }
    };
    names.iter().map(number).collect()
}

fn tensor(name: String, ty: Type, prediction: Option<Prediction>) -> Result<Tensor, String> {
    let tensor = TensorType::of(ty).filter(|_| ty.element_type().is_f32());
    let tensor = tensor
        .ok_or_else(|| format!("cannot be exported: its {name} is {ty}, not a tensor of f32"))?;
    let shape: Option<Vec<_>> =
        tensor.shape.iter().map(|&size| usize::try_from(size).ok()).collect();
    let shape = shape.ok_or_else(|| {
        format!("cannot be exported: its {name} is {ty}, whose shape is not static")
    })?;
    if tensor.has_covariance() {
        return Err(format!(
            "cannot be exported: its {name} is {ty}; gauss.marginals and gauss.covariance give what a \
             caller can take"
        ));
    }
    let gaussian = tensor.gaussian;
    Ok(Tensor { name, shape, gaussian, prediction, ..Tensor::default() })
}

fn all_buffers(tensors: &[Tensor], name: fn(Component, &str) -> String) -> Vec<Buffer<'_>> {
    let mut buffers = Vec::new();
    for tensor in tensors {
        for &component in Representation::of(tensor.gaussian).components() {
            buffers.push(Buffer { name: name(component, &tensor.name), tensor, component });
        }
    }
    buffers
}

impl Default for Tensor {
    fn default() -> Self {
        let (name, shape) = (String::new(), Vec::new());
        let (dtype, layout, gaussian) = ("f32", "row-major", false);
        Self {
            name,
            shape,
            dtype,
            layout,
            gaussian,
            passes: None,
            prediction: None,
            in_place: false,
            is_of_call: false,
        }
    }
}

impl Tensor {
    /// The sizes without that of the passes.
    pub fn shape_of_pass(&self) -> &[usize] {
        &self.shape[usize::from(self.passes.is_some())..]
    }

    /// The number of elements, the whole batch.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The outputs of so many passes.
    fn draws(&self, passes: usize) -> Self {
        Self {
            name: self.name.replace("output", "draws"),
            shape: [&[passes], &self.shape[..]].concat(),
            gaussian: false,
            passes: Some(passes),
            ..Self::default()
        }
    }

    /// The sizes in words: `1 x 28 x 28`.
    pub fn sizes(&self) -> String {
        match self.shape[..] {
            [] => "scalar".into(),
            _ => self.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], gaussian: bool) -> Tensor {
        Tensor { name: name.into(), shape: shape.to_vec(), gaussian, ..Tensor::default() }
    }

    fn names(buffers: Vec<Buffer>) -> Vec<String> {
        buffers.into_iter().map(|buffer| buffer.name).collect()
    }

    #[test]
    fn a_gaussian_tensor_is_two_buffers() {
        let signature = Signature {
            inputs: vec![tensor("input", &[2, 3], true)],
            outputs: vec![tensor("output", &[2, 1], true)],
            is_whole_batch: false,
        };
        assert_eq!(names(signature.input_buffers()), ["input_mean", "input_variance"]);
        assert_eq!(names(signature.output_buffers()), ["mean", "variance"]);
        assert_eq!(signature.batch(), 2);
    }

    #[test]
    fn a_mode_changes_what_comes_out() {
        let signature = Signature {
            inputs: vec![tensor("input", &[2, 3], true)],
            outputs: vec![tensor("output0", &[2, 1], true), tensor("output1", &[2], false)],
            is_whole_batch: false,
        };
        let mean = signature.in_mode(Mode::Mean);
        assert_eq!(names(mean.input_buffers()), ["input"]);
        assert_eq!(names(mean.output_buffers()), ["output0", "output1"]);
        let sampling = Sampling::new(30);
        assert_eq!(signature.in_mode(Mode::Sample(sampling)), signature);
        let drawn = signature.in_mode(Mode::Sample(Sampling { draws: true, ..sampling }));
        assert_eq!(names(drawn.output_buffers()), ["mean0", "variance0", "draws0", "output1"]);
        assert_eq!(drawn.outputs[1].shape, [30, 2, 1]);
        assert_eq!(drawn.batch(), 2);
    }

    #[test]
    fn several_tensors_are_numbered() {
        let signature = Signature {
            inputs: vec![tensor("input0", &[4], false), tensor("input1", &[2, 2], true)],
            outputs: vec![tensor("output0", &[4], true), tensor("output1", &[1], false)],
            is_whole_batch: false,
        };
        assert_eq!(names(signature.input_buffers()), ["input0", "input1_mean", "input1_variance"]);
        assert_eq!(names(signature.output_buffers()), ["mean0", "variance0", "output1"]);
        assert_eq!(signature.batch(), 1);
    }
}
