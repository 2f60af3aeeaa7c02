//! From what a framework calls its parameters to those of a module: by name and shape, or as the
//! user says. What has no place is an error; all of them are told at once.

use std::collections::BTreeMap;

use gauss_dialect::{
    parameters::{ParameterSource, ParameterTensor},
    representation::{Component, Representation},
};
use regex::Regex;

use super::{
    Entry,
    layout::{Layout, Settled, TRANSPOSE, Turn},
};

pub use super::layout::Parameter;

/// Where entries go whose names match: `REGEX=NAME`, `REGEX=NAME:transpose` (and `:flax`, `:keras`), or
/// `REGEX=` for those that are left out. `$1` in the name is what the first parentheses match.
#[derive(Debug, Clone)]
pub struct Map {
    pattern: Regex,
    name: String,
    turn: Turn,
}

/// What a user says of the places.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The first that matches a whole name holds.
    pub maps: Vec<Map>,
    /// Parameters that are taken without their variance.
    pub deterministic: Vec<String>,
}

/// An entry that became a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The parameter.
    pub parameter: Parameter,
    /// What the framework calls it.
    pub entry: String,
    /// What the file calls its tensors.
    pub keys: Vec<String>,
    /// How it was turned, in a word.
    pub how: Option<&'static str>,
    /// The values.
    pub mean: Vec<f32>,
    /// The variances, of a Gaussian parameter.
    pub variance: Option<Vec<f32>>,
}

/// What a parameter, or an initialiser of a model, came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The parameter.
    pub parameter: Parameter,
    /// The entries that it got; none where it keeps what the network has.
    pub entries: Vec<String>,
    /// What was done to their numbers.
    pub how: Vec<&'static str>,
    /// The tensors of the file that they come from.
    pub keys: Vec<String>,
}

/// The posterior of a module.
#[derive(Debug, Default)]
pub struct Placement {
    /// In the order of the module.
    pub placed: Vec<Placed>,
    /// Entries that a map leaves out.
    pub left_out: Vec<String>,
    /// Parameters that keep the values of the architecture.
    pub kept: Vec<String>,
    /// What a user should know.
    pub notes: Vec<String>,
}

/// Why an entry is left out that a map gives no name.
pub const BY_MAP: &str = "--map gives it no name";

impl Map {
    /// Where an entry of this name goes; empty where it is left out.
    pub fn name_of(&self, entry: &str) -> String {
        self.pattern.replace(entry, self.name.as_str()).into_owned()
    }

    /// How it says that an entry lies.
    pub fn turn(&self) -> Turn {
        self.turn
    }
}

impl Wishes {
    /// Maps that match none of the entries.
    pub fn idle<'a>(&self, entries: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let is_idle = |map: &&Map| !entries.clone().any(|entry| map.pattern.is_match(entry));
        let problem = |map: &Map| {
            let pattern = map.pattern.as_str().trim_start_matches("^(?:").trim_end_matches(")$");
            format!("--map '{pattern}={}' matches no entry", map.name)
        };
        self.maps.iter().filter(is_idle).map(problem).collect()
    }

    /// What holds for an entry of this name.
    pub fn map_of(&self, entry: &str) -> Option<&Map> {
        self.maps.iter().find(|map| map.pattern.is_match(entry))
    }
}

impl std::str::FromStr for Map {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pattern, name) = text.rsplit_once('=').ok_or_else(|| {
            format!("'{text}' is not of the form REGEX=NAME or REGEX=NAME:transpose")
        })?;
        let pattern = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| format!("'{pattern}' is no regular expression: {error}"))?;
        let (name, turn) = Turn::split(name);
        // `$1.weight` and `$1_weight` mean the first group, not one called `1_weight`.
        let group = |captures: &regex::Captures| format!("${{{}}}", &captures[1]);
        let name = match Regex::new(r"\$([0-9]+)") {
            Ok(digits) => digits.replace_all(name, group).into_owned(),
            Err(_) => name.to_owned(),
        };
        Ok(Self { pattern, name, turn })
    }
}

/// Where an entry should go.
enum Target {
    Parameter(usize),
    LeftOut,
}

/// Finds a place for each entry and an entry for each parameter. `base` has the values of the
/// architecture, where its file has some.
///
/// # Errors
///
/// Everything that has no place, a line each.
pub fn place(
    entries: Vec<Entry>,
    parameters: &[Parameter],
    wishes: &Wishes,
    base: Option<&dyn ParameterSource>,
) -> Result<Placement, Vec<String>> {
    let mut problems = Vec::new();
    let mut placement = Placement::default();
    let mut taken: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
    let mut turned = BTreeMap::new();
    for name in &wishes.deterministic {
        if parameters.iter().all(|parameter| parameter.name != *name) {
            problems.push(format!("the module has no parameter '{name}' of --deterministic"));
        }
    }
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    problems.extend(wishes.idle(names.iter().map(String::as_str)));
    for mut entry in entries {
        let map = wishes.map_of(&entry.name);
        let target = match map {
            Some(map) => mapped(&entry, map, parameters),
            None => by_name(&entry, parameters, &names),
        };
        match target {
            Ok(Target::LeftOut) => placement.left_out.push(entry.name),
            Ok(Target::Parameter(index)) => {
                let parameter = &parameters[index];
                match entry.settle(parameter, map.map(Map::turn).unwrap_or_default()) {
                    Ok(Settled { how, note }) => {
                        turned.insert(index, how);
                        placement.notes.extend(note);
                        problems.extend(fit(&entry, parameter, map.is_some()).err());
                    }
                    Err(problem) => problems.push(problem),
                }
                taken.entry(index).or_default().push(entry);
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (index, parameter) in parameters.iter().enumerate() {
        let mut own = taken.remove(&index).unwrap_or_default();
        if own.len() > 1 {
            let names: Vec<_> = own.iter().map(|entry| format!("'{}'", entry.name)).collect();
            problems.push(format!("{} all go to '{}'", names.join(", "), parameter.name));
            continue;
        }
        let only_mean = wishes.deterministic.contains(&parameter.name);
        let Some(entry) = own.pop() else {
            match kept(parameter, only_mean, base) {
                Ok(Some(placed)) => {
                    placement.kept.push(parameter.name.clone());
                    placement.placed.push(placed);
                }
                Ok(None) => problems.push(format!(
                    "'{}' of shape {}, a parameter of the module, has no entry",
                    parameter.name,
                    sizes(&parameter.shape)
                )),
                Err(problem) => problems.push(problem),
            }
            continue;
        };
        let how = turned.get(&index).copied().flatten();
        match values(entry, parameter, only_mean, base) {
            Ok(placed) => placement.placed.push(Placed { how, ..placed }),
            Err(problem) => problems.push(problem),
        }
    }
    match problems.is_empty() {
        true => Ok(placement),
        false => Err(problems),
    }
}

/// `3 x 4`.
pub fn sizes(shape: &[usize]) -> String {
    match shape {
        [] => "()".into(),
        _ => shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x "),
    }
}

fn mapped(entry: &Entry, map: &Map, parameters: &[Parameter]) -> Result<Target, String> {
    let name = map.name_of(&entry.name);
    if name.is_empty() {
        return Ok(Target::LeftOut);
    }
    let found = parameters.iter().position(|parameter| parameter.name == name);
    found.map(Target::Parameter).ok_or_else(|| {
        format!("'{}' goes to '{name}' by --map, which the module does not have", entry.name)
    })
}

/// The parameter of the same name, or the only one whose name ends as the entry's does.
fn by_name(entry: &Entry, parameters: &[Parameter], entries: &[String]) -> Result<Target, String> {
    if let Some(index) = parameters.iter().position(|parameter| parameter.name == entry.name) {
        return Ok(Target::Parameter(index));
    }
    let is_free = |name: &str| !entries.iter().any(|other| other == name);
    let fits: Vec<_> = parameters
        .iter()
        .enumerate()
        .filter(|(_, parameter)| {
            is_free(&parameter.name) && end_alike(&entry.name, &parameter.name)
        })
        .collect();
    match fits[..] {
        [(index, _)] => Ok(Target::Parameter(index)),
        [] => Err(format!(
            "'{}' of shape {} has no place in the module{}",
            entry.name,
            sizes(&entry.shape),
            match normalised(&entry.name) {
                none if none.is_empty() => advice(entry, parameters),
                told => told,
            }
        )),
        _ => {
            let names: Vec<_> = fits.iter().map(|(_, one)| format!("'{}'", one.name)).collect();
            Err(format!(
                "'{}' may be {}: say which with --map '{}=NAME'",
                entry.name,
                names.join(" or "),
                regex::escape(&entry.name)
            ))
        }
    }
}

/// Is one path of names the end of the other?
pub fn end_alike(one: &str, other: &str) -> bool {
    let parts = |name: &str| name.split(['.', '/']).rev().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (parts(one), parts(other));
    let shorter = one.len().min(other.len());
    one[..shorter] == other[..shorter]
}

/// What torch calls the two tensors that it keeps of a weight under `weight_norm`, behind the module.
const NORMALISED: [(&str, &str); 4] = [
    ("parametrizations.", ".original0"),
    ("parametrizations.", ".original1"),
    ("", "_g"),
    ("", "_v"),
];

/// Is a tensor one of the two that `weight_norm` keeps of a weight?
pub fn is_part_of(part: &str, weight: &str) -> bool {
    let (module, leaf) =
        weight.rsplit_once('.').map_or(("", weight), |(module, leaf)| (module, leaf));
    let dot = if module.is_empty() { "" } else { "." };
    NORMALISED
        .iter()
        .any(|(before, after)| end_alike(part, &format!("{module}{dot}{before}{leaf}{after}")))
}

/// The weight that a tensor of `weight_norm` is a part of.
pub fn whole_of(part: &str) -> Option<String> {
    NORMALISED.iter().find_map(|(before, after)| {
        let stem = part.strip_suffix(after)?;
        let (module, leaf) = stem.rsplit_once('.').unwrap_or(("", stem));
        match (before.is_empty(), leaf) {
            (true, "weight") => Some(stem.to_owned()),
            (true, _) => None,
            (false, _) => {
                let module = format!("{module}.");
                Some(format!("{}{leaf}", module.strip_suffix(before)?))
            }
        }
    })
}

/// What to do with a weight under `weight_norm`, of which a tensor was found; nothing where it is of none.
pub fn normalised(part: &str) -> String {
    match whole_of(part) {
        None => String::new(),
        Some(weight) => format!(
            "; '{part}' is of a weight_norm, and no Gaussian over its two tensors is one over '{weight}': call \
             torch.nn.utils.parametrize.remove_parametrizations (or remove_weight_norm) on the layer before \
             the export and the state dict, and give the standard deviations of '{weight}'"
        ),
    }
}

/// Where an entry without a place could go: the parameters of its shape.
fn advice(entry: &Entry, parameters: &[Parameter]) -> String {
    let reversed: Vec<_> = entry.shape.iter().rev().copied().collect();
    let of = |shape: &[usize]| parameters.iter().find(|parameter| parameter.shape == shape);
    let pattern = regex::escape(&entry.name);
    let is_matrix = entry.shape.len() == 2;
    match (of(&entry.shape), of(&reversed)) {
        (Some(one), _) if entry.layout != Layout::Unknown || !is_matrix => {
            format!(": --map '{pattern}={}', if that is the one, or --map '{pattern}='", one.name)
        }
        (_, Some(one)) if is_matrix => format!(
            ": --map '{pattern}={}{TRANSPOSE}', if that is the one, or --map '{pattern}='",
            one.name
        ),
        _ => format!(": --map '{pattern}=NAME' gives it one, --map '{pattern}=' leaves it out"),
    }
}

/// Checks the shape.
fn fit(entry: &Entry, parameter: &Parameter, is_mapped: bool) -> Result<(), String> {
    if entry.shape != parameter.shape {
        let reversed = entry.shape.iter().rev().eq(&parameter.shape);
        let hint = match reversed && entry.shape.len() > 1 && entry.may_turn(parameter.reader) {
            true => format!(
                ": --map '{}={}{TRANSPOSE}' transposes it",
                regex::escape(&entry.name),
                parameter.name
            ),
            false => String::new(),
        };
        return Err(format!(
            "'{}' has the shape {}, but '{}' of the module has {}{hint}",
            entry.name,
            sizes(&entry.shape),
            parameter.name,
            sizes(&parameter.shape)
        ));
    }
    match entry.is_ambiguous(parameter.reader) && !is_mapped {
        true => Err(entry.question(parameter)),
        false => Ok(()),
    }
}

/// The values of a parameter without an entry: those of the architecture, if they are enough.
fn kept(
    parameter: &Parameter,
    only_mean: bool,
    base: Option<&dyn ParameterSource>,
) -> Result<Option<Placed>, String> {
    let Some(values) = of_base(parameter, base)? else { return Ok(None) };
    let variance = match (parameter.gaussian, only_mean) {
        (false, _) => None,
        (true, true) => Some(vec![0.0; values.len()]),
        (true, false) => {
            let variance = Component::Variance.tensor(&parameter.name);
            match stored(&variance, parameter, base)? {
                Some(variance) => Some(variance),
                None => return Ok(None),
            }
        }
    };
    Ok(Some(Placed {
        parameter: parameter.clone(),
        entry: String::new(),
        keys: Vec::new(),
        how: None,
        mean: values,
        variance,
    }))
}

/// The value, or the mean, that the architecture has.
fn of_base(
    parameter: &Parameter,
    base: Option<&dyn ParameterSource>,
) -> Result<Option<Vec<f32>>, String> {
    let own = Representation::of(parameter.gaussian).tensors(&parameter.name);
    for name in own.iter().take(1).chain([&parameter.name]) {
        if let Some(values) = stored(name, parameter, base)? {
            return Ok(Some(values));
        }
    }
    Ok(None)
}

/// A tensor of the architecture, if it has the shape of the parameter.
fn stored(
    name: &str,
    parameter: &Parameter,
    base: Option<&dyn ParameterSource>,
) -> Result<Option<Vec<f32>>, String> {
    let Some(base) = base else { return Ok(None) };
    let found = base.tensor(name).map_err(|error| format!("'{name}': {error}"))?;
    let fits = |tensor: &ParameterTensor| {
        let sizes = tensor.shape.iter().map(|&size| usize::try_from(size).ok());
        sizes.eq(parameter.shape.iter().map(|&size| Some(size)))
    };
    Ok(found.filter(fits).map(|tensor| tensor.values))
}

/// Mean and variance as the module wants them.
fn values(
    entry: Entry,
    parameter: &Parameter,
    only_mean: bool,
    base: Option<&dyn ParameterSource>,
) -> Result<Placed, String> {
    let Entry { name, mean, variance, keys, .. } = entry;
    let mean = match mean {
        Some(mean) => mean,
        None => of_base(parameter, base)?.ok_or_else(|| {
            format!(
                "'{name}' has no mean, and the architecture has no value of '{}'",
                parameter.name
            )
        })?,
    };
    let variance = match (parameter.gaussian, variance, only_mean) {
        (false, None, _) | (false, Some(_), true) => None,
        (true, _, true) => Some(vec![0.0; mean.len()]),
        (true, Some(variance), false) => Some(variance),
        (true, None, false) => {
            return Err(format!(
                "'{name}' has no variance, but the module declares '{0}' Gaussian: --deterministic \
                 {0} gives it the variance 0",
                parameter.name
            ));
        }
        (false, Some(_), false) => {
            return Err(format!(
                "'{name}' has a variance, but the module declares '{0}' deterministic: --deterministic \
                 {0} takes the mean alone",
                parameter.name
            ));
        }
    };
    let parameter = parameter.clone();
    Ok(Placed { parameter, entry: name, keys, how: None, mean, variance })
}
