//! Dense layers whose outputs share a random scale, and mixtures over its nodes.

use crate::{
    attributes::{AttributeList, Attributes},
    moments::mixture,
    types::{MAX_CORRELATED, TensorType},
};

/// `gauss.scale_mixture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleMixture {
    /// How many Gaussians are mixed.
    pub nodes: i64,
    /// So many groups of elements rise and fall together.
    pub groups: i64,
    /// Is the input the positive part of what it is computed of?
    pub rectified: bool,
}

impl ScaleMixture {
    /// The op, without the dialect.
    pub const NAME: &'static str = "scale_mixture";

    /// Reads the attributes.
    ///
    /// # Errors
    ///
    /// Where one has no meaning.
    pub fn read(attributes: &Attributes) -> Result<Self, String> {
        let groups = attributes.integer("groups", 1..=MAX_CORRELATED)?;
        let groups = groups.ok_or("needs how many groups of elements there are as 'groups'")?;
        let rectified = attributes.flag("rectified").unwrap_or(false);
        Ok(Self { nodes: nodes(attributes)?, groups, rectified })
    }

    /// The attributes, as [`ScaleMixture::read`] takes them.
    pub fn write(self) -> AttributeList {
        let Self { nodes, groups, rectified } = self;
        AttributeList::default()
            .with("nodes", nodes)
            .with("groups", groups)
            .with("rectified", rectified)
    }

    /// The type of the result, whose operands fit a dense layer that gives `dense`.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    pub fn infer(self, operands: &[TensorType], dense: TensorType) -> Result<TensorType, String> {
        let [input, before, weight, ..] = operands else {
            return Err("takes an input, what it is computed of, and a weight".into());
        };
        if before.shape != input.shape {
            return Err(format!(
                "has the input {input}, computed of {before}, which is not of its shape"
            ));
        }
        if !input.gaussian || !before.gaussian || !weight.gaussian {
            return Err(format!(
                "has the input {input} and the weight {weight}; a scale is random where both are \
                 Gaussian: gauss.dense takes others"
            ));
        }
        if input.shape.last().is_none_or(|elements| elements % self.groups != 0) {
            return Err(format!(
                "has {} groups of the elements of {input}, which are not equal",
                self.groups
            ));
        }
        if before.nodes != input.nodes {
            return Err(format!(
                "has the input {input}, computed of {before}, which is not of its nodes"
            ));
        }
        let nodes = mixture::nodes_within(input.nodes.max(1), self.nodes);
        let nodes = nodes.ok_or_else(|| {
            format!(
                "mixes {} nodes of {input}; there are up to 75, those of a later scale not more",
                self.nodes
            )
        })?;
        Ok(TensorType { nodes, ..dense })
    }
}

/// The attribute `nodes`.
///
/// # Errors
///
/// Where there is no rule of so many.
pub fn nodes(attributes: &Attributes) -> Result<i64, String> {
    let nodes = attributes.integer("nodes", 3..=5)?.unwrap_or(0);
    match mixture::one_scale(nodes) {
        Some(_) => Ok(nodes),
        None => Err("needs 3 or 5 as 'nodes'".into()),
    }
}
