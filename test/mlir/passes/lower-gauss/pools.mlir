// Pools of any rank combine slices along the last axis first, then along those before it. The
// maximum of a whole channel is a reduction for each axis.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func @line
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x5xf32>)
// CHECK-DAG: %[[LEFT:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [1, 2, 2] [1, 1, 2]
// CHECK-DAG: %[[RIGHT:.*]] = tensor.extract_slice %[[X]][0, 0, 2] [1, 2, 2] [1, 1, 2]
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[LEFT]], %[[RIGHT]] :
// CHECK: arith.maxnumf
// CHECK: return %[[Y]]
func.func @line(%x: tensor<1x2x5xf32>) -> tensor<1x2x2xf32> {
  %0 = gauss.max_pool1d %x kernel [2] strides [2] dilation [2] : (tensor<1x2x5xf32>) -> tensor<1x2x2xf32>
  return %0 : tensor<1x2x2xf32>
}

// CHECK-LABEL: func.func @volume
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4x4xf32>)
// CHECK-DAG: tensor.extract_slice %[[X]][0, 0, 0, 0, 0] [1, 2, 4, 4, 2] [1, 1, 1, 1, 2]
// CHECK-DAG: tensor.extract_slice %[[X]][0, 0, 0, 0, 1] [1, 2, 4, 4, 2] [1, 1, 1, 1, 2]
// CHECK: %[[ROWS:.*]] = linalg.generic
// CHECK-DAG: tensor.extract_slice %[[ROWS]][0, 0, 0, 0, 0] [1, 2, 4, 2, 2] [1, 1, 1, 2, 1]
// CHECK-DAG: tensor.extract_slice %[[ROWS]][0, 0, 0, 1, 0] [1, 2, 4, 2, 2] [1, 1, 1, 2, 1]
// CHECK: %[[SLICES:.*]] = linalg.generic
// CHECK-DAG: tensor.extract_slice %[[SLICES]][0, 0, 0, 0, 0] [1, 2, 2, 2, 2] [1, 1, 2, 1, 1]
// CHECK-DAG: tensor.extract_slice %[[SLICES]][0, 0, 1, 0, 0] [1, 2, 2, 2, 2] [1, 1, 2, 1, 1]
// CHECK: %[[Y:.*]] = linalg.generic
// CHECK: arith.constant 1.250000e-01
// CHECK: return %[[Y]]
func.func @volume(%x: tensor<1x2x4x4x4xf32>) -> tensor<1x2x2x2x2xf32> {
  %0 = gauss.avg_pool3d %x kernel [2, 2, 2] strides [2, 2, 2]
    : (tensor<1x2x4x4x4xf32>) -> tensor<1x2x2x2x2xf32>
  return %0 : tensor<1x2x2x2x2xf32>
}

// The neutral element is minus infinity without variance.
// CHECK-LABEL: func.func @global
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: arith.constant 0.000000e+00 : f32
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "reduction"]{{.*}} outs(%{{.*}}, %{{.*}} : tensor<?x2x32xf32>, tensor<?x2x32xf32>)
// CHECK: math.sqrt
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]{{.*}} outs(%{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK: math.sqrt
// CHECK: tensor.expand_shape {{.*}} : tensor<?x2xf32> into tensor<?x2x1x1xf32>
func.func @global(%x: !gauss.tensor<?x2x32x32xf32>) -> !gauss.tensor<?x2x1x1xf32> {
  %0 = gauss.global_max_pool %x : (!gauss.tensor<?x2x32x32xf32>) -> !gauss.tensor<?x2x1x1xf32>
  return %0 : !gauss.tensor<?x2x1x1xf32>
}
