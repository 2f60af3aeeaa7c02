//! Posteriors in one vector, in the order of the parameters of a network: IVON and Laplace.

use std::rc::Rc;

use super::{Framework, Piece, Wish, cut, pieces};
use crate::posterior::{
    Ordered, Read, Reading,
    document::{Document, Named},
    layout::Turn,
    means,
    objects::{Id, Object},
    representation::Representation,
    tensor::{Tensor, elements},
    variances,
};

/// What a user without the weights is told.
const WEIGHTS: &str = "give the state dict of the network with --weights FILE";

/// Buffers of torch's layers, which are no parameters.
const BUFFERS: [&str; 2] = ["running_mean", "running_var"];

/// The parameters and the buffers of a network, in order.
fn weights(document: &Document) -> Read<(Named, Named)> {
    let tensors = document.tensors(document.state_dict()?, &mut |_, _| {})?;
    let is_buffer = |key: &str| BUFFERS.contains(&key.rsplit('.').next().unwrap_or_default());
    Ok(tensors.into_iter().partition(|(key, _)| !is_buffer(key)))
}

fn piece((name, tensor): &(String, Rc<Tensor>)) -> Piece {
    Piece { name: name.clone(), shape: tensor.shape.clone(), turn: Turn::None }
}

/// All numbers of tensors, one after the other.
fn joined(of: &Named, document: &Document) -> Read<Vec<f64>> {
    let values = of.iter().map(|(_, tensor)| tensor.values(&document.budget));
    Ok(values.collect::<Read<Vec<_>>>()?.concat())
}

/// A number, or a tensor of numbers.
fn numbers(reading: &Reading, id: Id) -> Option<Read<Vec<f64>>> {
    match reading.document.objects.get(id) {
        Object::Float(number) => Some(Ok(vec![*number])),
        Object::Int(number) => Some(Ok(vec![*number as f64])),
        Object::Tensor(tensor) => Some(tensor.values(&reading.document.budget)),
        _ => None,
    }
}

/// The state of the optimiser.
pub struct Ivon;

impl Framework for Ivon {
    fn name(&self) -> &'static str {
        "ivon"
    }

    fn takes(&self) -> &'static [Wish] {
        &[Wish::Order, Wish::Weights]
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let objects = &reading.document.objects;
        let root = reading.document.root;
        let inside = ["optimizer", "optimizer_state_dict"];
        let states = inside.iter().filter_map(|key| objects.entry(root, key));
        let state = [root].into_iter().chain(states);
        let groups = state.filter_map(|state| objects.entry(state, "param_groups")).next();
        let groups = groups.and_then(|groups| objects.items(groups));
        let groups = groups.ok_or("it has no 'param_groups', as the state of an optimizer has")?;
        let mut variance = Vec::new();
        for (index, &group) in groups.iter().enumerate() {
            let named = |key: &str| {
                let id = objects.entry(group, key).and_then(|id| numbers(reading, id));
                id.ok_or_else(|| format!("'param_groups[{index}]' has no '{key}' of IVON"))?
            };
            let first =
                |key: &str| Ok::<_, String>(named(key)?.first().copied().unwrap_or(f64::NAN));
            let (ess, decay) = (first("ess")?, first("weight_decay")?);
            let precisions: Vec<_> =
                named("hess")?.iter().map(|hess| ess * (hess + decay)).collect();
            let key = format!("param_groups[{index}].hess");
            variance.extend(variances(&key, &precisions, Representation::Precision)?);
        }
        if groups.len() > 1 && reading.request.order.is_empty() {
            return Err("its parameters are in several groups, whose order the weights do not \
                        tell: name them in the order of the groups with --order NAME,NAME,.."
                .into());
        }
        let source = match reading.weights {
            Some(weights) => weights,
            None if objects.entry(root, "param_groups").is_none() => reading.document,
            None => return Err(format!("it has no means: {WEIGHTS}")),
        };
        let (mut parameters, buffers) = weights(source)?;
        match (&reading.request.order[..], source.has_order) {
            ([], true) => {}
            ([], false) => return Err(
                "a safetensors file sorts the weights, and 'hess' is in the order of the optimizer: save \
                 the state dict with torch.save, or name the parameters in that order with --order \
                 NAME,NAME,.."
                    .into(),
            ),
            (order, _) => parameters = ordered(&parameters, order)?,
        }
        let mean = means("weights", &joined(&parameters, source)?)?;
        if mean.len() != variance.len() {
            return Err(format!(
                "its 'hess' has {} numbers, but the weights have {}: are all of them parameters of \
                 the optimizer?",
                variance.len(),
                mean.len()
            ));
        }
        let pieces = parameters.iter().map(piece).collect();
        cut(reading, pieces, (&mean, &variance), &["weights", "hess"]);
        for (key, tensor) in &buffers {
            reading.deterministic(key.clone(), (key, tensor), &source.budget)?;
        }
        Ok(())
    }
}

/// The parameters in the order that the user says.
fn ordered(parameters: &Named, order: &[Ordered]) -> Read<Named> {
    let find = |part: &Ordered| {
        if part.turn != Turn::None {
            return Err(format!(
                "'{}' of --order lies as in the weights: leave out what is behind its name",
                part.name
            ));
        }
        let found = parameters.iter().find(|(name, _)| *name == part.name);
        found.cloned().ok_or_else(|| format!("the weights have no '{}' of --order", part.name))
    };
    order.iter().map(find).collect()
}

/// The state of a Laplace approximation.
pub struct Laplace;

impl Framework for Laplace {
    fn name(&self) -> &'static str {
        "laplace"
    }

    fn takes(&self) -> &'static [Wish] {
        &[Wish::Order, Wish::Weights]
    }

    fn read(&self, reading: &mut Reading) -> Read<()> {
        let document = reading.document;
        let objects = &document.objects;
        let of = |key: &str| objects.entry(document.root, key);
        let missing = |key: &str| format!("it has no '{key}', as the state of a Laplace has");
        let class = of("cls_name").and_then(|id| objects.text(id)).unwrap_or("Laplace");
        let curvature = of("H").ok_or_else(|| missing("H"))?;
        let Some(curvature) = objects.tensor(curvature) else {
            return Err(format!(
                "its curvature, of a {class}, is made of Kronecker factors: a network of their \
                 marginals was seen to give 1.55 times the variance of the logits, so that they are \
                 not read; fit with hessian_structure=\"diag\""
            ));
        };
        if curvature.shape.len() != 1 {
            return Err(format!(
                "its curvature, of a {class}, is a matrix with correlations, which is not read: fit \
                 with hessian_structure=\"diag\""
            ));
        }
        let named =
            |key: &str| of(key).and_then(|id| numbers(reading, id)).ok_or_else(|| missing(key))?;
        let number = |key: &str| match named(key)?[..] {
            [number] => Ok(number),
            _ => Err(format!("its '{key}' is not one number")),
        };
        let mean = means("mean", &named("mean")?)?;
        let (noise, temperature) = (number("sigma_noise")?, number("temperature")?);
        let prior = named("prior_precision")?;
        let curvature = curvature.values(&document.budget)?;
        if mean.len() != curvature.len() {
            return Err("its 'mean' and 'H' are not equally long".into());
        }
        let (pieces, rest) = pieces_of(reading, &mean)?;
        let prior = priors(&prior, &pieces, mean.len())?;
        let factor = 1.0 / (noise * noise * temperature);
        let precisions =
            curvature.iter().zip(&prior).map(|(curvature, prior)| curvature * factor + prior);
        let precisions: Vec<_> = precisions.collect();
        let variance = variances("H", &precisions, Representation::Precision)?;
        cut(reading, pieces, (&mean, &variance), &["mean", "H"]);
        if let Some(source) = reading.weights {
            for (key, tensor) in &rest {
                reading.deterministic(key.clone(), (key, tensor), &source.budget)?;
            }
        }
        Ok(())
    }
}

/// The parameters that the vector is made of, and those that are not in it. The mean of a Laplace
/// approximation are the weights themselves, so that numbers tell where it begins.
fn pieces_of(reading: &Reading, mean: &[f32]) -> Read<(Vec<Piece>, Named)> {
    let Some(source) = reading.weights else {
        let pieces = pieces(reading, mean.len());
        return Ok((pieces.map_err(|error| format!("{error}; or {WEIGHTS}"))?, Vec::new()));
    };
    let (mut parameters, buffers) = weights(source)?;
    if !reading.request.order.is_empty() {
        parameters = ordered(&parameters, &reading.request.order)?;
    }
    let all = means("weights", &joined(&parameters, source)?)?;
    let mut starts = vec![0usize];
    for (_, tensor) in &parameters {
        starts.push(starts.last().copied().unwrap_or(0) + tensor.len());
    }
    let ends = |start: usize| starts.iter().position(|&end| end == start + mean.len());
    let runs =
        starts.iter().enumerate().filter_map(|(first, &start)| Some((first, start, ends(start)?)));
    let runs: Vec<_> =
        runs.filter(|&(_, start, _)| all.get(start..start + mean.len()) == Some(mean)).collect();
    let [(first, _, end)] = runs[..] else {
        return Err(format!(
            "its mean of {} numbers is {} of the weights: are they those that the approximation was \
             fitted at, in the order of model.parameters()?",
            mean.len(),
            if runs.is_empty() { "no part" } else { "more than one part" }
        ));
    };
    let inside = parameters.drain(first..end).collect::<Named>();
    parameters.extend(buffers);
    Ok((inside.iter().map(piece).collect(), parameters))
}

/// The precision of the prior for each number: one for all, for each parameter, or for each number.
fn priors(stated: &[f64], pieces: &[Piece], length: usize) -> Read<Vec<f64>> {
    match stated {
        [one] => Ok(vec![*one; length]),
        _ if stated.len() == length => Ok(stated.to_vec()),
        _ if stated.len() == pieces.len() => {
            let repeated = stated
                .iter()
                .zip(pieces)
                .map(|(&prior, piece)| vec![prior; elements(&piece.shape).unwrap_or(0)]);
            Ok(repeated.collect::<Vec<_>>().concat())
        }
        _ => Err(format!(
            "its 'prior_precision' has {} numbers, neither one nor as many as there are parameters",
            stated.len()
        )),
    }
}
