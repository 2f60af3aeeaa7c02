//! Normalisation by statistics of the values themselves.

use std::ops::Range;

use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    moments::normalised::Normalised,
    types::TensorType,
};

/// The largest rank and number of groups in an attribute.
const MOST: i64 = 1 << 28;

/// `gauss.layer_norm`, `gauss.rms_norm`, `gauss.group_norm` or `gauss.instance_norm`.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// Which elements are normalised together.
    pub over: Over,
    /// What is added to their mean square.
    pub epsilon: f64,
}

/// Which elements are normalised together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Those of the last dimensions, as many, less their mean.
    Layer(usize),
    /// Those of the last dimensions, as many, as they are.
    RootMeanSquare(usize),
    /// All of so many groups of channels each.
    Groups(i64),
    /// All of one channel.
    Instance,
}

/// The elements of a tensor as groups that are normalised together.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The sizes of the dimensions that number the groups.
    pub rows: Vec<i64>,
    /// The sizes of the dimensions within a group.
    pub inner: Vec<i64>,
    /// Which of all these dimensions gamma and beta have.
    pub parameters: Range<usize>,
    /// The formula.
    pub formula: Normalised,
}

impl Norm {
    /// Every op of the family, without the dialect.
    pub const NAMES: [&'static str; 4] = ["layer_norm", "rms_norm", "group_norm", "instance_norm"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let dimensions = || -> Result<usize, String> {
            Ok(attributes.integer("dimensions", 1..=MOST)?.unwrap_or(1) as usize)
        };
        let over = match name {
            "layer_norm" => dimensions().map(Over::Layer),
            "rms_norm" => dimensions().map(Over::RootMeanSquare),
            "group_norm" => attributes
                .integer("groups", 1..=MOST)
                .and_then(|groups| groups.ok_or_else(|| "needs the attribute 'groups'".into()))
                .map(Over::Groups),
            "instance_norm" => Ok(Over::Instance),
            _ => return None,
        };
        let epsilon = attributes.amount("epsilon").map(|epsilon| epsilon.unwrap_or(1e-5));
        Some(over.and_then(|over| Ok(Self { over, epsilon: epsilon? })))
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        match self.over {
            Over::Layer(_) => "layer_norm",
            Over::RootMeanSquare(_) => "rms_norm",
            Over::Groups(_) => "group_norm",
            Over::Instance => "instance_norm",
        }
    }

    /// The attributes, as [`Norm::read`] takes them.
    pub fn write(&self) -> AttributeList {
        let list = AttributeList::default().with("epsilon", self.epsilon);
        match self.over {
            Over::Layer(dimensions) | Over::RootMeanSquare(dimensions) => {
                list.with("dimensions", dimensions as i64)
            }
            Over::Groups(groups) => list.with("groups", groups),
            Over::Instance => list,
        }
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where an operand does not fit.
    pub fn infer(
        &self,
        input: &TensorType,
        parameters: &[TensorType],
    ) -> Result<TensorType, String> {
        let rank = input.shape.len();
        let least = match self.over {
            Over::Layer(dimensions) | Over::RootMeanSquare(dimensions) => dimensions,
            Over::Groups(_) | Over::Instance => 2,
        };
        if rank < least {
            return Err(format!("needs an input of rank {least} or more, got {input}"));
        }
        if let Over::Groups(groups) = self.over
            && input.shape[1] % groups != 0
        {
            return Err(format!(
                "has {groups} groups, which must divide the {} channels of {input}",
                input.shape[1]
            ));
        }
        let wanted = &input.shape[self.parameter_dims(rank)];
        if wanted.contains(&DYNAMIC) {
            return Err(format!("normalises over the batch of {input}, which is not fixed"));
        }
        let most = if matches!(self.over, Over::RootMeanSquare(_)) { 1 } else { 2 };
        if parameters.len() > most {
            let known = if most == 1 { "gamma" } else { "gamma and beta" };
            return Err(format!("has {} parameters, but takes {known}", parameters.len()));
        }
        for (name, parameter) in ["gamma", "beta"].iter().zip(parameters) {
            if parameter.shape != wanted {
                let expected = TensorType { shape: wanted.to_vec(), ..*parameter };
                return Err(format!("needs {expected} as {name} for {input}, got {parameter}"));
            }
        }
        let gaussian = input.gaussian || parameters.iter().any(|parameter| parameter.gaussian);
        Ok(TensorType::new(input.shape.clone(), gaussian))
    }

    /// The dimensions of an input of this rank that its parameters have.
    pub fn parameter_dims(&self, rank: usize) -> Range<usize> {
        match self.over {
            Over::Layer(dimensions) | Over::RootMeanSquare(dimensions) => rank - dimensions..rank,
            Over::Groups(_) | Over::Instance => 1..2,
        }
    }

    /// Which elements of a tensor of this shape are normalised together, and how.
    pub fn grouping(&self, shape: &[i64]) -> Grouping {
        let (rows, inner, parameters) = match (self.over, shape) {
            (Over::Layer(dimensions) | Over::RootMeanSquare(dimensions), _) => {
                let (rows, inner) = shape.split_at(shape.len() - dimensions);
                (rows.to_vec(), vec![inner.iter().product()], rows.len()..rows.len() + 1)
            }
            (Over::Groups(groups), [batch, channels, rest @ ..]) => {
                (vec![*batch, groups], vec![channels / groups, rest.iter().product()], 1..3)
            }
            (Over::Instance, [batch, channels, rest @ ..]) => {
                (vec![*batch, *channels], vec![rest.iter().product()], 1..2)
            }
            // A shape without channels has passed no verifier.
            (Over::Groups(_) | Over::Instance, _) => (vec![], shape.to_vec(), 0..0),
        };
        let formula = Normalised {
            count: inner.iter().product::<i64>() as f64,
            centred: !matches!(self.over, Over::RootMeanSquare(_)),
            epsilon: self.epsilon,
        };
        Grouping { rows, inner, parameters, formula }
    }
}
