//! `--gauss-estimate-reciprocals`: roots and reciprocals from the estimates of AArch64.

use gauss_dialect::ir::{Op, Type, Value};

use crate::{
    lanes::{self, Lanes, Predicate},
    pass::{Outcome, Pass},
    promises::ESTIMATE,
};

/// Rewrites each `math.sqrt` and each `arith.divf` of 1 that has the attribute [`ESTIMATE`], on
/// `f32` or a vector of 2 or 4: an estimate to 8 bits, and two steps of Newton's iteration. A
/// division by such a root becomes a product with its reciprocal, which is found on the way.
///
/// Largest errors, in units in the last place: root 2, quotient by a root 3, reciprocal 2.
pub const PASS: Pass = Pass {
    name: "gauss-estimate-reciprocals",
    description: "Compute roots and reciprocals that allow it from the estimates of AArch64",
    options: &[],
    run: |module, _| {
        rewrite(module);
        Ok(()) as Outcome
    },
};

fn rewrite(module: Op) {
    // Users first: the quotients by a root are replaced together with it.
    for op in module.descendants().into_iter().rev() {
        if op.attribute(ESTIMATE).is_none() || !has_estimate(op.result(0).ty()) {
            continue;
        }
        let lanes = Lanes::before(op, true);
        let result = match op.name().as_str() {
            "math.sqrt" => {
                let [root, reciprocal] = root(&lanes, op.operand(0));
                replace_quotients(op.result(0), reciprocal);
                root
            }
            "arith.divf" if lanes::constant(op.operand(0)) == Some(1.0) => {
                reciprocal(&lanes, op.operand(1))
            }
            _ => continue,
        };
        op.result(0).replace_all_uses_with(result);
        op.erase();
    }
}

/// Is a type one of those that the instructions exist for?
fn has_estimate(ty: Type) -> bool {
    let vector = || matches!(ty.shape().as_deref(), Some([2 | 4])) && ty.element_type().is_f32();
    ty.is_f32() || (ty.is_vector() && vector())
}

/// Makes products of the divisions by `divisor`.
fn replace_quotients(divisor: Value, reciprocal: Value) {
    for quotient in divisor.users() {
        let [dividend, by] = quotient.operands()[..] else { continue };
        if quotient.is("arith.divf") && by == divisor && dividend != divisor {
            let product = Lanes::before(quotient, true).mul(dividend, reciprocal);
            quotient.result(0).replace_all_uses_with(product);
            quotient.erase();
        }
    }
}

/// √x and 1/√x; 0 for both at 0.
fn root(lanes: &Lanes, x: Value) -> [Value; 2] {
    // (3 − xr·r)/2, the factor of Newton's step from r towards 1/√x.
    let factor = |product, r| intrinsic(lanes, "frsqrts", &[product, r]);
    let zero = lanes.constant(0.0);
    let estimate = intrinsic(lanes, "frsqrte", &[x]);
    // Infinite at 0, where the root is the product of both.
    let estimate = lanes.select(Predicate::OrderedEqual, [x, zero], zero, estimate);
    let reciprocal = lanes.mul(estimate, factor(lanes.mul(x, estimate), estimate));
    let root = lanes.mul(x, reciprocal);
    let last = factor(root, reciprocal);
    [root, reciprocal].map(|value| lanes.mul(value, last))
}

/// 1/x.
fn reciprocal(lanes: &Lanes, x: Value) -> Value {
    // r(2 − xr), Newton's step from r towards 1/x.
    let step = |r| lanes.mul(r, intrinsic(lanes, "frecps", &[x, r]));
    step(step(intrinsic(lanes, "frecpe", &[x])))
}

/// An instruction of AArch64.
fn intrinsic(lanes: &Lanes, name: &str, operands: &[Value]) -> Value {
    let context = lanes.builder.context();
    lanes
        .builder
        .op("llvm.call_intrinsic")
        .operands(operands)
        .attr("intrin", context.string_attr(&format!("llvm.aarch64.neon.{name}")))
        .attr("op_bundle_sizes", context.i32_array_attr(&[]))
        .attr("operandSegmentSizes", context.i32_array_attr(&[operands.len() as i32, 0]))
        .results(&[lanes.float])
        .build()
        .result(0)
}
