//! A dense layer as a mixture over the scale that its outputs share.

use super::{Correlated, Dense, Own, binary, column, moments, parts_of_dense};
use crate::{
    ops::{
        activation::Activation,
        binary::Binary,
        build::{Build, Part},
        mixture::ScaleMixture,
        movement::Movement,
        reduction::Reduction,
    },
    types::TensorType,
};

/// `gauss.scale_mixture`: a dense layer, the own part of whose outputs has a scale of its own at each node.
///
/// # Errors
///
/// Where the operands do not fit.
pub fn scale_mixture<B: Build>(
    b: &mut B,
    mixture: ScaleMixture,
    x: &Correlated<B::Value>,
    before: &B::Value,
    weight: &B::Value,
    bias: Option<&B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let Dense { shared_part, mut shared, own } = parts_of_dense(b, x, weight, bias)?;
    let spread = b.layer(Part::Variance, &[weight])?;
    let scales = scales(b, mixture, before, &spread, &own)?;
    // R×K×D of R×K×1 and R×1×D.
    let [rows, outputs] = sizes(b, &shared_part)?;
    let nodes = mixture.nodes;
    let scales = column(b, &scales)?;
    let own = b.reshape(&own, &[rows, 1, outputs])?;
    let own = binary(b, Binary::Mul, &scales, &own)?;
    let shared_part = b.reshape(&shared_part, &[rows, 1, outputs])?;
    let (mean, variance) = moments(b, &shared_part)?;
    let variance = binary(b, Binary::Add, &own, &variance)?;
    let mean = b.layer(Part::Movement(Movement::Expand(vec![-1, nodes, -1])), &[&mean])?;
    let marginals = b.layer(Part::Make, &[&mean, &variance])?;
    let sizes = [rows * nodes, outputs];
    let marginals = b.reshape(&marginals, &sizes)?;
    let own = b.reshape(&own, &sizes)?;
    // What is shared is the same at each node.
    shared.iter_mut().for_each(|factor| factor.copies *= nodes);
    Ok(Correlated { marginals, shared, own: Own::new(own), nodes: x.nodes * nodes })
}

/// The scale of each item and node, N×K.
fn scales<B: Build>(
    b: &mut B,
    mixture: ScaleMixture,
    before: &B::Value,
    spread: &B::Value,
    of_weights: &B::Value,
) -> Result<B::Value, String> {
    let ScaleMixture { nodes, groups, rectified } = mixture;
    let [items, elements] = sizes(b, before)?;
    let deviation = b.layer(Part::SquareDeviation { rectified }, &[before])?;
    // The mean over the outputs, and the part of each input in it.
    let mean =
        |axes: Vec<usize>| Part::Reduction(Reduction { is_mean: true, axes, keep_dims: false });
    let sum =
        |axes: Vec<usize>| Part::Reduction(Reduction { is_mean: false, axes, keep_dims: false });
    let parts = b.layer(mean(vec![0]), &[spread])?;
    let parts = b.reshape(&parts, &[1, elements])?;
    let deviation = binary(b, Binary::Mul, &deviation, &parts)?;
    let deviation = b.reshape(&deviation, &[items, groups, elements / groups])?;
    let of_group = b.layer(sum(vec![2]), &[&deviation])?;
    // Relative to the mean: the variance itself is of the order of x⁴, and leaves single precision early.
    let mean = b.layer(mean(vec![1]), &[of_weights])?;
    let divisor = b.reshape(&mean, &[items, 1])?;
    let relative = binary(b, Binary::Div, &of_group, &divisor)?;
    let square = b.layer(Part::Activation(Activation::SQUARE), &[&relative])?;
    let variance = b.layer(sum(vec![1]), &[&square])?;
    let zero = b.zero(1, false);
    let zeros = binary(b, Binary::Mul, &variance, &zero)?;
    let ones = b.layer(Part::Activation(Activation::EXP), &[&zeros])?;
    b.layer(Part::ScaleNodes(nodes), &[&variance, &ones])
}

/// Mean and variance of each element, N×D.
///
/// # Errors
///
/// Where the parts do not fit.
pub fn marginals<B: Build>(b: &mut B, x: &Correlated<B::Value>) -> Result<B::Value, String> {
    match x.nodes {
        1 => Ok(x.marginals.clone()),
        _ => {
            let nodes = of_nodes(b, x)?;
            b.layer(Part::Mix, &[&nodes])
        }
    }
}

/// Mean and variance of each element at each node, N×K×D.
///
/// # Errors
///
/// Where the parts do not fit.
pub fn of_nodes<B: Build>(b: &mut B, x: &Correlated<B::Value>) -> Result<B::Value, String> {
    let [rows, elements] = sizes(b, &x.marginals)?;
    b.reshape(&x.marginals, &[rows / x.nodes, x.nodes, elements])
}

/// The covariance matrix of each item, N×D×D, of a mixture of each of its nodes, N×K×D×D.
///
/// # Errors
///
/// Where the parts do not fit.
pub fn of_each<B: Build>(b: &mut B, x: &Correlated<B::Value>) -> Result<B::Value, String> {
    let matrices = super::matrices(b, x)?;
    match (x.nodes, &b.ty(&matrices).shape[..]) {
        (1, _) => Ok(matrices),
        (nodes, &[rows, elements, _]) => {
            b.reshape(&matrices, &[rows / nodes, nodes, elements, elements])
        }
        _ => Err("has no matrices".into()),
    }
}

/// The covariance matrix of a mixture, N×D×D, of those of its nodes, (N·K)×D×D.
pub(super) fn matrix<B: Build>(
    b: &mut B,
    x: &Correlated<B::Value>,
    matrices: &B::Value,
) -> Result<B::Value, String> {
    let nodes = of_nodes(b, x)?;
    let [items, count, elements] = b.ty(&nodes).shape[..] else {
        return Err("has no nodes".into());
    };
    let matrices = b.reshape(matrices, &[items, count, elements, elements])?;
    let whole = b.layer(Part::Mix, &[&nodes])?;
    let (means, mean) = (b.layer(Part::Mean, &[&nodes])?, b.layer(Part::Mean, &[&whole])?);
    let mean = b.reshape(&mean, &[items, 1, elements])?;
    let apart = binary(b, Binary::Sub, &means, &mean)?;
    let rows = b.reshape(&apart, &[items, count, elements, 1])?;
    let columns = b.reshape(&apart, &[items, count, 1, elements])?;
    let between = binary(b, Binary::Mul, &rows, &columns)?;
    let all = binary(b, Binary::Add, &matrices, &between)?;
    let all = b.layer(Part::Mix, &[&all])?;
    let variance = b.layer(Part::Variance, &[&whole])?;
    b.layer(Part::WithDiagonal, &[&all, &variance])
}

fn sizes<B: Build>(b: &B, x: &B::Value) -> Result<[i64; 2], String> {
    let TensorType { shape, .. } = b.ty(x);
    shape.try_into().map_err(|_| "has no rows".to_owned())
}
