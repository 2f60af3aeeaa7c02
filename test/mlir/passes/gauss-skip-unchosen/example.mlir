// The moments of some activations come from two rules, and lanes of one vector may need either. Most
// vectors need one: what only one side of a choice needs runs where a lane chooses it.

// RUN: pfp-opt %s --gauss-skip-unchosen | FileCheck %s

// CHECK-LABEL: func.func @both_sides
// CHECK-SAME: (%[[X:.*]]: vector<4xf32>, %[[B:.*]]: vector<4xf32>)
func.func @both_sides(%x: vector<4xf32>, %b: vector<4xf32>) -> vector<4xf32> {
  // What both sides need stays, and so does the condition.
  // CHECK: %[[SHARED:.*]] = arith.mulf %[[X]], %[[X]]
  // CHECK: %[[C:.*]] = arith.cmpf oge
  // CHECK: %[[ANY:.*]] = vector.reduction <or>, %[[C]] : vector<4xi1> into i1
  // CHECK: %[[FIRST:.*]] = scf.if %[[ANY]] -> (vector<4xf32>) {
  // CHECK-NEXT: %[[L0:.*]] = math.log %[[SHARED]]
  // CHECK-NEXT: %[[L1:.*]] = arith.addf %[[L0]], %[[X]]
  // CHECK-NEXT: scf.yield %[[L1]]
  // CHECK-NEXT: } else {
  // CHECK-NEXT: %[[ZERO:.*]] = arith.constant dense<0.000000e+00>
  // CHECK-NEXT: scf.yield %[[ZERO]]
  // CHECK: %[[NOT:.*]] = arith.xori %[[C]]
  // CHECK: %[[OTHER:.*]] = vector.reduction <or>, %[[NOT]]
  // CHECK: %[[SECOND:.*]] = scf.if %[[OTHER]] -> (vector<4xf32>) {
  // CHECK-NEXT: %[[E0:.*]] = math.exp %[[SHARED]]
  // CHECK-NEXT: %[[E1:.*]] = math.exp %[[E0]]
  // CHECK-NEXT: scf.yield %[[E1]]
  // CHECK: %[[Y:.*]] = arith.select %[[C]], %[[FIRST]], %[[SECOND]]
  // CHECK: return %[[Y]]
  %shared = arith.mulf %x, %x : vector<4xf32>
  %l0 = math.log %shared : vector<4xf32>
  %e0 = math.exp %shared : vector<4xf32>
  %l1 = arith.addf %l0, %x : vector<4xf32>
  %e1 = math.exp %e0 : vector<4xf32>
  %c = arith.cmpf oge, %x, %b : vector<4xf32>
  %y = arith.select %c, %l1, %e1 {pfp.either} : vector<4xi1>, vector<4xf32>
  return %y : vector<4xf32>
}
