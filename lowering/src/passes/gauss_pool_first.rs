//! `--gauss-pool-first`: maxima before activations.

use gauss_dialect::{
    ir::{Builder, Op, Value},
    layer::Layer,
    ops::{binary::Binary, pool::Kind},
    parameters::ParameterSource,
    representation::Component,
};

use crate::pass::{Pass, fail};

/// Exchanges a maximum of windows, or of an image, with the activation that feeds it alone, where that never
/// makes a larger number a smaller one: max(f(x)) = f(max(x)). The same function of numbers; for Gaussians
/// other moments, of fewer activations.
pub const PASS: Pass = Pass {
    name: "gauss-pool-first",
    description: "Take maxima before increasing activations (option: values)",
    options: &["values"],
    run: |module, options| {
        let values = Values::read(options.get("values")).map_err(|error| fail(module, error))?;
        pool_first(module, values, None);
        Ok(())
    },
};

/// In which order a network takes maxima of Gaussians, and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the module has them.
    AsWritten,
    /// Maxima first, where that is the same function.
    #[default]
    PoolFirst,
}

impl Order {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AsWritten, Self::PoolFirst];

    /// The name, and what it means in words.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::AsWritten => ("as-written", "As the network has them"),
            Self::PoolFirst => (
                "pool-first",
                "Maxima before increasing activations: fewer of those, other moments",
            ),
        }
    }
}

/// The values whose maxima come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Gaussians too.
    All,
    /// Those without a variance: both orders give the same numbers of them.
    Exact,
}

impl Values {
    /// Reads the option of the pass.
    fn read(text: Option<&str>) -> Result<Self, String> {
        match text {
            None | Some("all") => Ok(Self::All),
            Some("exact") => Ok(Self::Exact),
            Some(other) => Err(format!("'values' is all or exact, not '{other}'")),
        }
    }

    /// The option of the pass that is read as this.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::All => "values=all",
            Self::Exact => "values=exact",
        }
    }
}

/// Exchanges the maxima of a module with what comes before them. Slopes that are parameters are known where
/// `parameters` has them.
pub fn pool_first(module: Op, values: Values, parameters: Option<&dyn ParameterSource>) {
    let maxima: Vec<_> = module.descendants().into_iter().filter(|op| is_maximum(*op)).collect();
    for maximum in maxima {
        if values == Values::Exact && maximum.operand(0).ty().is_gaussian() {
            continue;
        }
        // Behind an activation may be another one.
        let mut next = Some(maximum);
        while let Some(op) = next {
            next = exchange(op, parameters);
        }
    }
}

fn is_maximum(op: Op) -> bool {
    match Layer::of(op) {
        // Covariances of its operands are those of what the activation gives.
        Ok(Some(Layer::Pool(pool))) => pool.kind == Kind::Max && op.operands().len() == 1,
        Ok(Some(Layer::GlobalMaxPool)) => true,
        _ => false,
    }
}

/// Puts a maximum before the activation that feeds it; gives the maximum in its new place.
fn exchange(maximum: Op, parameters: Option<&dyn ParameterSource>) -> Option<Op> {
    let activation = maximum.operand(0).defining_op()?;
    if !is_increasing(activation, parameters) || activation.result(0).users().len() != 1 {
        return None;
    }
    let builder = Builder::before(maximum);
    let [first, second] = [maximum, activation].map(|op| {
        let copy = op.clone_detached();
        builder.insert(copy);
        copy
    });
    first.set_operand(0, activation.operand(0));
    second.set_operand(0, first.result(0));
    second.result(0).set_type(maximum.result(0).ty());
    maximum.result(0).replace_all_uses_with(second.result(0));
    maximum.erase();
    activation.erase();
    Some(first)
}

/// Is an op one function of each element of a channel, and that never makes a larger number a smaller one?
fn is_increasing(op: Op, parameters: Option<&dyn ParameterSource>) -> bool {
    match Layer::of(op) {
        Ok(Some(Layer::Activation(kind))) => kind.is_increasing(),
        Ok(Some(Layer::Binary(Binary::Prelu))) => {
            let [x, slopes] = [0, 1].map(|number| op.operand(number));
            let shape = slopes.ty().shape().unwrap_or_default();
            let is_of_channels = shape.iter().skip(2).all(|&size| size == 1);
            let keeps_type = x.ty() == op.result(0).ty();
            let is_rising = |slopes: Vec<f32>| slopes.iter().all(|&slope| slope >= 0.0);
            is_of_channels && keeps_type && numbers(slopes, parameters).is_some_and(is_rising)
        }
        _ => false,
    }
}

/// The numbers of a constant, or of a parameter, in another shape or not; `None` where they are not known.
fn numbers(value: Value, parameters: Option<&dyn ParameterSource>) -> Option<Vec<f32>> {
    let op = value.defining_op()?;
    if op.is("arith.constant") {
        return op.attribute("value")?.as_f32_elements();
    }
    match Layer::of(op) {
        Ok(Some(Layer::Reshape | Layer::Flatten)) => numbers(op.operand(0), parameters),
        Ok(Some(Layer::Parameter(name))) => {
            // What is wrong with it is told where it is loaded.
            Some(parameters?.tensor(&Component::Value.tensor(&name)).ok()??.values)
        }
        _ => None,
    }
}
