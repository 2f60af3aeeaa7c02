//! A compiled function that Python calls.

use std::{
    ffi::OsString,
    ops::Range,
    sync::{Arc, OnceLock},
};

use pfp::cli::{Listener, Recipe, Refused};
use pfp_compiler::{error::Error, signature::Signature};
use pfp_evaluate::batches::Layout;
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};

use crate::{
    error::{PyError, failed},
    input::{Expected, Few, Floats, floats},
    memory::Memory,
    model::{Model, Results},
    prediction::{Outputs, Prediction},
    worker::work,
};

/// A part of the items that are left is a batch of its own where it would fill more than one in so many of the
/// next larger one.
const LEAST_FILLED: usize = 4;

/// What is compiled for one size of batch, when it is first needed.
struct Size {
    items: usize,
    model: OnceLock<Arc<Model>>,
}

/// What a function reads and gives, whatever the size of the batch.
struct Shape {
    expected: Vec<Expected>,
    /// The sizes of one item, for each input.
    items: Vec<Vec<usize>>,
    /// The numbers of one item, for each input.
    lengths: Vec<usize>,
    outputs: Arc<Outputs>,
    /// The function for the smallest batch, which says in words what does not fit.
    signature: Signature,
}

impl Shape {
    fn of(signature: &Signature) -> Self {
        let batch = signature.batch();
        let buffers = signature.input_buffers();
        let item = |shape: &[usize]| match shape {
            [first, item @ ..] if *first == batch => item.to_vec(),
            whole => whole.to_vec(),
        };
        let items: Vec<_> =
            buffers.iter().map(|buffer| item(buffer.tensor.shape_of_pass())).collect();
        let expected = buffers.iter().map(|buffer| Expected {
            name: buffer.name.clone(),
            is_variance: buffer.is_variance(),
        });
        Self {
            expected: expected.collect(),
            lengths: items.iter().map(|item| item.iter().product()).collect(),
            items,
            outputs: Arc::new(Outputs::of(signature)),
            signature: signature.clone(),
        }
    }

    /// How many items there are in arrays of these shapes.
    fn count(&self, arrays: &[Floats]) -> Result<usize, Error> {
        let plain = |(array, item): (&Floats, &Vec<usize>)| match array.shape() {
            [count, rest @ ..] if rest == item => Some(*count),
            _ => None,
        };
        let mut counts = arrays.iter().zip(&self.items).map(plain);
        let first = counts.next().flatten();
        if let Some(count) = first
            && arrays.len() == self.items.len()
            && !self.signature.is_whole_batch
            && counts.all(|other| other == first)
        {
            return Ok(count);
        }
        let shapes: Vec<_> = arrays.iter().map(Floats::shape).collect();
        Layout::of(&self.signature, &shapes).map(|layout| layout.count)
    }
}

/// A compiled function. The package's `Function` adds what needs no speed.
#[pyclass(frozen, subclass, module = "pfp._pfp")]
pub struct Function {
    recipe: Arc<Recipe>,
    /// The smallest first.
    sizes: Vec<Size>,
    shape: Shape,
    tell: Py<PyAny>,
}

/// Compiles and links a function for a size of batch.
fn compile(
    py: Python<'_>,
    recipe: &Arc<Recipe>,
    items: usize,
    tell: &Bound<'_, PyAny>,
) -> PyResult<Arc<Model>> {
    let recipe = recipe.clone();
    let job = move |listener: Arc<dyn Listener>| {
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        let compiled = recipe.compile(items, listener)?;
        Ok::<_, Refused>(Arc::new(Model::new(&compiled)?))
    };
    work(py, tell, job)
}

impl Function {
    /// The function for a size of batch.
    fn model(&self, py: Python<'_>, size: &Size) -> PyResult<Arc<Model>> {
        if let Some(model) = size.model.get() {
            return Ok(model.clone());
        }
        let model = compile(py, &self.recipe, size.items, self.tell.bind(py))?;
        // Of two threads that both compiled, the first one's is kept.
        Ok(size.model.get_or_init(|| model).clone())
    }

    /// The calls for so many items: the size of each, and its items.
    fn calls(&self, count: usize) -> Few<(&Size, Range<usize>)> {
        let mut calls = Few::new();
        let mut start = 0;
        while start < count {
            let left = count - start;
            let next = self.sizes.iter().position(|size| size.items >= left);
            let size = match next {
                None => &self.sizes[self.sizes.len() - 1],
                Some(0) => &self.sizes[0],
                Some(next) => {
                    let is_filled = left * LEAST_FILLED > self.sizes[next].items;
                    &self.sizes[if is_filled { next } else { next - 1 }]
                }
            };
            let end = count.min(start + size.items);
            calls.push((size, start..end));
            start = end;
        }
        calls
    }

    /// The code for a size of batch that was asked for by its number.
    fn sized(&self, items: usize) -> PyResult<&Size> {
        self.sizes.iter().find(|size| size.items == items).ok_or_else(|| {
            let sizes: Vec<_> = self.sizes.iter().map(|size| size.items.to_string()).collect();
            PyError::new_err((
                format!("the function is not compiled for {items} item(s) in a call"),
                format!("it is for {}", sizes.join(", ")),
            ))
        })
    }
}

#[pymethods]
impl Function {
    /// Reads what a command line of `pfp compile` names, and compiles it for the smallest of `sizes`, numbers of
    /// items in a call; for the others when they are first needed.
    #[new]
    fn new(
        py: Python<'_>,
        arguments: Vec<OsString>,
        mut sizes: Vec<usize>,
        tell: Py<PyAny>,
    ) -> PyResult<Self> {
        let recipe = work(py, tell.bind(py), move |listener| Recipe::open(arguments, listener))?;
        let recipe = Arc::new(recipe);
        if let Some(items) = recipe.items() {
            sizes = vec![usize::try_from(items).unwrap_or(usize::MAX)];
        }
        sizes.sort_unstable();
        sizes.dedup();
        let Some(&smallest @ 1..) = sizes.first() else {
            return Err(PyError::new_err(("a batch has at least one item",)));
        };
        let model = compile(py, &recipe, smallest, tell.bind(py))?;
        let shape = Shape::of(model.function().signature());
        let sizes: Vec<_> =
            sizes.into_iter().map(|items| Size { items, model: OnceLock::new() }).collect();
        if let Some(size) = sizes.first() {
            size.model.get_or_init(|| model);
        }
        Ok(Self { recipe, sizes, shape, tell })
    }

    #[pyo3(signature = (*inputs))]
    fn __call__(&self, py: Python<'_>, inputs: &Bound<'_, PyTuple>) -> PyResult<Prediction> {
        let Shape { expected, lengths, outputs, .. } = &self.shape;
        let arrays = floats(inputs, expected)?;
        if inputs.len() != arrays.len() || arrays.len() != expected.len() {
            let names: Vec<_> = expected.iter().map(|input| input.name.as_str()).collect();
            return Err(PyError::new_err((
                format!("the function reads {} array(s), got {}", expected.len(), inputs.len()),
                format!("in this order: {}", names.join(", ")),
            )));
        }
        let count = self.shape.count(&arrays).map_err(failed)?;
        let checked = arrays.iter().zip(expected).zip(lengths);
        let checked = checked.map(|((array, expected), length)| array.checked(expected, *length));
        let checked = checked.collect::<PyResult<Few<_>>>()?;
        let numbers: Few<&[f32]> = checked.iter().map(AsRef::as_ref).collect();
        let calls = self.calls(count).into_iter();
        let calls = calls.map(|(size, items)| Ok((self.model(py, size)?, items)));
        let calls = calls.collect::<PyResult<Few<_>>>()?;
        let mut memory = Memory::new(outputs.count(count))?;
        let done = py.detach(|| {
            let mut results = Results::new(outputs, memory.numbers(), count);
            calls
                .into_iter()
                .try_for_each(|(model, items)| model.run(&numbers, lengths, items, &mut results))
        });
        done.map_err(failed)?;
        Ok(Prediction::new(outputs.clone(), memory, count))
    }

    /// Compiles for a size of batch that was named before, if that is not done.
    fn prepare(&self, py: Python<'_>, items: usize) -> PyResult<()> {
        self.model(py, self.sized(items)?).map(|_| ())
    }

    /// The bytes of code, of weights and of scratch memory, where it is compiled for a size of batch.
    fn costs(&self, items: usize) -> PyResult<Option<[u64; 3]>> {
        Ok(self.sized(items)?.model.get().map(|model| model.costs))
    }

    /// The numbers of items of a call that the function is compiled for, or will be.
    #[getter]
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.sizes.iter().map(|size| size.items))
    }

    /// The sizes of one item of each array that the function reads, by name, in order.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let inputs = PyDict::new(py);
        for (expected, item) in self.shape.expected.iter().zip(&self.shape.items) {
            inputs.set_item(&expected.name, PyTuple::new(py, item)?)?;
        }
        Ok(inputs)
    }

    /// The sizes of one item of each array that the function gives, by name, in order.
    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let outputs = PyDict::new(py);
        for output in self.shape.outputs.all() {
            outputs.set_item(&output.name, PyTuple::new(py, &output.item)?)?;
        }
        Ok(outputs)
    }

    /// The module, as text in the gauss dialect.
    #[getter]
    fn module(&self) -> String {
        String::from_utf8_lossy(self.recipe.module()).into_owned()
    }

    /// The parameter file, a safetensors file, where the module has parameters.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.recipe.parameters().map(|bytes| PyBytes::new(py, bytes))
    }
}
