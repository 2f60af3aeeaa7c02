// Every combination of Gaussian and deterministic input, weight and bias. With the
// input x ± v, the weight w ± s and their sums m and c,
//
//   m + x·w        c + x²·s + v·(s + w²)
//
// where a term is absent if its operand is deterministic. Nothing is subtracted.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=arith.subf

// CHECK-LABEL: func.func @deterministic_input_deterministic_weight_no_bias
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: linalg.yield %[[ZERO]] : f32
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]] : f32
func.func @deterministic_input_deterministic_weight_no_bias(%x: tensor<4x3xf32>, %w: tensor<2x3xf32>) -> tensor<4x2xf32> {
  %0 = gauss.dense %x, %w : (tensor<4x3xf32>, tensor<2x3xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @deterministic_input_deterministic_weight_deterministic_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]] : f32
func.func @deterministic_input_deterministic_weight_deterministic_bias(%x: tensor<4x3xf32>, %w: tensor<2x3xf32>, %b: tensor<2xf32>) -> tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (tensor<4x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// CHECK-LABEL: func.func @deterministic_input_deterministic_weight_gaussian_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C]] : f32, f32
func.func @deterministic_input_deterministic_weight_gaussian_bias(%x: tensor<4x3xf32>, %w: tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (tensor<4x3xf32>, tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @deterministic_input_gaussian_weight_no_bias
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: linalg.yield %[[ZERO]] : f32
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C1]] : f32, f32
func.func @deterministic_input_gaussian_weight_no_bias(%x: tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @deterministic_input_gaussian_weight_deterministic_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C1]] : f32, f32
func.func @deterministic_input_gaussian_weight_deterministic_bias(%x: tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @deterministic_input_gaussian_weight_gaussian_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C1]] : f32, f32
func.func @deterministic_input_gaussian_weight_gaussian_bias(%x: tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_deterministic_weight_no_bias
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: linalg.yield %[[ZERO]] : f32
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[WW:.*]] = arith.mulf %[[W]], %[[W]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_deterministic_weight_no_bias(%x: !gauss.tensor<4x3xf32>, %w: tensor<2x3xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w : (!gauss.tensor<4x3xf32>, tensor<2x3xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_deterministic_weight_deterministic_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[WW:.*]] = arith.mulf %[[W]], %[[W]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_deterministic_weight_deterministic_bias(%x: !gauss.tensor<4x3xf32>, %w: tensor<2x3xf32>, %b: tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (!gauss.tensor<4x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_deterministic_weight_gaussian_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[WW:.*]] = arith.mulf %[[W]], %[[W]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_deterministic_weight_gaussian_bias(%x: !gauss.tensor<4x3xf32>, %w: tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (!gauss.tensor<4x3xf32>, tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_gaussian_weight_no_bias
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: linalg.yield %[[ZERO]] : f32
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   %[[WW:.*]] = math.fma %[[W]], %[[W]], %[[S]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C1]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_gaussian_weight_no_bias(%x: !gauss.tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w : (!gauss.tensor<4x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_gaussian_weight_deterministic_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   %[[WW:.*]] = math.fma %[[W]], %[[W]], %[[S]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C1]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_gaussian_weight_deterministic_bias(%x: !gauss.tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (!gauss.tensor<4x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}

// CHECK-LABEL: func.func @gaussian_input_gaussian_weight_gaussian_bias
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[C:.*]]: f32):
// CHECK-NEXT:   %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
// CHECK-NEXT:   %[[XX:.*]] = arith.mulf %[[X]], %[[X]] : f32
// CHECK-NEXT:   %[[C1:.*]] = math.fma %[[XX]], %[[S]], %[[C]] : f32
// CHECK-NEXT:   %[[WW:.*]] = math.fma %[[W]], %[[W]], %[[S]] : f32
// CHECK-NEXT:   %[[C2:.*]] = math.fma %[[V]], %[[WW]], %[[C1]] : f32
// CHECK-NEXT:   linalg.yield %[[M1]], %[[C2]] : f32, f32
func.func @gaussian_input_gaussian_weight_gaussian_bias(%x: !gauss.tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.dense %x, %w, %b : (!gauss.tensor<4x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}
