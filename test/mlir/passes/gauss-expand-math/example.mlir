// An exponential that is left to LLVM is one call of libm per lane. The pass
// writes it out: eˣ = 2ⁿ·eʳ, with n the integer nearest to x/ln 2, eʳ a polynomial,
// and 2ⁿ added to the exponent of its bits. No branch, no table, no call.

// RUN: pfp-opt %s --gauss-expand-math | FileCheck %s --implicit-check-not=math.exp
// RUN: pfp-opt %s --gauss-expand-math --convert-vector-to-llvm --convert-math-to-llvm --convert-arith-to-llvm \
// RUN:     --convert-func-to-llvm | FileCheck %s --check-prefix=LLVM --implicit-check-not=llvm.call --implicit-check-not=intr.exp

// CHECK-LABEL: func.func @exp
// CHECK-SAME: (%[[X:.*]]: vector<4xf32>)
// LLVM-LABEL: llvm.func @exp
func.func @exp(%x: vector<4xf32>) -> vector<4xf32> {
  // n, in the low bits of the sum with 1.5·2²³.
  // CHECK-DAG: %[[ROUND:.*]] = arith.constant dense<0x4B400000> : vector<4xf32>
  // CHECK-DAG: %[[LOG2E:.*]] = arith.constant dense<1.44269502> : vector<4xf32>
  // CHECK: %[[SHIFTED:.*]] = math.fma %[[X]], %[[LOG2E]], %[[ROUND]] : vector<4xf32>
  // CHECK: %[[N:.*]] = arith.subf %[[SHIFTED]], %[[ROUND]]
  // r = x - n·ln 2, in two steps that are exact enough.
  // CHECK: %[[R1:.*]] = math.fma %[[N]], %{{.*}}, %[[X]]
  // CHECK: %[[R:.*]] = math.fma %[[N]], %{{.*}}, %[[R1]]
  // eʳ, then 2ⁿ.
  // CHECK-COUNT-5: math.fma
  // CHECK-DAG: %[[BITS:.*]] = arith.bitcast %[[SHIFTED]] : vector<4xf32> to vector<4xi32>
  // CHECK-DAG: arith.shli %[[BITS]]
  // CHECK: arith.addi
  // CHECK: arith.bitcast {{.*}} : vector<4xi32> to vector<4xf32>
  // Below the smallest normal number the result is 0, above the largest infinite;
  // not a number stays so.
  // CHECK: arith.cmpf olt, %[[X]]
  // CHECK: arith.cmpf ogt, %[[X]]
  // CHECK: arith.cmpf uno, %[[X]], %[[X]]
  // LLVM: llvm.intr.fma
  %0 = math.exp %x : vector<4xf32>
  return %0 : vector<4xf32>
}
