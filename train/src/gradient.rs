//! A network as something whose loss has a gradient.

/// The parameter that a network of learned observation noise has beside those of its module: the
/// logarithm of the variance of the noise of each output, deterministic.
pub use gauss_lowering::passes::gauss_append_loss::LOG_NOISE as NOISE;
use pfp_compiler::error::Error;
use serde::{Deserialize, Serialize};

/// A parameter of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name in the module.
    pub name: String,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
    /// Has it a variance?
    pub gaussian: bool,
    /// Running statistics are none that a gradient changes.
    pub trainable: bool,
}

/// Values of all parameters, one after the other, in the order of [`Gradient::parameters`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    /// Means, and the values of deterministic parameters.
    pub mean: Vec<f32>,
    /// Variances of the Gaussian parameters only, in the same order.
    pub variance: Vec<f32>,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The items.
    pub input: &'a [f32],
    /// What their outputs should be: shares of classes, labels or numbers.
    pub target: &'a [f32],
    /// The weight of each item in the gradient; 0 for the padding of a last batch.
    pub weight: &'a [f32],
    /// Standard normal numbers, [`Gradient::noise`] for each item.
    pub noise: &'a [f32],
}

/// What a call gives. The vectors are as long as the call needs before it starts, see
/// [`Outcome::new`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// The loss of each item, not weighted.
    pub losses: Vec<f32>,
    /// The means of the outputs, items x outputs.
    pub outputs: Vec<f32>,
    /// The gradient along [`Values::mean`].
    pub mean: Vec<f32>,
    /// The gradient along [`Values::variance`].
    pub variance: Vec<f32>,
}

/// A network and its loss on a fixed number of items. A call may come from any thread.
pub trait Gradient: Sync {
    /// The parameters.
    fn parameters(&self) -> &[Parameter];

    /// How many items a call takes.
    fn items(&self) -> usize;

    /// How many numbers the network gives for an item.
    fn outputs(&self) -> usize;

    /// How many numbers an item has.
    fn inputs(&self) -> usize;

    /// How many standard normal numbers an item takes: for draws of its outputs, or of what layers give.
    fn noise(&self) -> usize;

    /// The losses of the items, the means of their outputs, and the gradient of the sum of weight x
    /// loss along every mean and variance.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    fn gradient(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error>;

    /// As [`Gradient::gradient`], without the gradient.
    ///
    /// # Errors
    ///
    /// Where the call fails.
    fn loss(&self, values: &Values, call: Call, result: &mut Outcome) -> Result<(), Error>;
}

impl Parameter {
    /// How many numbers its mean has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Has it no numbers?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Values {
    /// The first number of these parameters that no network computes with, in words.
    pub fn fault(&self, parameters: &[Parameter]) -> Option<String> {
        let (mut means, mut variances) = (self.mean.iter(), self.variance.iter());
        parameters.iter().find_map(|parameter| {
            let (name, count) = (&parameter.name, parameter.len());
            if let Some(bad) = means.by_ref().take(count).find(|mean| !mean.is_finite()) {
                return Some(format!("'{name}' has the value {bad}"));
            }
            let count = if parameter.gaussian { count } else { 0 };
            let is_bad = |variance: &&f32| !variance.is_finite() || **variance < 0.0;
            let bad = variances.by_ref().take(count).find(is_bad)?;
            Some(format!("'{name}' has the variance {bad}"))
        })
    }
}

impl Outcome {
    /// Room for what a call of this gradient gives.
    pub fn new(gradient: &dyn Gradient) -> Self {
        let (means, variances) = sizes(gradient.parameters());
        Self {
            losses: vec![0.0; gradient.items()],
            outputs: vec![0.0; gradient.items() * gradient.outputs()],
            mean: vec![0.0; means],
            variance: vec![0.0; variances],
        }
    }
}

/// How many means and how many variances these parameters have.
pub fn sizes(parameters: &[Parameter]) -> (usize, usize) {
    let count = |parameters: &mut dyn Iterator<Item = &Parameter>| {
        parameters.map(Parameter::len).sum::<usize>()
    };
    let gaussian = &mut parameters.iter().filter(|parameter| parameter.gaussian);
    (count(&mut parameters.iter()), count(gaussian))
}
