//! What a function takes and gives, as its callers in C and Rust see it.

use std::collections::BTreeMap;

use gauss_dialect::{
    ir::{Op, Type, Value},
    shape::TensorType,
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
    /// What it says, where it is the result of a predictive op.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
}

/// A pointer parameter of the C function.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer<'a> {
    /// The name of the parameter.
    pub name: String,
    /// The tensor that it holds a component of.
    pub tensor: &'a Tensor,
}

impl Signature {
    /// Reads the type of a `func.func` whose batch is fixed.
    pub fn of(function: Op) -> Result<Self, String> {
        let (inputs, outputs) = function
            .attribute("function_type")
            .and_then(|ty| ty.as_type()?.function_signature())
            .ok_or("has no function type")?;
        let returned = function.body().and_then(|body| body.terminator());
        let returned = returned.map(Op::operands).unwrap_or_default();
        let signature = Self {
            inputs: tensors("input", &inputs, &[])?,
            outputs: tensors("output", &outputs, &returned)?,
        };
        match signature.outputs.is_empty() {
            true => Err("cannot be exported: it has no outputs".into()),
            false => Ok(signature),
        }
    }

    /// The parameters that the C function reads, in order.
    pub fn input_buffers(&self) -> Vec<Buffer<'_>> {
        let buffers = |tensor: &'_ Tensor| match tensor.gaussian {
            true => vec![format!("{}_mean", tensor.name), format!("{}_variance", tensor.name)],
            false => vec![tensor.name.clone()],
        };
        all_buffers(&self.inputs, buffers)
    }

    /// The parameters that the C function writes, in order.
    pub fn output_buffers(&self) -> Vec<Buffer<'_>> {
        let buffers = |tensor: &'_ Tensor| match tensor.gaussian {
            true => ["mean", "variance"].map(|part| tensor.name.replace("output", part)).to_vec(),
            false => vec![tensor.name.clone()],
        };
        all_buffers(&self.outputs, buffers)
    }

    /// How many items a call takes: the leading size that all inputs and outputs share, or 1.
    pub fn batch(&self) -> usize {
        let mut sizes = self.inputs.iter().chain(&self.outputs).map(|t| t.shape.first().copied());
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
    let gaussian = tensor.gaussian;
    Ok(Tensor { name, shape, dtype: "f32", layout: "row-major", gaussian, prediction })
}

fn all_buffers(tensors: &[Tensor], names: impl Fn(&Tensor) -> Vec<String>) -> Vec<Buffer<'_>> {
    tensors
        .iter()
        .flat_map(|tensor| names(tensor).into_iter().map(move |name| Buffer { name, tensor }))
        .collect()
}

impl Tensor {
    /// The number of elements, the whole batch.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
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
        let (dtype, layout) = ("f32", "row-major");
        Tensor {
            name: name.into(),
            shape: shape.to_vec(),
            dtype,
            layout,
            gaussian,
            prediction: None,
        }
    }

    fn names(buffers: Vec<Buffer>) -> Vec<String> {
        buffers.into_iter().map(|buffer| buffer.name).collect()
    }

    #[test]
    fn a_gaussian_tensor_is_two_buffers() {
        let signature = Signature {
            inputs: vec![tensor("input", &[2, 3], true)],
            outputs: vec![tensor("output", &[2, 1], true)],
        };
        assert_eq!(names(signature.input_buffers()), ["input_mean", "input_variance"]);
        assert_eq!(names(signature.output_buffers()), ["mean", "variance"]);
        assert_eq!(signature.batch(), 2);
    }

    #[test]
    fn several_tensors_are_numbered() {
        let signature = Signature {
            inputs: vec![tensor("input0", &[4], false), tensor("input1", &[2, 2], true)],
            outputs: vec![tensor("output0", &[4], true), tensor("output1", &[1], false)],
        };
        assert_eq!(names(signature.input_buffers()), ["input0", "input1_mean", "input1_variance"]);
        assert_eq!(names(signature.output_buffers()), ["mean0", "variance0", "output1"]);
        assert_eq!(signature.batch(), 1);
    }
}
