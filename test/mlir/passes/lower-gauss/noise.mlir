// Noise adds to a variance, or makes one; in a forward pass it is drawn, in the network of the means it is
// nothing.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s
// RUN: pfp-opt %s --lower-gauss=mode=mean | FileCheck %s --check-prefix=MEAN
// RUN: pfp-opt %s --lower-gauss="mode=sample samples=8" | FileCheck %s --check-prefix=SAMPLE
// RUN: pfp-opt %s --lower-gauss="mode=presampled samples=8" | FileCheck %s --check-prefix=SAMPLE

// CHECK-LABEL: func.func @dropout(
// CHECK-SAME: %[[M:.*]]: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>)
// CHECK: %[[P:.*]] = arith.mulf
// CHECK: arith.mulf %[[P]], %[[P]]
// MEAN-LABEL: func.func @dropout(
// MEAN-SAME: %[[M:.*]]: tensor<2x3xf32>) -> tensor<2x3xf32>
// MEAN-NEXT: return %[[M]]
// SAMPLE-LABEL: func.func @dropout(
// SAMPLE: scf.for
// SAMPLE: arith.mului_extended
// SAMPLE-NOT: math.
// SAMPLE: return
func.func @dropout(%x: tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.dropout %x rate 0.1 : (tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}

// CHECK-LABEL: func.func @noise(
// CHECK: arith.constant 2.500000e-01
// CHECK: arith.addf
// MEAN-LABEL: func.func @noise(
// MEAN-SAME: %[[M:.*]]: tensor<2x3xf32>) -> tensor<2x3xf32>
// MEAN-NEXT: return %[[M]]
// SAMPLE-LABEL: func.func @noise(
// SAMPLE: scf.for
// The input, and the noise.
// SAMPLE: arith.mului_extended
// SAMPLE: math.sqrt
// SAMPLE: arith.constant 5.000000e-01
// SAMPLE: math.sqrt
func.func @noise(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32> {
  %0 = gauss.noise %x variance 0.25 : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x3xf32>
  return %0 : !gauss.tensor<2x3xf32>
}
