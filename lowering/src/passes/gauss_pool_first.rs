//! `--gauss-pool-first`: maxima before activations.

use gauss_dialect::{
    ir::{Builder, Op},
    layer::Layer,
    ops::pool::Kind,
};

use crate::pass::Pass;

/// Exchanges a maximum of windows, or of an image, with the activation that feeds it alone, where that never
/// makes a larger number a smaller one: max(f(x)) = f(max(x)). The same function of numbers; for Gaussians
/// other moments, of fewer activations.
pub const PASS: Pass = Pass {
    name: "gauss-pool-first",
    description: "Take maxima before increasing activations",
    options: &[],
    run: |module, _| {
        pool_first(module);
        Ok(())
    },
};

/// In which order a network takes maxima and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the module has them.
    #[default]
    AsWritten,
    /// Maxima first, where that is the same function.
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

/// Exchanges all maxima of a module.
pub fn pool_first(module: Op) {
    let maxima: Vec<_> = module.descendants().into_iter().filter(|op| is_maximum(*op)).collect();
    for maximum in maxima {
        // Behind an activation may be another one.
        let mut next = Some(maximum);
        while let Some(op) = next {
            next = exchange(op);
        }
    }
}

fn is_maximum(op: Op) -> bool {
    match Layer::of(op) {
        Ok(Some(Layer::Pool(pool))) => pool.kind == Kind::Max,
        Ok(Some(Layer::GlobalMaxPool)) => true,
        _ => false,
    }
}

/// Puts a maximum before the activation that feeds it; gives the maximum in its new place.
fn exchange(maximum: Op) -> Option<Op> {
    let activation = maximum.operand(0).defining_op()?;
    let Ok(Some(Layer::Activation(kind))) = Layer::of(activation) else { return None };
    if !kind.is_increasing() || activation.result(0).users().len() != 1 {
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
