//! Affine maps and expressions.

use super::{AffineExpr, AffineMap, Attribute, Context};

impl AffineMap {
    /// This map as an attribute.
    pub fn attr(self) -> Attribute {
        Attribute(mlir!(mlirAffineMapAttrGet(self.0)))
    }

    /// The number of dimensions that the map takes.
    pub fn num_dims(self) -> usize {
        mlir!(mlirAffineMapGetNumDims(self.0)) as usize
    }

    /// The expressions of the map.
    pub fn results(self) -> Vec<AffineExpr> {
        (0..mlir!(mlirAffineMapGetNumResults(self.0)))
            .map(|i| AffineExpr(mlir!(mlirAffineMapGetResult(self.0, i))))
            .collect()
    }
}

impl AffineExpr {
    /// `self + other`.
    pub fn plus(self, other: AffineExpr) -> AffineExpr {
        AffineExpr(mlir!(mlirAffineAddExprGet(self.0, other.0)))
    }

    /// `self * factor`.
    pub fn times(self, factor: i64) -> AffineExpr {
        let context = Context(mlir!(mlirAffineExprGetContext(self.0)));
        AffineExpr(mlir!(mlirAffineMulExprGet(self.0, context.affine_constant(factor).0)))
    }

    /// The coefficients of the dimensions and the constant, where the expression
    /// is linear in `dims` dimensions.
    pub fn linear(self, dims: usize) -> Option<(Vec<i64>, i64)> {
        if mlir!(mlirAffineExprIsADim(self.0)) {
            let mut coefficients = vec![0; dims];
            coefficients[mlir!(mlirAffineDimExprGetPosition(self.0)) as usize] = 1;
            return Some((coefficients, 0));
        }
        if mlir!(mlirAffineExprIsAConstant(self.0)) {
            return Some((vec![0; dims], mlir!(mlirAffineConstantExprGetValue(self.0))));
        }
        if !mlir!(mlirAffineExprIsAAdd(self.0)) && !mlir!(mlirAffineExprIsAMul(self.0)) {
            return None;
        }
        let (left, left_constant) =
            AffineExpr(mlir!(mlirAffineBinaryOpExprGetLHS(self.0))).linear(dims)?;
        let (right, right_constant) =
            AffineExpr(mlir!(mlirAffineBinaryOpExprGetRHS(self.0))).linear(dims)?;
        if mlir!(mlirAffineExprIsAAdd(self.0)) {
            let sum = left.iter().zip(&right).map(|(a, b)| a + b).collect();
            return Some((sum, left_constant + right_constant));
        }
        // A product is linear where one factor is a constant.
        let (linear, constant, factor) = match right.iter().all(|&c| c == 0) {
            true => (left, left_constant, right_constant),
            false if left.iter().all(|&c| c == 0) => (right, right_constant, left_constant),
            false => return None,
        };
        Some((linear.iter().map(|c| c * factor).collect(), constant * factor))
    }
}
