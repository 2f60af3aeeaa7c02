//! A run on disk: what goes on from it has the numbers of one that never stopped.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use gauss_dialect::representation::Component;
use pfp_compiler::{
    array::{Array, Element, Numbers},
    error::Error,
    output::Outputs,
    parameters::Safetensors,
};
use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    gradient::{Parameter, Values, sizes},
    layout::spans,
    settings::Settings,
    state::{Best, Collected, Memory, Record, State, Totals},
};

/// The metadata of a checkpoint.
pub const METADATA: &str = "pfp.checkpoint";

/// The version of what is written.
const VERSION: u32 = 2;

/// What a network was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// SHA-256 of the module.
    pub module_sha256: String,
    /// The order of its max pools and activations.
    pub order: String,
    /// The function.
    pub function: String,
}

/// What a run must agree in with the checkpoint that it goes on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The settings.
    pub settings: Settings,
    /// What the network was read from.
    pub origin: Origin,
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// SHA-256 of the data of the validation.
    pub validation_sha256: Option<String>,
}

/// Where checkpoints are written.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    /// The file.
    pub path: PathBuf,
    /// Steps between two within an epoch; none but at its end where there are none.
    pub every: Option<u64>,
    /// An epoch that ends so soon after the last one was written has none, unless it ends the run.
    pub pause: Duration,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    step: u64,
    epoch: u64,
    step_of_epoch: u64,
    best_epoch: Option<u64>,
    collected: Option<u64>,
    identity: Identity,
    history: Vec<Record>,
}

impl Identity {
    /// What differs in another run, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.parameters != other.parameters {
            let missing = self.parameters.iter().find(|own| !other.parameters.contains(own));
            return Some(match missing {
                Some(Parameter { name, shape, gaussian, .. }) => format!(
                    "the parameter {name} {shape:?} {}, which this network has not",
                    if *gaussian { "Gaussian" } else { "deterministic" }
                ),
                None => "the parameters of another network".into(),
            });
        }
        let Origin { module_sha256, order, function } = &other.origin;
        if self.origin.function != *function {
            return Some(format!("the function @{} and not @{function}", self.origin.function));
        }
        if self.origin.order != *order {
            return Some(format!("the order {} and not {order}", self.origin.order));
        }
        if self.origin.module_sha256 != *module_sha256 {
            return Some("a module of another text".into());
        }
        if self.data_sha256 != other.data_sha256 {
            return Some("other data".into());
        }
        if self.validation_sha256 != other.validation_sha256 {
            return Some("another validation".into());
        }
        self.settings.difference(&other.settings)
    }
}

/// The bytes of a checkpoint.
///
/// # Errors
///
/// Where they cannot be made.
pub fn bytes(state: &State, identity: &Identity) -> Result<Vec<u8>, Error> {
    let internal = |error: &dyn std::fmt::Display| Error::Internal(format!("checkpoint: {error}"));
    let singles = [
        ("mean", &state.values.mean),
        ("variance", &state.values.variance),
        ("log_deviation", &state.log_deviation),
        ("mean.first", &state.mean_memory.first),
        ("mean.second", &state.mean_memory.second),
        ("deviation.first", &state.deviation_memory.first),
        ("deviation.second", &state.deviation_memory.second),
    ];
    let best = state.best.as_ref();
    let of_best = best
        .map(|best| [("best.mean", &best.values.mean), ("best.variance", &best.values.variance)]);
    let singles = singles.into_iter().chain(of_best.into_iter().flatten());
    let Totals { items, loss, score, norm } = state.totals;
    let totals = vec![items, loss, score, norm];
    let best_loss: Vec<_> = best.iter().map(|best| best.loss).collect();
    let mut doubles = vec![("totals", &totals), ("best.loss", &best_loss)];
    if let Some(collected) = &state.collected {
        doubles.push(("collected.mean", &collected.mean));
        doubles.push(("collected.squares", &collected.squares));
    }
    let mut tensors = Vec::new();
    for (name, values) in singles {
        let bytes: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((name, Dtype::F32, values.len(), bytes));
    }
    for (name, values) in doubles {
        let bytes: Vec<_> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((name, Dtype::F64, values.len(), bytes));
    }
    let views = tensors
        .iter()
        .map(|(name, dtype, length, bytes)| {
            TensorView::new(*dtype, vec![*length], bytes).map(|view| (*name, view))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| internal(&error))?;
    let header = Header {
        version: VERSION,
        step: state.step,
        epoch: state.epoch,
        step_of_epoch: state.step_of_epoch,
        best_epoch: best.map(|best| best.epoch),
        collected: state.collected.as_ref().map(|collected| collected.count),
        identity: identity.clone(),
        history: state.history.clone(),
    };
    let header = serde_json::to_string(&header).map_err(|error| internal(&error))?;
    let metadata = HashMap::from([(METADATA.to_owned(), header)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| internal(&error))
}

/// Replaces the file of a checkpoint as a whole.
///
/// # Errors
///
/// Where it cannot be written: then the last one is still there.
pub fn write(path: &Path, state: &State, identity: &Identity) -> Result<(), Error> {
    let mut outputs = Outputs::default();
    outputs.open(path, false)?;
    outputs.write(vec![bytes(state, identity)?]).map(|_| ())
}

/// The state that a checkpoint holds, of a run like this one.
///
/// # Errors
///
/// Where it cannot be read, is none, or is of another run.
pub fn read(path: &Path, identity: &Identity) -> Result<State, Error> {
    let file = Safetensors::open(path)?;
    let name = path.display().to_string();
    let malformed = |message: String| Error::malformed(&name, "checkpoint", message);
    let header = header(&file, &name)?
        .ok_or_else(|| malformed("pfp train did not write it, or it is a posterior".into()))?;
    if let Some(difference) = header.identity.difference(identity) {
        return Err(Error::request(format!("{name} is of another run: it has {difference}"))
            .with_help(format!(
                "go on with the settings of its run, or start a new one: without --resume, or from its \
                 values with --init {name}"
            )));
    }
    let singles = |tensor: &str| singles(&file, tensor).map_err(malformed);
    let doubles = |tensor: &str| doubles(&file, tensor).map_err(malformed);
    let memory = |name: &str| -> Result<Memory, Error> {
        let part = |part: &str| singles(&format!("{name}.{part}"));
        Ok(Memory { first: part("first")?, second: part("second")? })
    };
    let values = |mean: &str, variance: &str| -> Result<Values, Error> {
        Ok(Values { mean: singles(mean)?, variance: singles(variance)? })
    };
    let totals = match doubles("totals")?[..] {
        [items, loss, score, norm] => Totals { items, loss, score, norm },
        _ => return Err(malformed("the tensor 'totals' has another length".into())),
    };
    let best = match (header.best_epoch, doubles("best.loss")?.first()) {
        (Some(epoch), Some(&loss)) => {
            Some(Best { loss, epoch, values: values("best.mean", "best.variance")? })
        }
        _ => None,
    };
    let collected = match header.collected {
        Some(count) => Some(Collected {
            count,
            mean: doubles("collected.mean")?,
            squares: doubles("collected.squares")?,
        }),
        None => None,
    };
    let state = State {
        values: values("mean", "variance")?,
        log_deviation: singles("log_deviation")?,
        mean_memory: memory("mean")?,
        deviation_memory: memory("deviation")?,
        step: header.step,
        epoch: header.epoch,
        step_of_epoch: header.step_of_epoch,
        totals,
        best,
        collected,
        history: header.history,
    };
    check(&state, &header.identity).map_err(malformed)?;
    Ok(state)
}

/// The values that a checkpoint holds, as the arrays of a parameter file; `None` where the file is none.
///
/// # Errors
///
/// Where it is one that cannot be read.
pub fn arrays(file: &Safetensors, name: &str) -> Result<Option<Vec<(String, Array)>>, Error> {
    let Some(header) = header(file, name)? else { return Ok(None) };
    let malformed = |message: String| Error::malformed(name, "checkpoint", message);
    let singles = |tensor: &str| singles(file, tensor).map_err(malformed);
    let values = Values { mean: singles("mean")?, variance: singles("variance")? };
    let parameters = &header.identity.parameters;
    if (values.mean.len(), values.variance.len()) != sizes(parameters) {
        return Err(malformed("its tensors are of different lengths".into()));
    }
    let mut arrays = Vec::new();
    for (parameter, span) in parameters.iter().zip(spans(parameters)) {
        let array =
            |values: &[f32]| Array { shape: parameter.shape.clone(), values: values.into() };
        let name = |component: Component| component.tensor(&parameter.name);
        let mean = array(&values.mean[span.mean]);
        match span.variance {
            Some(variance) => {
                arrays.push((name(Component::Mean), mean));
                arrays.push((name(Component::Variance), array(&values.variance[variance])));
            }
            None => arrays.push((parameter.name.clone(), mean)),
        }
    }
    Ok(Some(arrays))
}

/// The metadata of a checkpoint; `None` where a file has none.
fn header(file: &Safetensors, name: &str) -> Result<Option<Header>, Error> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Some(text) = file.metadata().get(METADATA) else { return Ok(None) };
    let malformed = |message: String| Error::malformed(name, "checkpoint", message);
    let unreadable = |error: serde_json::Error| {
        malformed(format!("its metadata '{METADATA}' cannot be read: {error}"))
    };
    let Version { version } = serde_json::from_str(text).map_err(unreadable)?;
    match version == VERSION {
        true => serde_json::from_str(text).map_err(unreadable).map(Some),
        false => {
            Err(malformed(format!("it has version {version}, this pfp reads version {VERSION}")))
        }
    }
}

fn numbers(file: &Safetensors, name: &str, element: Element) -> Result<Numbers, String> {
    let found = file.numbers(name)?.filter(|numbers| numbers.element() == element);
    found.ok_or_else(|| format!("the tensor '{name}' is missing"))
}

fn singles(file: &Safetensors, name: &str) -> Result<Vec<f32>, String> {
    // Every f32 is an f64.
    Ok(numbers(file, name, Element::F32)?.all().map(|number| number as f32).collect())
}

fn doubles(file: &Safetensors, name: &str) -> Result<Vec<f64>, String> {
    Ok(numbers(file, name, Element::F64)?.all().collect())
}

/// A state is one that a run of these parameters has been in.
fn check(state: &State, identity: &Identity) -> Result<(), String> {
    check_lengths(state)?;
    let fault = |values: &Values| values.fault(&identity.parameters);
    let best = state.best.as_ref();
    if let Some(fault) = fault(&state.values).or_else(|| best.and_then(|best| fault(&best.values)))
    {
        return Err(fault);
    }
    if !state.is_sound() || best.is_some_and(|best| !best.loss.is_finite()) {
        return Err("it has numbers that are not finite, or negative squares".into());
    }
    let is_possible = state.history.len() as u64 == state.epoch
        && state.step_of_epoch <= state.step
        && best.is_none_or(|best| (1..=state.epoch).contains(&best.epoch));
    match is_possible {
        true => Ok(()),
        false => Err("its numbers of steps and epochs contradict each other".into()),
    }
}

/// Arrays of one number for each value have as many.
fn check_lengths(state: &State) -> Result<(), String> {
    let (means, variances) = (state.values.mean.len(), state.values.variance.len());
    let of_means = [&state.mean_memory.first, &state.mean_memory.second];
    let of_variances =
        [&state.log_deviation, &state.deviation_memory.first, &state.deviation_memory.second];
    let best = state.best.iter();
    let best =
        best.flat_map(|b| [(b.values.mean.len(), means), (b.values.variance.len(), variances)]);
    let collected = state.collected.iter().filter(|collected| collected.count > 0);
    let collected = collected.flat_map(|c| [(c.mean.len(), means), (c.squares.len(), means)]);
    let lengths = of_means.map(|array| (array.len(), means)).into_iter();
    let lengths = lengths.chain(of_variances.map(|array| (array.len(), variances)));
    match lengths.chain(best).chain(collected).all(|(own, expected)| own == expected) {
        true => Ok(()),
        false => Err("its tensors are of different lengths".into()),
    }
}
