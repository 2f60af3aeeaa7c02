//! A run on disk: what goes on from it has the numbers of one that never stopped.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use pfp_compiler::{
    array::{Element, Numbers},
    error::Error,
    output::Outputs,
    parameters::Safetensors,
};
use safetensors::{Dtype, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    gradient::{Parameter, Values},
    settings::Settings,
    state::{Best, Collected, Memory, Record, State, Totals},
};

/// The metadata of a checkpoint.
pub const METADATA: &str = "pfp.checkpoint";

/// The version of what is written.
const VERSION: u32 = 1;

/// What a run must agree in with the checkpoint that it goes on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The settings.
    pub settings: Settings,
    /// Names, sizes and kinds of the parameters, in order.
    pub parameters: Vec<String>,
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
    /// That of a run.
    pub fn new(
        settings: &Settings,
        parameters: &[Parameter],
        data_sha256: String,
        validation_sha256: Option<String>,
    ) -> Self {
        let name = |parameter: &Parameter| {
            let kind = if parameter.gaussian { "Gaussian" } else { "deterministic" };
            format!("{} {:?} {kind}", parameter.name, parameter.shape)
        };
        let parameters = parameters.iter().map(name).collect();
        Self { settings: settings.clone(), parameters, data_sha256, validation_sha256 }
    }

    /// What differs in another run, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.parameters != other.parameters {
            let missing = self.parameters.iter().find(|own| !other.parameters.contains(own));
            return Some(match missing {
                Some(missing) => format!("the parameter {missing}, which this network has not"),
                None => "the parameters of another network".into(),
            });
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
    let text = file
        .metadata()
        .get(METADATA)
        .ok_or_else(|| malformed("pfp train did not write it, or it is a posterior".into()))?;
    let header: Header = serde_json::from_str(text)
        .map_err(|error| malformed(format!("its metadata '{METADATA}' cannot be read: {error}")))?;
    if header.version != VERSION {
        return Err(malformed(format!(
            "it has version {}, this pfp reads version {VERSION}",
            header.version
        )));
    }
    if let Some(difference) = header.identity.difference(identity) {
        return Err(Error::request(format!("{name} is of another run: it has {difference}"))
            .with_help("go on with the settings of its run, or start a new one without --resume"));
    }
    let numbers = |name: &str, element: Element| -> Result<Numbers, Error> {
        let found = file.numbers(name).map_err(malformed)?;
        found
            .filter(|numbers| numbers.element() == element)
            .ok_or_else(|| malformed(format!("the tensor '{name}' is missing")))
    };
    // Every f32 is an f64.
    let singles = |name: &str| -> Result<Vec<f32>, Error> {
        Ok(numbers(name, Element::F32)?.all().map(|number| number as f32).collect())
    };
    let doubles = |name: &str| -> Result<Vec<f64>, Error> {
        Ok(numbers(name, Element::F64)?.all().collect())
    };
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
    check_lengths(&state).map_err(malformed)?;
    Ok(state)
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
