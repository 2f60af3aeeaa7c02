//! Covariances between the elements of an item: what each layer makes of them.
//!
//! A correlated value is N×D Gaussians of which three things are known: mean and variance of each element; the
//! *shared* part S of an item's covariances, a positive semidefinite D×D matrix whose off-diagonal elements are the
//! covariances; and the *own* part u, the variance of each element that no other has a part in. The
//! covariance matrix is S + diag(u), and the variances are its diagonal.
//!
//! With that no rule subtracts what is nearly equal, and the matrix stays positive semidefinite whatever is rounded:
//!
//! | layer | shared | own |
//! |---|---|---|
//! | `gauss.correlated` | none | the variance |
//! | `gauss.dense`, weight μ, s, bias variance t | μ(S + diag u)μᵀ | Σ s(m² + v) + t |
//! | activation f | gᵢgⱼSᵢⱼ with g = E[f′], the first term of Price's theorem | Var f − g²Sᵢᵢ |
//! | `gauss.add`, `gauss.sub` | the sum | the sum |
//! | times known numbers a | aᵢaⱼSᵢⱼ | a²u |
//!
//! Price 1958, "A useful theorem for nonlinear devices having Gaussian inputs": the covariance of f(x) and f(y) is
//! Σ Cov(x, y)ⁿ/n!·E[f⁽ⁿ⁾(x)]·E[f⁽ⁿ⁾(y)]. Its first term is at most the variance of f(x), so that the own part is not
//! negative.

use std::collections::HashSet;

use crate::{
    ir::{Op, Value},
    layer::Layer,
    ops::{
        activation::Activation,
        binary::Binary,
        build::{Build, Part},
        matmul::Matmul,
        movement::Movement,
        reduction::Reduction,
    },
    types::TensorType,
};

/// A correlated value by its parts.
#[derive(Debug, Clone)]
pub struct Correlated<V> {
    /// Mean and variance of each element, N×D.
    pub marginals: V,
    /// What elements share, N×D×D; `None` where they share nothing.
    pub shared: Option<V>,
    /// The variance that an element has for itself, N×D, or of sizes that are repeated to that.
    pub own: V,
}

/// An operand of a layer.
#[derive(Debug, Clone)]
pub enum Operand<V> {
    /// Independent elements, or numbers.
    Plain(V),
    /// With covariances.
    Correlated(Correlated<V>),
}

/// Those of the ops of a function that compute covariances of the elements of windows, and nothing else, in the
/// order of the ops.
pub fn of_windows(ops: &[Op]) -> Vec<Op> {
    let mut found = HashSet::new();
    for &op in ops.iter().rev() {
        let is_computed = match Layer::of(op) {
            Ok(Some(layer)) => !matches!(layer, Layer::Parameter(_) | Layer::Constant),
            _ => false,
        };
        let goes_there = |value: Value| {
            value.users().into_iter().all(|user| {
                let is_covariance =
                    matches!(Layer::of(user), Ok(Some(Layer::Pool(_)))) && user.operand(0) != value;
                is_covariance || found.contains(&user)
            })
        };
        if is_computed && op.is_used() && op.results().into_iter().all(goes_there) {
            found.insert(op);
        }
    }
    ops.iter().copied().filter(|op| found.contains(op)).collect()
}

/// May a layer take a correlated operand, in its place among the operands of these types?
///
/// # Errors
///
/// Where it may not; the message continues the words `'gauss.op' op`.
pub fn check(layer: &Layer, operands: &[TensorType]) -> Result<(), String> {
    let Some(first) = operands.iter().position(|operand| operand.covariance) else { return Ok(()) };
    let others = operands.iter().enumerate().filter(|(place, _)| *place != first);
    let are_known = others.clone().all(|(_, operand)| !operand.gaussian);
    let is_taken = match layer {
        Layer::Dense => first == 0 && others.clone().all(|(_, operand)| !operand.covariance),
        Layer::Binary(Binary::Add | Binary::Sub) => true,
        Layer::Binary(Binary::Mul) => are_known,
        Layer::Binary(Binary::Div) => first == 0 && are_known,
        Layer::Activation(_)
        | Layer::Mean
        | Layer::Variance
        | Layer::Marginals
        | Layer::Covariance
        | Layer::BinaryProbability
        | Layer::BinaryUncertainty
        | Layer::Interval(_) => true,
        Layer::Softmax(_) | Layer::Uncertainty(_) => operands.len() == 1,
        _ => false,
    };
    match is_taken {
        true => Ok(()),
        false => Err(format!(
            "has operand {first} of type {}, whose covariances it has no rule for; gauss.marginals leaves \
             them out",
            operands[first]
        )),
    }
}

/// Does a layer give a correlated value where an operand is one?
pub fn is_kept(layer: &Layer) -> bool {
    matches!(layer, Layer::Dense | Layer::Binary(_) | Layer::Activation(_))
}

/// Elements that share nothing.
///
/// # Errors
///
/// Where the value has no variances.
pub fn correlated<B: Build>(b: &mut B, x: &B::Value) -> Result<Correlated<B::Value>, String> {
    let own = b.layer(Part::Variance, &[x])?;
    Ok(Correlated { marginals: x.clone(), shared: None, own })
}

/// The result of a layer that [keeps](is_kept) covariances.
///
/// # Errors
///
/// Where the operands do not fit.
pub fn apply<B: Build>(
    b: &mut B,
    layer: &Layer,
    operands: &[Operand<B::Value>],
) -> Result<Correlated<B::Value>, String> {
    match (layer, operands) {
        (Layer::Dense, [Operand::Correlated(x), Operand::Plain(weight), bias @ ..]) => {
            let bias = bias.iter().map(|bias| match bias {
                Operand::Plain(bias) => Ok(bias),
                Operand::Correlated(_) => Err("has a correlated bias".to_owned()),
            });
            dense(b, x, weight, bias.collect::<Result<Vec<_>, _>>()?.first().copied())
        }
        (Layer::Activation(activation), [Operand::Correlated(x)]) => activated(b, *activation, x),
        (Layer::Binary(binary @ (Binary::Add | Binary::Sub)), [x, y]) => sum(b, *binary, x, y),
        (Layer::Binary(binary), [Operand::Correlated(x), Operand::Plain(y)])
        | (Layer::Binary(binary), [Operand::Plain(y), Operand::Correlated(x)]) => {
            scaled(b, *binary, x, y)
        }
        _ => Err("has no rule for covariances".into()),
    }
}

/// The covariance matrix of each item, N×D×D.
///
/// # Errors
///
/// Where the parts do not fit.
pub fn matrix<B: Build>(b: &mut B, x: &Correlated<B::Value>) -> Result<B::Value, String> {
    let variance = b.layer(Part::Variance, &[&x.marginals])?;
    let shared = match &x.shared {
        Some(shared) => shared.clone(),
        None => {
            let zero = b.zero(2, false);
            let zeros = binary(b, Binary::Mul, &variance, &zero)?;
            let (rows, columns) = (column(b, &zeros)?, row(b, &zeros)?);
            binary(b, Binary::Add, &rows, &columns)?
        }
    };
    b.layer(Part::WithDiagonal, &[&shared, &variance])
}

fn dense<B: Build>(
    b: &mut B,
    x: &Correlated<B::Value>,
    weight: &B::Value,
    bias: Option<&B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let mean_weight = component(b, Part::Mean, weight)?;
    let transposed = transposed(b, &mean_weight)?;
    // (S + diag u)μᵀ, N×K×D.
    let own = column(b, &x.own)?;
    let mut half = binary(b, Binary::Mul, &own, &transposed)?;
    if let Some(shared) = &x.shared {
        let matmul = Matmul { transpose_lhs: false, transpose_rhs: true };
        let of_shared = b.layer(Part::Matmul(matmul), &[shared, &mean_weight])?;
        half = binary(b, Binary::Add, &of_shared, &half)?;
    }
    let matmul = Matmul { transpose_lhs: true, transpose_rhs: true };
    let shared = b.layer(Part::Matmul(matmul), &[&half, &mean_weight])?;

    let own = own_of_dense(b, x, weight, bias)?;
    let marginals = match &x.shared {
        None => {
            let operands: Vec<_> = [&x.marginals, weight].into_iter().chain(bias).collect();
            b.layer(Part::Dense, &operands)?
        }
        Some(_) => {
            let mean = b.layer(Part::Mean, &[&x.marginals])?;
            let mean_bias = bias.map(|bias| component(b, Part::Mean, bias)).transpose()?;
            let operands: Vec<_> = [&mean, &mean_weight].into_iter().chain(&mean_bias).collect();
            let mean = b.layer(Part::Dense, &operands)?;
            // The diagonal of μ(S + diag u)μᵀ, which rounding may leave below 0.
            let products = binary(b, Binary::Mul, &half, &transposed)?;
            let reduction = Reduction { is_mean: false, axes: vec![1], keep_dims: false };
            let diagonal = b.layer(Part::Reduction(reduction), &[&products])?;
            let diagonal = b.layer(Part::Activation(Activation::RELU), &[&diagonal])?;
            let variance = binary(b, Binary::Add, &diagonal, &own)?;
            b.layer(Part::Make, &[&mean, &variance])?
        }
    };
    Ok(Correlated { marginals, shared: Some(shared), own })
}

/// Σ s(m² + v) + t: the variance that the weights and the bias of an output have for themselves.
fn own_of_dense<B: Build>(
    b: &mut B,
    x: &Correlated<B::Value>,
    weight: &B::Value,
    bias: Option<&B::Value>,
) -> Result<B::Value, String> {
    let of_bias = match bias.filter(|bias| b.ty(bias).gaussian) {
        Some(bias) => Some(b.layer(Part::Variance, &[bias])?),
        None => None,
    };
    if b.ty(weight).gaussian {
        let (mean, variance) = moments(b, &x.marginals)?;
        let square = b.layer(Part::Activation(Activation::SQUARE), &[&mean])?;
        let second_moment = binary(b, Binary::Add, &square, &variance)?;
        let spread = b.layer(Part::Variance, &[weight])?;
        let operands: Vec<_> = [&second_moment, &spread].into_iter().chain(&of_bias).collect();
        return b.layer(Part::Dense, &operands);
    }
    match of_bias {
        Some(of_bias) => {
            let outputs = b.ty(&of_bias).shape;
            b.reshape(&of_bias, &[vec![1], outputs].concat())
        }
        None => Ok(b.zero(2, false)),
    }
}

fn activated<B: Build>(
    b: &mut B,
    activation: Activation,
    x: &Correlated<B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let marginals = b.layer(Part::Activation(activation), &[&x.marginals])?;
    let variance = b.layer(Part::Variance, &[&marginals])?;
    let Some(shared) = &x.shared else {
        return Ok(Correlated { marginals, shared: None, own: variance });
    };
    let gain = b.layer(Part::Gain(activation), &[&x.marginals])?;
    // g²Sᵢᵢ, of what the variance of x is beside its own part.
    let before = b.layer(Part::Variance, &[&x.marginals])?;
    let common = binary(b, Binary::Sub, &before, &x.own)?;
    let common = scale_twice(b, Binary::Mul, &common, &gain)?;
    let own = binary(b, Binary::Sub, &variance, &common)?;
    let own = b.layer(Part::Activation(Activation::RELU), &[&own])?;
    let shared = scale_both(b, Binary::Mul, shared, &gain)?;
    Ok(Correlated { marginals, shared: Some(shared), own })
}

fn sum<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &Operand<B::Value>,
    y: &Operand<B::Value>,
) -> Result<Correlated<B::Value>, String> {
    fn marginals<V>(operand: &Operand<V>) -> &V {
        match operand {
            Operand::Plain(value) => value,
            Operand::Correlated(value) => &value.marginals,
        }
    }
    let whole = b.layer(Part::Binary(kind), &[marginals(x), marginals(y)])?;
    let mut shared: Option<B::Value> = None;
    let mut own: Option<B::Value> = None;
    for operand in [x, y] {
        let (one, alone) = match operand {
            Operand::Correlated(value) => (value.shared.clone(), Some(value.own.clone())),
            Operand::Plain(value) if b.ty(value).gaussian => {
                (None, Some(b.layer(Part::Variance, &[value])?))
            }
            Operand::Plain(_) => (None, None),
        };
        shared = added(b, shared, one)?;
        own = added(b, own, alone)?;
    }
    let own = own.ok_or("adds no Gaussian")?;
    Ok(Correlated { marginals: whole, shared, own })
}

fn added<B: Build>(
    b: &mut B,
    x: Option<B::Value>,
    y: Option<B::Value>,
) -> Result<Option<B::Value>, String> {
    match (x, y) {
        (Some(x), Some(y)) => binary(b, Binary::Add, &x, &y).map(Some),
        (x, y) => Ok(x.or(y)),
    }
}

/// A value times, or divided by, known numbers.
fn scaled<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &Correlated<B::Value>,
    factor: &B::Value,
) -> Result<Correlated<B::Value>, String> {
    let marginals = b.layer(Part::Binary(kind), &[&x.marginals, factor])?;
    let own = scale_twice(b, kind, &x.own, factor)?;
    let shared = match &x.shared {
        Some(shared) => Some(scale_both(b, kind, shared, factor)?),
        None => None,
    };
    Ok(Correlated { marginals, shared, own })
}

fn scale_twice<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &B::Value,
    factor: &B::Value,
) -> Result<B::Value, String> {
    let once = binary(b, kind, x, factor)?;
    binary(b, kind, &once, factor)
}

/// Rows and columns of each matrix by the factors of their elements.
fn scale_both<B: Build>(
    b: &mut B,
    kind: Binary,
    matrices: &B::Value,
    factor: &B::Value,
) -> Result<B::Value, String> {
    let (rows, columns) = (column(b, factor)?, row(b, factor)?);
    let once = binary(b, kind, matrices, &rows)?;
    binary(b, kind, &once, &columns)
}

fn binary<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &B::Value,
    y: &B::Value,
) -> Result<B::Value, String> {
    b.layer(Part::Binary(kind), &[x, y])
}

/// The mean or the variance of what may be known.
fn component<B: Build>(b: &mut B, part: Part, x: &B::Value) -> Result<B::Value, String> {
    match b.ty(x).gaussian {
        true => b.layer(part, &[x]),
        false => Ok(x.clone()),
    }
}

fn moments<B: Build>(b: &mut B, x: &B::Value) -> Result<(B::Value, B::Value), String> {
    Ok((b.layer(Part::Mean, &[x])?, b.layer(Part::Variance, &[x])?))
}

/// N×D as N×D×1.
fn column<B: Build>(b: &mut B, x: &B::Value) -> Result<B::Value, String> {
    let shape = b.ty(x).shape;
    b.reshape(x, &[shape, vec![1]].concat())
}

/// N×D as N×1×D.
fn row<B: Build>(b: &mut B, x: &B::Value) -> Result<B::Value, String> {
    let [items, elements] = b.ty(x).shape[..] else { return Err("has no rows".into()) };
    b.reshape(x, &[items, 1, elements])
}

/// A weight D×K as 1×K×D.
fn transposed<B: Build>(b: &mut B, weight: &B::Value) -> Result<B::Value, String> {
    let [outputs, depth] = b.ty(weight).shape[..] else { return Err("has no matrix".into()) };
    let weight = b.layer(Part::Movement(Movement::transposed()), &[weight])?;
    b.reshape(&weight, &[1, depth, outputs])
}
