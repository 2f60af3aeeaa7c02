//! Covariances between the elements of an item: what each layer makes of them.
//!
//! A correlated value is N×D Gaussians of which three things are known: mean and variance of each element; the
//! *shared* part S of an item's covariances, a positive semidefinite D×D matrix whose off-diagonal elements are the
//! covariances; and the *own* part u, the variance of each element that no other has a part in. The
//! covariance matrix is S + diag(u), and the variances are its diagonal.
//!
//! S is kept by its factors, as the sum of g·F·diag(w)·Fᵀ·g over the layers that elements come from: F the D×K matrix
//! of the layers since then, w the variances of the K elements that they had for themselves, g what an activation has
//! made of the elements since the last dense layer. With that no rule subtracts what is nearly equal, the matrix
//! stays positive semidefinite whatever is rounded, and no D×D matrix of a wide layer is computed:
//!
//! | layer | factors (g, F, w) | own |
//! |---|---|---|
//! | `gauss.correlated` | none | the variance |
//! | `gauss.dense`, weight μ, s, bias variance t | (1, μgF, w) of each, and (1, μ, u) | Σ s(m² + v) + t |
//! | activation f | (E[f′]g, F, w), the first term of Price's theorem | Var f − E[f′]²Sᵢᵢ |
//! | `gauss.add`, `gauss.sub` | those of both; (F₁ ± F₂, w) of what both come from | the sum of the others |
//! | `gauss.scale_mixture`, at a node with the scale z | (1, μ, v) | z(Σ s(m² + v) + t) |
//! | times known numbers a | (ag, F, w) | a²u |
//!
//! Price 1958, "A useful theorem for nonlinear devices having Gaussian inputs": the covariance of f(x) and f(y) is
//! Σ Cov(x, y)ⁿ/n!·E[f⁽ⁿ⁾(x)]·E[f⁽ⁿ⁾(y)]. Its first term is at most the variance of f(x), so that the own part is not
//! negative.
//!
//! A mixture holds this for each of its nodes: its rows are those of the nodes of an item, one after the other.

mod mixture;
mod sum;

pub use mixture::{marginals, of_each, of_nodes};

use std::{collections::HashSet, sync::Arc};

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
    /// Mean and variance of each element, R×D: a row for each item and node.
    pub marginals: V,
    /// What elements share, the sum of these.
    pub shared: Vec<Factor<V>>,
    /// What an element has for itself.
    pub own: Own<V>,
    /// How many nodes an item has, 1 where it is no mixture.
    pub nodes: i64,
}

/// The identity of a part of a variance: two values that have parts of the same source vary together.
pub type Source = Arc<()>;

/// The part of the variance of each element that no other has a part in.
#[derive(Debug, Clone, PartialEq)]
pub struct Own<V> {
    /// The variance, R×D, or of sizes that are repeated to that.
    pub variance: V,
    /// Its identity.
    pub source: Source,
    /// The own parts of other values that it contains, the nearest first.
    pub of: Vec<Share<V>>,
}

/// The share of a variance that comes, through elementwise functions, from the own part w of another value: w times the
/// squares of the gains of these functions.
#[derive(Debug, Clone, PartialEq)]
pub struct Share<V> {
    /// What each function has multiplied deviations by.
    pub gains: Vec<V>,
    /// w, as in [`Own`].
    pub variance: V,
    /// The identity of w.
    pub source: Source,
}

impl<V: Clone> Own<V> {
    /// A new part, which no other value contains.
    pub fn new(variance: V) -> Self {
        Self { variance, source: Source::default(), of: vec![] }
    }

    /// The own part behind an elementwise function, of this variance; without a gain the gain is 1.
    fn became(&self, variance: V, gain: Option<&V>) -> Self {
        let Self { variance: before, source, of } = self;
        let whole = Share { gains: vec![], variance: before.clone(), source: source.clone() };
        let mut of = [vec![whole], of.clone()].concat();
        of.iter_mut().for_each(|share| share.gains.extend(gain.cloned()));
        Self { of, ..Self::new(variance) }
    }
}

/// A part of the covariances of each row, g·F·diag(w)·Fᵀ·g.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor<V> {
    /// F, R×D×K, or D×K where it is the same for all rows.
    pub matrix: V,
    /// g, R×D or of sizes that are repeated to that; `None` for ones.
    pub scale: Option<V>,
    /// w, R×K.
    pub variance: V,
    /// So many rows, one after the other, have the same F and w, and ones as g.
    pub copies: i64,
    /// The identity of w.
    pub source: Source,
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
    let Some(first) = operands.iter().position(TensorType::has_covariance) else { return Ok(()) };
    let others = operands.iter().enumerate().filter(|(place, _)| *place != first);
    let are_known = others.clone().all(|(_, operand)| !operand.gaussian);
    // The rows of an item's nodes meet what is the same for all items.
    let is_mixture = operands[first].nodes > 1;
    let is_for_all = |operand: &TensorType| operand.shape.first() == Some(&1);
    if matches!(layer, Layer::Binary(_))
        && is_mixture
        && !others.clone().all(|(_, operand)| is_for_all(operand))
    {
        return Err(format!(
            "has a mixture, {}, as operand {first}, with what is not the same for all items; gauss.marginals \
             makes it one Gaussian",
            operands[first]
        ));
    }
    let is_sum = matches!(layer, Layer::Binary(Binary::Add | Binary::Sub));
    if is_sum
        && operands.iter().all(TensorType::has_covariance)
        && operands.iter().any(|x| x.nodes > 1)
    {
        return Err(format!(
            "adds mixtures, {} and {}; gauss.marginals makes Gaussians of them",
            operands[0],
            operands.last().unwrap_or(&operands[0])
        ));
    }
    let is_taken = match layer {
        Layer::ScaleMixture(_) => {
            first == 0 && operands.iter().skip(2).all(|operand| !operand.has_covariance())
        }
        Layer::Dense => first == 0 && others.clone().all(|(_, operand)| !operand.has_covariance()),
        Layer::Binary(Binary::Add | Binary::Sub) => true,
        Layer::Binary(Binary::Mul) => are_known,
        Layer::Binary(Binary::Div) => first == 0 && are_known,
        Layer::Activation(_)
        | Layer::Correlated
        | Layer::Mean
        | Layer::Variance
        | Layer::Marginals
        | Layer::Covariance { .. }
        | Layer::Nodes
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

/// Does a layer give a correlated value, where an operand is one or in any case?
pub fn is_kept(layer: &Layer) -> bool {
    let keeps = matches!(layer, Layer::Dense | Layer::Binary(_) | Layer::Activation(_));
    keeps || matches!(layer, Layer::ScaleMixture(_))
}

/// Elements that share nothing, at each node of a mixture.
///
/// # Errors
///
/// Where the value has no variances.
pub fn correlated<B: Build>(
    b: &mut B,
    x: &Operand<B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let (marginals, nodes) = match x {
        Operand::Plain(x) => (x, 1),
        Operand::Correlated(x) => (&x.marginals, x.nodes),
    };
    let own = Own::new(b.layer(Part::Variance, &[marginals])?);
    Ok(Correlated { marginals: marginals.clone(), shared: vec![], own, nodes })
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
        (Layer::ScaleMixture(mixture), [x, before, Operand::Plain(weight), bias @ ..]) => {
            let bias = match bias {
                [] => None,
                [Operand::Plain(bias)] => Some(bias),
                _ => return Err("has a correlated bias".into()),
            };
            let x = match x {
                Operand::Correlated(x) => x.clone(),
                Operand::Plain(_) => correlated(b, x)?,
            };
            let before = match before {
                Operand::Correlated(before) => &before.marginals,
                Operand::Plain(before) => before,
            };
            mixture::scale_mixture(b, *mixture, &x, before, weight, bias)
        }
        (Layer::Activation(activation), [Operand::Correlated(x)]) => activated(b, *activation, x),
        (Layer::Binary(binary @ (Binary::Add | Binary::Sub)), [x, y]) => sum::sum(b, *binary, x, y),
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
    let matrices = matrices(b, x)?;
    match x.nodes {
        1 => Ok(matrices),
        _ => mixture::matrix(b, x, &matrices),
    }
}

/// The covariance matrix of each row.
fn matrices<B: Build>(b: &mut B, x: &Correlated<B::Value>) -> Result<B::Value, String> {
    let variance = b.layer(Part::Variance, &[&x.marginals])?;
    let mut shared: Option<B::Value> = None;
    for factor in &x.shared {
        let one = product(b, factor)?;
        shared = Some(match shared {
            Some(others) => binary(b, Binary::Add, &others, &one)?,
            None => one,
        });
    }
    let shared = match shared {
        Some(shared) => shared,
        None => {
            let zero = b.zero(2, false);
            let zeros = binary(b, Binary::Mul, &variance, &zero)?;
            let (rows, columns) = (column(b, &zeros)?, row(b, &zeros)?);
            binary(b, Binary::Add, &rows, &columns)?
        }
    };
    b.layer(Part::WithDiagonal, &[&shared, &variance])
}

/// g·F·diag(w)·Fᵀ·g of each row.
fn product<B: Build>(b: &mut B, factor: &Factor<B::Value>) -> Result<B::Value, String> {
    let weighted = weighted(b, factor)?;
    let matmul = Matmul { transpose_lhs: false, transpose_rhs: true };
    let matrix = b.layer(Part::Matmul(matmul), &[&weighted, &factor.matrix])?;
    let matrix = copied(b, &matrix, factor.copies)?;
    match &factor.scale {
        Some(scale) => scale_both(b, Binary::Mul, &matrix, scale),
        None => Ok(matrix),
    }
}

/// Each row so many times, one after the other.
fn copied<B: Build>(b: &mut B, x: &B::Value, copies: i64) -> Result<B::Value, String> {
    let shape = b.ty(x).shape;
    let [rows, rest @ ..] = &shape[..] else { return Err("has no rows".into()) };
    if copies == 1 {
        return Ok(x.clone());
    }
    let apart = b.reshape(x, &[&[*rows, 1], rest].concat())?;
    let kept = rest.iter().map(|_| -1);
    let expand = Movement::Expand([-1, copies].into_iter().chain(kept).collect());
    let apart = b.layer(Part::Movement(expand), &[&apart])?;
    b.reshape(&apart, &[&[rows * copies], rest].concat())
}

/// F·diag(w), R×D×K.
fn weighted<B: Build>(b: &mut B, factor: &Factor<B::Value>) -> Result<B::Value, String> {
    let matrix = in_rows(b, &factor.matrix)?;
    let variance = row(b, &factor.variance)?;
    binary(b, Binary::Mul, &matrix, &variance)
}

/// Matrices of rows, 1×D×K where it is the same for all.
fn in_rows<B: Build>(b: &mut B, matrix: &B::Value) -> Result<B::Value, String> {
    match b.ty(matrix).shape[..] {
        [elements, depth] => b.reshape(matrix, &[1, elements, depth]),
        _ => Ok(matrix.clone()),
    }
}

/// The diagonal of F·diag(w)·Fᵀ of each row, R×D.
fn diagonal<B: Build>(b: &mut B, factor: &Factor<B::Value>) -> Result<B::Value, String> {
    let weighted = weighted(b, factor)?;
    let matrix = in_rows(b, &factor.matrix)?;
    let products = binary(b, Binary::Mul, &weighted, &matrix)?;
    let reduction = Reduction { is_mean: false, axes: vec![2], keep_dims: false };
    let diagonal = b.layer(Part::Reduction(reduction), &[&products])?;
    copied(b, &diagonal, factor.copies)
}

/// What a dense layer makes of a correlated value.
struct Dense<V> {
    /// Mean, and the variance that is shared, of each output.
    shared_part: V,
    /// The factors of what is shared.
    shared: Vec<Factor<V>>,
    /// The variance that an output has for itself.
    own: V,
}

fn parts_of_dense<B: Build>(
    b: &mut B,
    x: &Correlated<B::Value>,
    weight: &B::Value,
    bias: Option<&B::Value>,
) -> Result<Dense<B::Value>, String> {
    let mean_weight = component(b, Part::Mean, weight)?;
    let own = own_of_dense(b, x, weight, bias)?;
    let mut shared = Vec::new();
    for factor in &x.shared {
        let matmul = Part::Matmul(Matmul { transpose_lhs: false, transpose_rhs: false });
        let factor = match &factor.scale {
            Some(scale) => {
                let scale = row(b, scale)?;
                let [outputs, elements] = rank(b, &mean_weight)?;
                let outputs = b.reshape(&mean_weight, &[1, outputs, elements])?;
                let outputs = binary(b, Binary::Mul, &outputs, &scale)?;
                let inner = match b.ty(&factor.matrix).shape[..] {
                    // The same for all rows.
                    [_, _] | [1, _, _] => factor.matrix.clone(),
                    _ => copied(b, &factor.matrix, factor.copies)?,
                };
                let matrix = b.layer(matmul, &[&outputs, &inner])?;
                let variance = copied(b, &factor.variance, factor.copies)?;
                Factor { matrix, scale: None, variance, copies: 1, source: factor.source.clone() }
            }
            None => {
                let matrix = b.layer(matmul, &[&mean_weight, &factor.matrix])?;
                Factor { matrix, ..factor.clone() }
            }
        };
        shared.push(factor);
    }
    // Of what the elements have for themselves, then of what they share.
    let variance = b.layer(Part::Variance, &[&x.marginals])?;
    let mean = b.layer(Part::Mean, &[&x.marginals])?;
    let own_before = whole(b, &x.own.variance, &variance)?;
    let of_own = b.layer(Part::Make, &[&mean, &own_before])?;
    let mean_bias = bias.map(|bias| component(b, Part::Mean, bias)).transpose()?;
    let operands: Vec<_> = [&of_own, &mean_weight].into_iter().chain(&mean_bias).collect();
    let of_own = b.layer(Part::Dense, &operands)?;
    let (mean, mut variance) = moments(b, &of_own)?;
    for factor in &shared {
        let diagonal = diagonal(b, factor)?;
        variance = binary(b, Binary::Add, &diagonal, &variance)?;
    }
    let shared_part = b.layer(Part::Make, &[&mean, &variance])?;
    let source = x.own.source.clone();
    shared.push(Factor {
        matrix: mean_weight,
        scale: None,
        variance: own_before,
        copies: 1,
        source,
    });
    Ok(Dense { shared_part, shared, own })
}

fn dense<B: Build>(
    b: &mut B,
    x: &Correlated<B::Value>,
    weight: &B::Value,
    bias: Option<&B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let nodes = x.nodes;
    if x.shared.is_empty() {
        let operands: Vec<_> = [&x.marginals, weight].into_iter().chain(bias).collect();
        let marginals = b.layer(Part::Dense, &operands)?;
        let own = Own::new(own_of_dense(b, x, weight, bias)?);
        let matrix = component(b, Part::Mean, weight)?;
        let variance = b.layer(Part::Variance, &[&x.marginals])?;
        let variance = whole(b, &x.own.variance, &variance)?;
        let source = x.own.source.clone();
        let shared = vec![Factor { matrix, scale: None, variance, copies: 1, source }];
        return Ok(Correlated { marginals, shared, own, nodes });
    }
    let Dense { shared_part, shared, own } = parts_of_dense(b, x, weight, bias)?;
    let (mean, variance) = moments(b, &shared_part)?;
    let variance = binary(b, Binary::Add, &variance, &own)?;
    let marginals = b.layer(Part::Make, &[&mean, &variance])?;
    Ok(Correlated { marginals, shared, own: Own::new(own), nodes })
}

/// A value of sizes that are repeated to those of `like`, of those sizes.
fn whole<B: Build>(b: &mut B, x: &B::Value, like: &B::Value) -> Result<B::Value, String> {
    if b.ty(x).shape == b.ty(like).shape {
        return Ok(x.clone());
    }
    let zero = b.zero(2, false);
    let zeros = binary(b, Binary::Mul, like, &zero)?;
    binary(b, Binary::Add, &zeros, x)
}

fn rank<B: Build, const N: usize>(b: &B, x: &B::Value) -> Result<[i64; N], String> {
    b.ty(x).shape.try_into().map_err(|_| "has operands of other ranks".to_owned())
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
    let gain = b.layer(Part::Gain(activation), &[&x.marginals])?;
    if x.shared.is_empty() {
        let own = x.own.became(variance, Some(&gain));
        return Ok(Correlated { marginals, shared: vec![], own, nodes: x.nodes });
    }
    // E[f′]²Sᵢᵢ, of what the variance of x is beside its own part.
    let before = b.layer(Part::Variance, &[&x.marginals])?;
    let common = binary(b, Binary::Sub, &before, &x.own.variance)?;
    let common = scale_twice(b, Binary::Mul, &common, &gain)?;
    let own = binary(b, Binary::Sub, &variance, &common)?;
    let own = b.layer(Part::Activation(Activation::RELU), &[&own])?;
    let own = x.own.became(own, Some(&gain));
    let shared = scaled_factors(b, Binary::Mul, &x.shared, &gain)?;
    Ok(Correlated { marginals, shared, own, nodes: x.nodes })
}

/// The factors of elements that are multiplied, or divided, by numbers.
fn scaled_factors<B: Build>(
    b: &mut B,
    kind: Binary,
    factors: &[Factor<B::Value>],
    by: &B::Value,
) -> Result<Vec<Factor<B::Value>>, String> {
    let mut scaled = Vec::new();
    for factor in factors {
        let scale = match (&factor.scale, kind) {
            (None, Binary::Mul) => by.clone(),
            (Some(scale), _) => binary(b, kind, scale, by)?,
            (None, _) => reciprocal(b, by)?,
        };
        scaled.push(Factor { scale: Some(scale), ..factor.clone() });
    }
    Ok(scaled)
}

/// A value times, or divided by, known numbers.
fn scaled<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &Correlated<B::Value>,
    factor: &B::Value,
) -> Result<Correlated<B::Value>, String> {
    let marginals = b.layer(Part::Binary(kind), &[&x.marginals, factor])?;
    let own = scale_twice(b, kind, &x.own.variance, factor)?;
    let gain = match kind {
        Binary::Mul => factor.clone(),
        _ => reciprocal(b, factor)?,
    };
    let own = x.own.became(own, Some(&gain));
    let shared = scaled_factors(b, kind, &x.shared, factor)?;
    Ok(Correlated { marginals, shared, own, nodes: x.nodes })
}

fn reciprocal<B: Build>(b: &mut B, x: &B::Value) -> Result<B::Value, String> {
    let zero = b.zero(2, false);
    let one = b.layer(Part::Activation(Activation::EXP), &[&zero])?;
    binary(b, Binary::Div, &one, x)
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
