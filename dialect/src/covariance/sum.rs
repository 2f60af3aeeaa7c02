//! Sums of correlated values, which may come from the same elements: residual branches.
//!
//! What an element has for itself is a factor of all that dense layers make of it, and a share of what an
//! activation makes of it. Where both operands of a sum come from the same elements, the matrices of these add
//! up: with x = own elements of variance w and y = x + F·x, y has the factor (I + F, w).

use std::sync::Arc;

use super::{
    Correlated, Factor, Operand, Own, Source, binary, column, copied, diagonal, in_rows, moments,
    scale_twice,
};
use crate::ops::{
    activation::Activation,
    binary::Binary,
    build::{Build, Part},
    movement::Movement,
};

/// x + y or x − y.
pub(super) fn sum<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &Operand<B::Value>,
    y: &Operand<B::Value>,
) -> Result<Correlated<B::Value>, String> {
    match (x, y) {
        (Operand::Correlated(x), Operand::Correlated(y)) => both(b, kind, x, y),
        (Operand::Correlated(x), Operand::Plain(y)) => {
            let marginals = b.layer(Part::Binary(kind), &[&x.marginals, y])?;
            with_independent(b, marginals, x, y)
        }
        (Operand::Plain(y), Operand::Correlated(x)) => {
            let marginals = b.layer(Part::Binary(kind), &[y, &x.marginals])?;
            with_independent(b, marginals, x, y)
        }
        (Operand::Plain(_), Operand::Plain(_)) => Err("adds no correlated value".into()),
    }
}

/// A sum with numbers, or with Gaussians that are independent of all others.
fn with_independent<B: Build>(
    b: &mut B,
    marginals: B::Value,
    x: &Correlated<B::Value>,
    y: &B::Value,
) -> Result<Correlated<B::Value>, String> {
    let own = match b.ty(y).gaussian {
        true => {
            let alone = b.layer(Part::Variance, &[y])?;
            let variance = binary(b, Binary::Add, &x.own.variance, &alone)?;
            x.own.became(variance, None)
        }
        false => x.own.clone(),
    };
    Ok(Correlated { marginals, shared: x.shared.clone(), own, nodes: x.nodes })
}

/// A sum of two that may come from the same elements.
fn both<B: Build>(
    b: &mut B,
    kind: Binary,
    x: &Correlated<B::Value>,
    y: &Correlated<B::Value>,
) -> Result<Correlated<B::Value>, String> {
    let marginals = b.layer(Part::Binary(kind), &[&x.marginals, &y.marginals])?;
    let nodes = x.nodes.max(y.nodes);
    let (of_x, of_y) = (Shares::of(b, x, y)?, Shares::of(b, y, x)?);
    let mut shared = of_x.factors;
    let mut is_common = false;
    for factor in of_y.factors {
        match shared.iter_mut().find(|other| Arc::ptr_eq(&other.source, &factor.source)) {
            Some(other) => {
                let (first, second) = (matrix_of(b, other)?, matrix_of(b, &factor)?);
                let matrix = binary(b, kind, &first, &second)?;
                let variance = copied(b, &other.variance, other.copies)?;
                *other = Factor { matrix, scale: None, variance, copies: 1, ..other.clone() };
                is_common = true;
            }
            None => shared.push(factor),
        }
    }
    let own = match (of_x.rest, of_y.rest) {
        (Some(x), Some(y)) => Own::new(binary(b, Binary::Add, &x.variance, &y.variance)?),
        (Some(rest), None) | (None, Some(rest)) => rest,
        (None, None) => Own::new(b.zero(2, false)),
    };
    if !is_common {
        return Ok(Correlated { marginals, shared, own, nodes });
    }
    // The variance of a sum of independent operands is another one.
    let (mean, independent) = moments(b, &marginals)?;
    let mut variance = super::whole(b, &own.variance, &independent)?;
    for factor in &shared {
        let mut diagonal = diagonal(b, factor)?;
        if let Some(scale) = &factor.scale {
            diagonal = scale_twice(b, Binary::Mul, &diagonal, scale)?;
        }
        variance = binary(b, Binary::Add, &variance, &diagonal)?;
    }
    let marginals = b.layer(Part::Make, &[&mean, &variance])?;
    Ok(Correlated { marginals, shared, own, nodes })
}

/// An operand of a sum, with what it may have in common with the other one among its factors.
struct Shares<V> {
    factors: Vec<Factor<V>>,
    /// What is left of its own part.
    rest: Option<Own<V>>,
}

impl<V: Clone> Shares<V> {
    fn of<B: Build<Value = V>>(
        b: &mut B,
        x: &Correlated<V>,
        other: &Correlated<V>,
    ) -> Result<Self, String> {
        let is_there = |source: &Source| {
            let of_factors = other.shared.iter().map(|factor| &factor.source);
            let of_own = other.own.of.iter().map(|part| &part.source);
            let mut all = of_factors.chain([&other.own.source]).chain(of_own);
            all.any(|one| Arc::ptr_eq(one, source))
        };
        let mut factors = x.shared.clone();
        let variance = b.layer(Part::Variance, &[&x.marginals])?;
        let mut expose = |b: &mut B, own: &V, scale: Option<V>, source: &Source| {
            let variance = super::whole(b, own, &variance)?;
            let matrix = identity(b, &variance)?;
            let source = source.clone();
            factors.push(Factor { matrix, scale, variance, copies: 1, source });
            Ok::<_, String>(())
        };
        if is_there(&x.own.source) {
            expose(b, &x.own.variance, None, &x.own.source)?;
            return Ok(Self { factors, rest: None });
        }
        let Some(part) = x.own.of.iter().find(|part| is_there(&part.source)) else {
            return Ok(Self { factors, rest: Some(x.own.clone()) });
        };
        let mut scale: Option<V> = None;
        let mut known = part.variance.clone();
        for gain in &part.gains {
            known = scale_twice(b, Binary::Mul, &known, gain)?;
            scale = Some(match scale {
                Some(scale) => binary(b, Binary::Mul, &scale, gain)?,
                None => gain.clone(),
            });
        }
        expose(b, &part.variance, scale, &part.source)?;
        let rest = binary(b, Binary::Sub, &x.own.variance, &known)?;
        let rest = b.layer(Part::Activation(Activation::RELU), &[&rest])?;
        Ok(Self { factors, rest: Some(Own::new(rest)) })
    }
}

/// g·F of each row.
fn matrix_of<B: Build>(b: &mut B, factor: &Factor<B::Value>) -> Result<B::Value, String> {
    let matrix = in_rows(b, &factor.matrix)?;
    let matrix = match b.ty(&matrix).shape[..] {
        [1, ..] => matrix,
        _ => copied(b, &matrix, factor.copies)?,
    };
    match &factor.scale {
        Some(scale) => {
            let scale = column(b, scale)?;
            binary(b, Binary::Mul, &matrix, &scale)
        }
        None => Ok(matrix),
    }
}

/// I, 1×D×D, for R×D elements.
fn identity<B: Build>(b: &mut B, like: &B::Value) -> Result<B::Value, String> {
    let [_, elements] = super::rank(b, like)?;
    let zeros = |b: &mut B, sizes: Vec<i64>| {
        let zero = b.zero(sizes.len(), false);
        b.layer(Part::Movement(Movement::Expand(sizes)), &[&zero])
    };
    let ones = zeros(b, vec![1, elements])?;
    let ones = b.layer(Part::Activation(Activation::EXP), &[&ones])?;
    let zeros = zeros(b, vec![1, elements, elements])?;
    b.layer(Part::WithDiagonal, &[&zeros, &ones])
}
