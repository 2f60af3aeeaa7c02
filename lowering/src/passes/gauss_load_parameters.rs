//! `--gauss-load-parameters`: `gauss.parameter` to the values of a parameter file.

use std::collections::BTreeSet;

use gauss_dialect::{
    check_component,
    ir::{Attribute, Builder, Op, Type},
    parameters::ParameterSource,
    representation::{Component, Representation},
    shape::TensorType,
};

use crate::{
    parameters::{
        self,
        declared::{Declared, check_distinct},
        hints,
    },
    pass::{Failed, Outcome, Pass, fail, fail_with_note},
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
///
/// # Errors
///
/// At a parameter without a valid value, or for a tensor that no parameter uses.
pub fn load(module: Op, source: &dyn ParameterSource) -> Outcome {
    load_all_but(module, source, &[])
}

/// As [`load`], without the parameters of some names, which stay open.
///
/// # Errors
///
/// As [`load`].
pub fn load_all_but(module: Op, source: &dyn ParameterSource, open: &[String]) -> Outcome {
    check_distinct(module)?;
    let mut declared = Declared::all(module);
    declared.retain(|parameter| !open.contains(&parameter.name));
    let tensors = source.tensors();
    let known: BTreeSet<_> = declared.iter().flat_map(Declared::tensors).collect();
    let unclaimed: Vec<_> = tensors.iter().filter(|name| !known.contains(*name)).cloned().collect();
    let mut used = BTreeSet::new();
    let mut outcome = Ok(());
    for parameter in &declared {
        if let Err(failed) = load_one(parameter, source, &unclaimed, &mut used) {
            // Go on: one run should tell of every bad parameter.
            outcome = Err(failed);
        }
    }
    outcome?;
    let unused: Vec<_> = tensors.into_iter().filter(|name| !used.contains(name)).collect();
    if !unused.is_empty() {
        module.context().unknown_location().emit_error_with_note(
            &format!(
                "{} has {} tensor(s) that no parameter of the module reads: {}",
                source.name(),
                unused.len(),
                hints::listed(&unused)
            ),
            &hints::of_unused(&unused, &declared),
        );
        return Err(Failed);
    }
    Ok(())
}

fn load_one(
    parameter: &Declared,
    source: &dyn ParameterSource,
    unclaimed: &[String],
    used: &mut BTreeSet<String>,
) -> Outcome {
    let Declared { op, name, ty: TensorType { shape, gaussian, .. } } = parameter;
    let (op, ty) = (*op, op.result(0).ty());
    let tensor_type = Type::tensor(ty.element_type(), shape);
    let mut read = |component: Component| -> Result<Attribute, Failed> {
        let tensor = component.tensor(name);
        let found = source
            .tensor(&tensor)
            .map_err(|error| fail(op, format!("needs the tensor '{tensor}': {error}")))?;
        let Some(found) = found else {
            let message = format!("needs the tensor '{tensor}', which {} lacks", source.name());
            let hint = hints::of_missing(&tensor, parameter, unclaimed).unwrap_or_default();
            return Err(fail_with_note(op, message, op.location(), &hint));
        };
        if found.shape != *shape {
            return Err(fail(
                op,
                format!(
                    "needs the tensor '{tensor}' with shape {shape:?}, but in {} it has {:?}",
                    source.name(),
                    found.shape
                ),
            ));
        }
        check_component(component, &format!("'{tensor}' as {}", component.name()), &found.values)
            .map_err(|error| fail(op, error))?;
        // MLIR's folds of scalars do not read resources.
        let attribute = match found.values.len() {
            1 => Attribute::dense(tensor_type, &found.values),
            _ => Attribute::resource(tensor_type, &tensor, found.values),
        };
        used.insert(tensor);
        Ok(attribute)
    };
    let builder = Builder::before(op);
    let value = if *gaussian {
        let components = Representation::Gaussian.components().iter();
        // All are read, so that each that is missing is named.
        let read = components.map(|component| (component.name(), read(*component)));
        let read: Vec<_> = read.collect();
        let constant = builder.op("gauss.constant").results(&[ty]);
        let constant = read.into_iter().try_fold(constant, |constant, (name, values)| {
            Ok::<_, Failed>(constant.attr(name, values?))
        });
        constant?.build().result(0)
    } else {
        builder.constant(read(Component::Value)?, ty)
    };
    op.result(0).replace_all_uses_with(value);
    op.erase();
    Ok(())
}
