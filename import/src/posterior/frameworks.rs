//! What each framework calls the parts of a posterior.

mod flat;
mod layers;
mod named;
mod numpyro;
mod pyro;
mod pytagi;
mod tfp;

use super::{
    Entry, Ordered, Read, Reading,
    layout::{self, Layout, Parameter, Reader, Turn},
    tensor::elements,
};

/// How a framework saves posteriors.
pub trait Framework: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// What a user may say beside the file.
    fn takes(&self) -> &'static [Wish] {
        &[]
    }

    /// Takes the parameters from a file.
    fn read(&self, reading: &mut Reading) -> Read<()>;
}

/// What a user may say beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Representation,
    Marginals,
    Order,
    Weights,
}

/// A part of a flat vector.
pub struct Piece {
    name: String,
    /// Its sizes in the vector.
    shape: Vec<usize>,
    /// How it lies in the vector.
    turn: Turn,
}

/// Those that are known.
pub const ALL: &[&dyn Framework] = &[
    &pyro::Pyro,
    &numpyro::Numpyro,
    &layers::BAYESIAN_TORCH,
    &layers::TORCH_UNCERTAINTY,
    &layers::BLITZ,
    &layers::TORCHBNN,
    &layers::FASTBNNS,
    &named::Posteriors,
    &flat::Ivon,
    &flat::Laplace,
    &tfp::Tfp,
    &pytagi::Pytagi,
    &named::Safetensors,
];

/// The parts of a flat vector, by what the user or the weights of the network say.
///
/// # Errors
///
/// Where nobody says it, or the parts are not as long as the vector.
fn pieces(reading: &Reading, length: usize) -> Read<Vec<Piece>> {
    let order = &reading.request.order;
    if order.is_empty() {
        return Err(format!(
            "it is one vector of {length} numbers without names, shapes or order: name the \
             parameters of the module in that order with --order NAME,NAME,.. (of one that lies \
             transposed in it, NAME:transpose)"
        ));
    }
    let piece = |part: &Ordered| {
        let Ordered { name, turn } = part;
        let known = reading.request.parameters.iter().find(|parameter| parameter.name == *name);
        let known =
            known.ok_or_else(|| format!("the module has no parameter '{name}' of --order"))?;
        let shape = shape_of(known, *turn).map_err(|error| format!("--order: {error}"))?;
        Ok(Piece { name: name.clone(), shape, turn: *turn })
    };
    let pieces = order.iter().map(piece).collect::<Read<Vec<_>>>()?;
    let count = |piece: &Piece| elements(&piece.shape).unwrap_or(usize::MAX);
    let sum = pieces.iter().map(count).fold(0usize, usize::saturating_add);
    match sum == length {
        true => Ok(pieces),
        false => Err(format!(
            "it is one vector of {length} numbers, but the parameters of --order have {sum}"
        )),
    }
}

/// The sizes of a parameter before it is turned.
fn shape_of(parameter: &Parameter, turn: Turn) -> Read<Vec<usize>> {
    let Parameter { name, shape, reader, .. } = parameter;
    let mut shape = shape.clone();
    if shape.len() < 2 {
        return Ok(shape);
    }
    let is_image = shape.len() > 2;
    match (turn, reader) {
        (Turn::None, _) => return Ok(shape),
        (Turn::Flax, Reader::TransposedConvolution | Reader::Other) if is_image => {}
        (Turn::Keras, Reader::TransposedConvolution | Reader::Other) if is_image => {
            shape.swap(0, 1);
        }
        (Turn::Flax | Turn::Keras, _) => return Err(layout::no_kernel(name, turn)),
        (Turn::Transpose, Reader::TransposedConvolution) if is_image => {
            return Err(format!(
                "'{name}' is the kernel of a transposed convolution: '{name}{}' if it is one of flax, \
                 '{name}{}' if it is one of Keras or of flax with transpose_kernel",
                layout::FLAX,
                layout::KERAS
            ));
        }
        (Turn::Transpose, _) => shape.swap(0, 1),
    }
    shape.rotate_left(2);
    Ok(shape)
}

/// Adds the parts of a flat posterior.
fn cut(
    reading: &mut Reading,
    pieces: Vec<Piece>,
    (mean, variance): (&[f32], &[f32]),
    keys: &[&str],
) {
    let mut at = 0;
    for Piece { name, shape, turn } in pieces {
        let end = at + elements(&shape).unwrap_or(0);
        let part = |of: &[f32]| of.get(at..end).unwrap_or_default().to_vec();
        let mut entry = Entry {
            name,
            shape,
            is_flat: false,
            layout: Layout::Torch,
            mean: Some(part(mean)),
            variance: Some(part(variance)),
            keys: keys.iter().map(|key| format!("{key}[{at}..{end}]")).collect(),
        };
        entry.turn(turn);
        reading.posterior.entries.push(entry);
        at = end;
    }
}

/// Refuses a posterior with correlations, or takes its marginals if that is said.
fn marginals(reading: &mut Reading, what: &str, cost: &str) -> Read<()> {
    match reading.request.marginals {
        true => {
            reading.note(format!(
                "{}: its correlations are dropped; {cost}",
                what.trim_end_matches(',')
            ));
            Ok(())
        }
        false => Err(format!(
            "{what} has correlations, which parameters of a module do not have; {cost}; --marginals \
             takes the variances alone"
        )),
    }
}

/// What the marginals of a low-rank posterior cost.
const LOW_RANK_COST: &str = "a network of such marginals was seen to give 0.34 times the variance of \
                             the logits";
