//! Sums over parameters that are known: they are constants.

use gauss_dialect::{
    interpreter,
    ir::{Attribute, Builder, Op, Type},
    layer::Layer,
};

use crate::pass::{Outcome, fail};

/// Replaces what sums up constants, such as the mean variance of the weights of each input. A constant is then smaller
/// than what it is computed of.
pub(super) fn reductions(module: Op) -> Outcome {
    for op in module.descendants() {
        let Ok(Some(Layer::Reduction(_))) = Layer::of(op) else { continue };
        let result = op.result(0);
        if result.ty().is_gaussian() {
            continue;
        }
        if let Some(tensor) = interpreter::known(result).map_err(|error| fail(op, error))? {
            let values: Vec<_> = tensor.mean.iter().map(|&value| value as f32).collect();
            let ty = Type::tensor(op.context().f32(), &result.ty().shape().unwrap_or_default());
            let constant = Builder::before(op).constant(Attribute::dense(ty, &values), ty);
            result.replace_all_uses_with(constant);
            op.erase();
        }
    }
    Ok(())
}
