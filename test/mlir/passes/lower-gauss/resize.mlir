// Interpolation, one dimension after the other: elements between the same neighbours in one step.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=arith.subf

// Twice the size has two groups: the first element of each pair, and the second.
// CHECK-LABEL: func.func @twice
// CHECK: arith.constant dense<{{\[\[}}0.000000e+00], [2.500000e-01], [2.500000e-01]]> : tensor<3x1xf32>
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%[[A:[a-z0-9_]+]]: f32, %[[V:[a-z0-9_]+]]: f32, %[[B:[a-z0-9_]+]]: f32, %[[W:[a-z0-9_]+]]: f32, %[[L:[a-z0-9_]+]]: f32, %[[R:[a-z0-9_]+]]: f32
// CHECK-NEXT:   %[[M:.*]] = arith.mulf %[[A]], %[[L]]
// CHECK-NEXT:   %[[LL:.*]] = arith.mulf %[[L]], %[[L]]
// CHECK-NEXT:   %[[S:.*]] = arith.mulf %[[V]], %[[LL]]
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[B]], %[[R]], %[[M]]
// CHECK-NEXT:   %[[RR:.*]] = arith.mulf %[[R]], %[[R]]
// CHECK-NEXT:   %[[S1:.*]] = math.fma %[[W]], %[[RR]], %[[S]]
// CHECK-NEXT:   linalg.yield %[[M1]], %[[S1]]
// CHECK: arith.constant dense<{{\[\[}}7.500000e-01], [7.500000e-01], [1.000000e+00]]> : tensor<3x1xf32>
func.func @twice(%x: !gauss.tensor<2x3xf32>) -> !gauss.tensor<2x6xf32> {
  %0 = gauss.resize %x sizes [-1, 6] : (!gauss.tensor<2x3xf32>) -> !gauss.tensor<2x6xf32>
  return %0 : !gauss.tensor<2x6xf32>
}

// Sizes without a common divisor: a product with the weights.
// CHECK-LABEL: func.func @nothing_in_common
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
func.func @nothing_in_common(%x: !gauss.tensor<2x100xf32>) -> !gauss.tensor<2x101xf32> {
  %0 = gauss.resize %x sizes [-1, 101] : (!gauss.tensor<2x100xf32>) -> !gauss.tensor<2x101xf32>
  return %0 : !gauss.tensor<2x101xf32>
}

// Where that matrix would be large, both neighbours are gathered.
// CHECK-LABEL: func.func @long
// CHECK-COUNT-2: scf.for
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
func.func @long(%x: !gauss.tensor<2x601xf32>) -> !gauss.tensor<2x1000xf32> {
  %0 = gauss.resize %x sizes [-1, 1000] : (!gauss.tensor<2x601xf32>) -> !gauss.tensor<2x1000xf32>
  return %0 : !gauss.tensor<2x1000xf32>
}

// CHECK-LABEL: func.func @same
// CHECK-NOT: linalg.generic
func.func @same(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gauss.resize %x sizes [2, 3] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
