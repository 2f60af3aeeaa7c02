// A Gaussian tensor becomes two plain ones, its mean and its variance, everywhere:
// in signatures, mean first, and between the layers. Each layer becomes linalg on
// tensors whose bodies are the moment algebra. Here, the input is exact and the
// weight is Gaussian, so that with input x and weight mean w, variance s
//
//   mean += x·w        variance += x²·s
//
// and the bias is where the sums begin.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-DAG: #[[BIAS:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[OUTPUT:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[W:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[SUM:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[IN:.*]]: tensor<4x3xf32>, %[[WM:.*]]: tensor<2x3xf32>, %[[WV:.*]]: tensor<2x3xf32>, %[[BM:.*]]: tensor<2xf32>, %[[BV:.*]]: tensor<2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>)
func.func @layer(%x: tensor<4x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: !gauss.tensor<2xf32>)
    -> !gauss.tensor<4x2xf32> {
  // CHECK: %[[MEAN:.*]] = linalg.generic {indexing_maps = [#[[BIAS]], #[[OUTPUT]]], iterator_types = ["parallel", "parallel"]} ins(%[[BM]] : tensor<2xf32>)
  // CHECK: %[[VARIANCE:.*]] = linalg.generic {indexing_maps = [#[[BIAS]], #[[OUTPUT]]], iterator_types = ["parallel", "parallel"]} ins(%[[BV]] : tensor<2xf32>)
  // CHECK: %[[RESULT:.*]]:2 = linalg.generic {indexing_maps = [#[[X]], #[[W]], #[[W]], #[[SUM]], #[[SUM]]], iterator_types = ["parallel", "parallel", "reduction"]}
  // CHECK-SAME: ins(%[[IN]], %[[WM]], %[[WV]] :
  // CHECK-SAME: outs(%[[MEAN]], %[[VARIANCE]] :
  // CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[W:.*]]: f32, %[[S:.*]]: f32, %[[M:.*]]: f32, %[[V:.*]]: f32):
  // CHECK-NEXT: %[[M1:.*]] = math.fma %[[X]], %[[W]], %[[M]] : f32
  // CHECK-NEXT: %[[X2:.*]] = arith.mulf %[[X]], %[[X]] : f32
  // CHECK-NEXT: %[[V1:.*]] = math.fma %[[X2]], %[[S]], %[[V]] : f32
  // CHECK-NEXT: linalg.yield %[[M1]], %[[V1]] : f32, f32
  %0 = gauss.dense %x, %w, %b
    : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<4x2xf32>
  // CHECK: return %[[RESULT]]#0, %[[RESULT]]#1 : tensor<4x2xf32>, tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}
