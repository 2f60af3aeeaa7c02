//! What a compiled function gives.

use std::{ops::Range, sync::Arc};

use pfp_compiler::{prediction, signature::Signature};
use pyo3::{prelude::*, sync::PyOnceLock, types::PyTuple};

use crate::{
    error::PyError,
    memory::{ALIGN, Memory},
};

pyo3::import_exception!(pfp._errors, MissingOutput);

/// An output of a function.
pub struct Output {
    /// What its buffer is called.
    pub name: String,
    /// The sizes of one item.
    pub item: Vec<usize>,
    /// How many numbers an item has.
    pub length: usize,
    /// The forward passes that it lists, outermost.
    pub passes: Option<usize>,
    /// Its sizes in a call, where the items of that belong together.
    whole: Option<Vec<usize>>,
    kind: Kind,
}

/// What the numbers of an output are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mean,
    Variance,
    /// Plain numbers, as of the network of the means.
    Plain,
    /// Those of every forward pass.
    Passes,
    Predicted(&'static str),
}

/// All outputs of a function, in the order of its buffers.
pub struct Outputs {
    all: Vec<Output>,
    lengths: Vec<usize>,
    batch: usize,
    has_passes: bool,
}

impl Outputs {
    /// The outputs that a signature has.
    pub fn of(signature: &Signature) -> Self {
        let batch = signature.batch();
        let of = |buffer: pfp_compiler::signature::Buffer| {
            let shape = buffer.tensor.shape_of_pass();
            let item = match shape {
                [first, item @ ..] if *first == batch => item,
                whole => whole,
            };
            let predicted = buffer.tensor.prediction.as_ref().map(prediction::Prediction::name);
            let kind = match predicted {
                Some(name) => Kind::Predicted(name),
                None if buffer.tensor.passes.is_some() => Kind::Passes,
                None if buffer.is_variance() => Kind::Variance,
                None if buffer.tensor.gaussian => Kind::Mean,
                None => Kind::Plain,
            };
            Output {
                item: item.to_vec(),
                length: item.iter().product(),
                passes: buffer.tensor.passes,
                whole: signature.is_whole_batch.then(|| buffer.tensor.shape.clone()),
                kind,
                name: buffer.name,
            }
        };
        let all: Vec<_> = signature.output_buffers().into_iter().map(of).collect();
        let lengths = all.iter().map(|output| output.length).collect();
        let has_passes = all.iter().any(|output| output.passes.is_some());
        Self { all, lengths, batch, has_passes }
    }

    /// Each of them.
    pub fn all(&self) -> &[Output] {
        &self.all
    }

    /// The numbers of an item in each.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Does one list forward passes?
    pub fn has_passes(&self) -> bool {
        self.has_passes
    }

    /// Where each lies among the numbers of a call with so many items.
    pub fn places(&self, items: usize) -> impl Iterator<Item = Range<usize>> {
        self.all.iter().scan(0usize, move |end, output| {
            let start = end.next_multiple_of(ALIGN);
            *end = start + output.passes.unwrap_or(1) * output.length * items;
            Some(start..*end)
        })
    }

    /// How many numbers a call with so many items gives.
    pub fn count(&self, items: usize) -> usize {
        self.places(items).last().map_or(0, |place| place.end)
    }

    fn names(&self) -> Vec<&str> {
        self.all.iter().map(|output| output.name.as_str()).collect()
    }
}

/// What a network says of some items. Arrays are made when they are asked for; all of them look at the same
/// memory.
#[pyclass(frozen, module = "pfp")]
pub struct Prediction {
    outputs: Arc<Outputs>,
    memory: Memory,
    items: usize,
}

impl Prediction {
    /// The numbers of a call with so many items.
    pub fn new(outputs: Arc<Outputs>, memory: Memory, items: usize) -> Self {
        Self { outputs, memory, items }
    }

    fn array_of<'py>(slf: &Bound<'py, Self>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.get();
        let place = this.outputs.places(this.items).nth(index);
        let (Some(place), Some(output)) = (place, this.outputs.all.get(index)) else {
            return Err(MissingOutput::new_err("there is no such output"));
        };
        let shape = match &output.whole {
            Some(shape) if this.items == this.outputs.batch => shape.clone(),
            _ => [output.passes.as_slice(), &[this.items], &output.item].concat(),
        };
        this.memory.array(slf.as_any(), place.start, &shape)
    }

    /// The only output of some kind.
    fn one<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        is_wanted: impl Fn(Kind) -> bool,
        help: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let outputs = &slf.get().outputs;
        let wanted = |(index, output): (usize, &Output)| is_wanted(output.kind).then_some(index);
        let mut found = outputs.all.iter().enumerate().filter_map(wanted);
        match (found.next(), found.next()) {
            (Some(index), None) => Self::array_of(slf, index),
            (Some(_), Some(_)) => Err(PyError::new_err((
                format!("the function has several outputs that are a {name}"),
                format!(
                    "take one by its name, as prediction[NAME]: {}",
                    outputs.names().join(", ")
                ),
            ))),
            (None, _) => Err(MissingOutput::new_err((
                format!("the function was compiled without {name}"),
                help.to_owned(),
            ))),
        }
    }

    fn predicted<'py>(
        slf: &Bound<'py, Self>,
        name: &'static str,
        help: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::one(slf, name, |kind| kind == Kind::Predicted(name), help)
    }
}

/// A function of the package that makes a value of an array.
fn made<'py>(
    function: &'static PyOnceLock<Py<PyAny>>,
    name: &str,
    array: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    function.import(array.py(), "pfp._arrays", name)?.call1((array,))
}

const HEAD: &str = "compile with head=, such as head=\"mean-field\" of a classifier";

#[pymethods]
impl Prediction {
    /// The means of the outputs, float32 (items, ..); of mode "mean" what the network of the means gives.
    #[getter]
    fn mean<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let wanted = |kind| matches!(kind, Kind::Mean | Kind::Plain);
        Self::one(slf, "mean", wanted, "the outputs have names: prediction.keys()")
    }

    /// The variances of the outputs, float32 (items, ..), in the square of their unit.
    #[getter]
    fn variance<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::one(slf, "variance", |kind| kind == Kind::Variance, "compile with mode=\"moments\"")
    }

    /// The standard deviations of the outputs, float32 (items, ..), in their unit.
    #[getter]
    fn std<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static ROOT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let array = Self::variance(slf)?;
        ROOT.import(slf.py(), "numpy", "sqrt")?.call1((array,))
    }

    /// The outputs of every forward pass of mode "sample", float32 (passes, items, ..).
    #[getter]
    fn draws<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let help = "compile with mode=\"sample:N\" and draws=True";
        Self::one(slf, "draws", |kind| kind == Kind::Passes, help)
    }

    /// Probabilities, float32 (items, classes): of the classes, or that each binary label is 1.
    #[getter]
    fn probabilities<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::predicted(slf, "probabilities", HEAD)
    }

    /// Uncertainty in nats, each float32 (items,), or (items, labels) of binary labels: `total`, `aleatoric`
    /// (the noise of the data) and `epistemic` (what the network does not know).
    #[getter]
    fn uncertainty<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        made(&MAKE, "uncertainty", Self::predicted(slf, "uncertainty", HEAD)?)
    }

    /// Decisions, int64 (items,), or (items, labels) of binary labels: the class, `pfp.AMBIGUOUS` or
    /// `pfp.UNKNOWN`.
    #[getter]
    fn decision<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let help = "compile with head= and reject_epistemic= or reject_aleatoric=";
        made(&MAKE, "decision", Self::predicted(slf, "decision", help)?)
    }

    /// The covariances of the outputs of each item, float32 (items, n, n).
    #[getter]
    fn covariance<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::predicted(slf, "covariance", "compile with return_covariance=True")
    }

    /// The intervals of a regression, in the unit of the outputs: `lower` and `upper`, each float32
    /// (items, ..).
    #[getter]
    fn interval<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let help = "compile with head=\"interval:0.95\"";
        made(&MAKE, "interval", Self::predicted(slf, "interval", help)?)
    }

    /// The names of the outputs, in order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.outputs.names())
    }

    /// An output as its buffer has it, by its name.
    fn __getitem__<'py>(slf: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let outputs = &slf.get().outputs;
        match outputs.all.iter().position(|output| output.name == name) {
            Some(index) => Self::array_of(slf, index),
            None => Err(MissingOutput::new_err((
                format!("the function has no output '{name}'"),
                format!("it has {}", outputs.names().join(", ")),
            ))),
        }
    }

    /// How many items there are.
    fn __len__(&self) -> usize {
        self.items
    }

    fn __repr__(&self) -> String {
        format!("<pfp.Prediction of {} item(s): {}>", self.items, self.outputs.names().join(", "))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pfp._html")?.getattr("prediction")?.call1((slf,))
    }
}
