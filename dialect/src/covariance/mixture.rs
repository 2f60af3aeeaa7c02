//! A dense layer as a mixture over the scale that its outputs share.

use super::{Correlated, Factor, binary, column, component, moments};
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

/// `gauss.scale_mixture` of independent inputs.
///
/// # Errors
///
/// Where the operands do not fit.
pub fn scale_mixture<B: Build>(
    b: &mut B,
    mixture: ScaleMixture,
    [x, before, weight]: [&B::Value; 3],
    bias: Option<&B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let mean_weight = component(b, Part::Mean, weight)?;
    let mean_bias = bias.map(|bias| component(b, Part::Mean, bias)).transpose()?;
    let operands: Vec<_> = [x, &mean_weight].into_iter().chain(&mean_bias).collect();
    let of_input = b.layer(Part::Dense, &operands)?;

    let spread = b.layer(Part::Variance, &[weight])?;
    let of_bias = match bias.filter(|bias| b.ty(bias).gaussian) {
        Some(bias) => Some(b.layer(Part::Variance, &[bias])?),
        None => None,
    };
    let (mean, variance) = moments(b, x)?;
    let square = b.layer(Part::Activation(Activation::SQUARE), &[&mean])?;
    let second_moment = binary(b, Binary::Add, &square, &variance)?;
    let operands: Vec<_> = [&second_moment, &spread].into_iter().chain(&of_bias).collect();
    let of_weights = b.layer(Part::Dense, &operands)?;

    let scales = scales(b, mixture, before, &spread, &of_weights)?;
    // N×K×D of N×K×1 and N×1×D.
    let [items, outputs] = sizes(b, &of_input)?;
    let nodes = mixture.nodes;
    let scales = column(b, &scales)?;
    let of_weights = b.reshape(&of_weights, &[items, 1, outputs])?;
    let of_weights = binary(b, Binary::Mul, &scales, &of_weights)?;
    let of_input = b.reshape(&of_input, &[items, 1, outputs])?;
    // μ·diag(v)·μᵀ is the same at each node.
    let [_, elements] = sizes(b, x)?;
    let expand = Part::Movement(Movement::Expand(vec![-1, nodes, -1]));
    let variance = b.reshape(&variance, &[items, 1, elements])?;
    let variance = b.layer(expand, &[&variance])?;
    let variance = b.reshape(&variance, &[items * nodes, elements])?;
    let shared = vec![Factor { matrix: mean_weight, scale: None, variance }];
    let (mean, variance) = moments(b, &of_input)?;
    let variance = binary(b, Binary::Add, &of_weights, &variance)?;
    let mean = b.layer(Part::Movement(Movement::Expand(vec![-1, nodes, -1])), &[&mean])?;
    let marginals = b.layer(Part::Make, &[&mean, &variance])?;
    let rows = [items * nodes, outputs];
    let marginals = b.reshape(&marginals, &rows)?;
    let own = b.reshape(&of_weights, &rows)?;
    Ok(Correlated { marginals, shared, own, nodes })
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
    let square = b.layer(Part::Activation(Activation::SQUARE), &[&of_group])?;
    let variance = b.layer(sum(vec![1]), &[&square])?;
    let mean = b.layer(mean(vec![1]), &[of_weights])?;
    b.layer(Part::ScaleNodes(nodes), &[&variance, &mean])
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
