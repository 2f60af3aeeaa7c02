//! Type inference and verifiers, called from glue/Gauss.cpp.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
};

use mlir_sys::{MlirAttribute, MlirOperation, MlirStringCallback, MlirStringRef, MlirType};

use crate::{
    ir::{Attribute, Op, Type},
    layer::Layer,
    representation::Component,
    shape::{self, TensorType},
};

/// Runs a check that C++ called for: a message goes to `report`, and a panic
/// becomes a message, as it must not unwind into C++.
fn reporting(
    report: MlirStringCallback,
    state: *mut c_void,
    check: impl FnOnce() -> Result<(), String>,
) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(check))
        .unwrap_or_else(|_| Err("could not be checked: internal error".into()));
    if let (Err(message), Some(report)) = (&outcome, report) {
        let text = MlirStringRef { data: message.as_ptr().cast(), length: message.len() };
        // SAFETY: the callback and its state come from the C++ caller and belong together.
        unsafe { report(text, state) };
    }
    outcome.is_ok()
}

/// The result type of the op `name` on these operands.
///
/// # Safety
///
/// `operands` points to `count` live types, `attributes` is null or a live
/// dictionary, `result` can be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn gauss_infer_result(
    name: MlirStringRef,
    operands: *const MlirType,
    count: isize,
    attributes: MlirAttribute,
    result: *mut MlirType,
    report: MlirStringCallback,
    state: *mut c_void,
) -> bool {
    reporting(report, state, || {
        // SAFETY: by the contract of this function.
        let (name, operands) = unsafe {
            let name = slice::from_raw_parts(name.data.cast::<u8>(), name.length);
            let operands = match count {
                0 => &[][..],
                count => slice::from_raw_parts(operands, count.unsigned_abs()),
            };
            (String::from_utf8_lossy(name), operands)
        };
        let attributes = (!attributes.ptr.is_null()).then(|| Attribute::from_raw(attributes));
        let layer = Layer::from_attributes(&name, &|attribute| {
            attributes.and_then(|dictionary| dictionary.entry(attribute))
        })?;
        let types: Vec<_> = operands.iter().map(|&ty| Type::from_raw(ty)).collect();
        let tensors = types
            .iter()
            .map(|&ty| TensorType::of(ty).ok_or_else(|| format!("has an operand of type {ty}")))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(ty) = types.iter().find(|ty| !ty.element_type().is_f32()) {
            return Err(format!("has an operand of type {ty}; elements are f32"));
        }
        let like = *types.first().ok_or("has no operands")?;
        let ty = shape::infer(&layer, &tensors)?
            .to_type(like)
            .ok_or("has a result type that does not exist")?;
        // SAFETY: by the contract of this function.
        unsafe { *result = ty.to_raw() };
        Ok(())
    })
}

/// Checks `gauss.parameter`, `gauss.constant` and `gauss.reshape`, whose result
/// type does not follow from operands.
///
/// # Safety
///
/// `op` is a live operation.
#[unsafe(no_mangle)]
unsafe extern "C" fn gauss_verify_source(
    op: MlirOperation,
    report: MlirStringCallback,
    state: *mut c_void,
) -> bool {
    reporting(report, state, || {
        let op = Op::from_raw(op);
        let ty = op.result(0).ty();
        let result = TensorType::of(ty).ok_or_else(|| format!("has result type {ty}"))?;
        match Layer::of(op)?.ok_or("is not of the gauss dialect")? {
            Layer::Parameter(name) => verify_parameter(&name, &result),
            Layer::Constant => verify_constant(op, &result),
            _ => {
                let input = op.operand(0).ty();
                let input =
                    TensorType::of(input).ok_or_else(|| format!("has operand type {input}"))?;
                shape::check_reshape(&input, &result)
            }
        }
    })
}

fn verify_parameter(name: &str, result: &TensorType) -> Result<(), String> {
    if name.is_empty() {
        return Err("needs a name that is not empty".into());
    }
    if let Some(size) = result.shape.iter().find(|&&size| size <= 0) {
        return Err(match *size {
            0 => format!("has type {result}: no size may be 0"),
            _ => format!("has type {result}: the shape of a parameter is static"),
        });
    }
    Ok(())
}

fn verify_constant(op: Op, result: &TensorType) -> Result<(), String> {
    if result.shape.iter().any(|&size| size < 0) {
        return Err(format!("has type {result}: the shape of a constant is static"));
    }
    for component in result.representation().components() {
        let name = component.name();
        let attribute =
            op.attribute(name).ok_or_else(|| format!("needs the attribute '{name}'"))?;
        let ty = attribute.value_type();
        if !ty.is_ranked_tensor()
            || ty.shape().as_ref() != Some(&result.shape)
            || !ty.element_type().is_f32()
        {
            return Err(format!("has a {name} of type {ty}, which does not fit {result}"));
        }
        let values = attribute
            .as_f32_elements()
            .ok_or_else(|| format!("has a {name} that is not dense f32 data of its shape"))?;
        check_component(*component, name, &values)?;
    }
    Ok(())
}

/// Checks that every number of a component that is called `name` is finite, and a variance not
/// negative.
///
/// # Errors
///
/// The first number that is not so, in words that continue `'gauss.name' op`.
pub fn check_component(component: Component, name: &str, values: &[f32]) -> Result<(), String> {
    let signed = component != Component::Variance;
    let bad = |value: f32| !value.is_finite() || (!signed && value < 0.0);
    match values.iter().position(|&value| bad(value)) {
        Some(index) if signed => {
            Err(format!("has {name} {} at element {index}; it must be finite", values[index]))
        }
        Some(index) => Err(format!(
            "has {name} {} at element {index}; it must be finite and not negative",
            values[index]
        )),
        None => Ok(()),
    }
}
