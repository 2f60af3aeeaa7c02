//! `--gauss-load-parameters`: `gauss.parameter` to the values of a parameter file.

use std::collections::BTreeSet;

use gauss_dialect::{
    check_moments,
    ir::{Attribute, Builder, Op, Type},
    layer::Layer,
};

use crate::{
    parameters::{self, ParameterSource},
    pass::{Failed, Outcome, Pass, fail},
};

/// A Gaussian parameter `w` becomes a `gauss.constant` of the tensors `w.mean`
/// and `w.var`, a deterministic one an `arith.constant` of the tensor `w`.
pub const PASS: Pass = Pass {
    name: "gauss-load-parameters",
    description: "Replace gauss.parameter by the values of a parameter file (option: file)",
    options: &["file"],
    run: |module, options| {
        let file = options
            .get("file")
            .ok_or_else(|| fail(module, "gauss-load-parameters needs file=PATH"))?;
        let source = parameters::open(file).map_err(|error| fail(module, error))?;
        load(module, source.as_ref())
    },
};

/// Replaces every parameter of `module`. Every tensor of `source` must be used:
/// one that is not is a misspelt name or another network's file.
pub fn load(module: Op, source: &dyn ParameterSource) -> Outcome {
    let mut used = BTreeSet::new();
    let mut outcome = Ok(());
    for op in module.descendants() {
        if let Ok(Some(Layer::Parameter(name))) = Layer::of(op)
            && let Err(failed) = load_one(op, &name, source, &mut used)
        {
            // Go on: one run should tell of every bad parameter.
            outcome = Err(failed);
        }
    }
    outcome?;
    let unused: Vec<_> = source.tensors().into_iter().filter(|name| !used.contains(name)).collect();
    if !unused.is_empty() {
        let unused = unused.join("', '");
        return Err(fail(
            module,
            format!("has no parameter that uses the tensor(s) '{unused}' of {}", source.name()),
        ));
    }
    Ok(())
}

fn load_one(
    op: Op,
    name: &str,
    source: &dyn ParameterSource,
    used: &mut BTreeSet<String>,
) -> Outcome {
    let ty = op.result(0).ty();
    let shape = ty.shape().ok_or_else(|| fail(op, "has no shape"))?;
    let tensor_type = Type::tensor(ty.element_type(), &shape);
    let mut read = |tensor: String, component: &str| -> Result<Attribute, Failed> {
        let found = source
            .tensor(&tensor)
            .map_err(|error| fail(op, format!("needs the tensor '{tensor}': {error}")))?;
        let found = found.ok_or_else(|| {
            fail(op, format!("needs the tensor '{tensor}', which {} lacks", source.name()))
        })?;
        if found.shape != shape {
            return Err(fail(
                op,
                format!(
                    "needs the tensor '{tensor}' with shape {shape:?}, but in {} it has {:?}",
                    source.name(),
                    found.shape
                ),
            ));
        }
        check_moments(&format!("'{tensor}' as {component}"), &found.values)
            .map_err(|error| fail(op, error))?;
        let attribute = Attribute::resource(tensor_type, &tensor, found.values);
        used.insert(tensor);
        Ok(attribute)
    };
    let builder = Builder::before(op);
    let value = if ty.is_gaussian() {
        let mean = read(format!("{name}.mean"), "mean");
        let variance = read(format!("{name}.var"), "variance");
        builder
            .op("gauss.constant")
            .attr("mean", mean?)
            .attr("variance", variance?)
            .results(&[ty])
            .build()
            .result(0)
    } else {
        builder.constant(read(name.to_owned(), "mean")?, ty)
    };
    op.result(0).replace_all_uses_with(value);
    op.erase();
    Ok(())
}
