// Square roots and divisions keep the core busy for tens of cycles. AArch64 estimates 1/√x and
// 1/x to 8 bits in one instruction, and has another for the factor of Newton's step, which
// doubles the bits: two steps are enough for a number that allows a few units in the last place.

// RUN: pfp-opt %s --gauss-estimate-reciprocals | FileCheck %s --implicit-check-not=sqrt --implicit-check-not=divf

// The root and its quotient share the steps. At 0 the estimate would be infinite; with 0 in its
// place the root is 0, and so is the quotient.
// CHECK-LABEL: func.func @ratio
// CHECK-SAME: (%[[M:.*]]: vector<4xf32>, %[[V:.*]]: vector<4xf32>)
func.func @ratio(%m: vector<4xf32>, %v: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>) {
  // CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<4xf32>
  // CHECK: %[[E:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frsqrte"(%[[V]])
  // CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[V]], %[[ZERO]]
  // CHECK: %[[R0:.*]] = arith.select %[[NONE]], %[[ZERO]], %[[E]]
  // CHECK: %[[P0:.*]] = arith.mulf %[[V]], %[[R0]]
  // CHECK: %[[F0:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frsqrts"(%[[P0]], %[[R0]])
  // CHECK: %[[R1:.*]] = arith.mulf %[[R0]], %[[F0]]
  // CHECK: %[[P1:.*]] = arith.mulf %[[V]], %[[R1]]
  // CHECK: %[[F1:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frsqrts"(%[[P1]], %[[R1]])
  // CHECK: %[[ROOT:.*]] = arith.mulf %[[P1]], %[[F1]]
  // CHECK: %[[RECIPROCAL:.*]] = arith.mulf %[[R1]], %[[F1]]
  // CHECK: %[[QUOTIENT:.*]] = arith.mulf %[[M]], %[[RECIPROCAL]]
  // CHECK: return %[[ROOT]], %[[QUOTIENT]]
  %0 = math.sqrt %v {pfp.estimate} : vector<4xf32>
  %1 = arith.divf %m, %0 : vector<4xf32>
  return %0, %1 : vector<4xf32>, vector<4xf32>
}

// CHECK-LABEL: func.func @reciprocal
// CHECK-SAME: (%[[X:.*]]: vector<4xf32>)
func.func @reciprocal(%x: vector<4xf32>) -> vector<4xf32> {
  // CHECK: %[[R0:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frecpe"(%[[X]])
  // CHECK: %[[F0:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frecps"(%[[X]], %[[R0]])
  // CHECK: %[[R1:.*]] = arith.mulf %[[R0]], %[[F0]]
  // CHECK: %[[F1:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.frecps"(%[[X]], %[[R1]])
  // CHECK: %[[R2:.*]] = arith.mulf %[[R1]], %[[F1]]
  // CHECK: return %[[R2]]
  %one = arith.constant dense<1.0> : vector<4xf32>
  %0 = arith.divf %one, %x {pfp.estimate} : vector<4xf32>
  return %0 : vector<4xf32>
}
