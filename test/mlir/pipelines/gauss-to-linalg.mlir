// gauss-to-linalg: a network as linalg on tensors, simplified. Batch normalisation
// is gone, flatten is one collapse, nothing of gauss is left. It is the last form
// that has any batch size.

// RUN: pfp-opt %s --gauss-to-linalg | FileCheck %s --implicit-check-not=gauss
// RUN: pfp-opt %s --pass-pipeline='builtin.module(gauss-to-linalg)' | FileCheck %s --implicit-check-not=gauss
// The pipeline is these passes, one after the other.
// RUN: pfp-opt %s --gauss-to-linalg > %t
// RUN: pfp-opt %s --gauss-check-calls --inline --symbol-dce --gauss-fold-batch-norm --canonicalize --cse --lower-gauss --canonicalize | diff %t -
// What it leaves is stock MLIR.
// RUN: mlir-opt %t | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%{{.*}}: tensor<?x1x4x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK-NOT: math.sqrt
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]
// CHECK: math.exp
// CHECK: tensor.collapse_shape
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: return
func.func @net(%x: tensor<?x1x4x4xf32>) -> !gauss.tensor<?x2xf32> {
  %k = gauss.constant mean(dense<0.5> : tensor<2x1x3x3xf32>) variance(dense<0.25> : tensor<2x1x3x3xf32>) : !gauss.tensor<2x1x3x3xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %w = gauss.constant mean(dense<0.5> : tensor<2x8xf32>) variance(dense<0.25> : tensor<2x8xf32>) : !gauss.tensor<2x8xf32>
  %0 = gauss.conv2d %x, %k : (tensor<?x1x4x4xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x2x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x2x2xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x2x2x2xf32>) -> !gauss.tensor<?x2x2x2xf32>
  %3 = gauss.flatten %2 : (!gauss.tensor<?x2x2x2xf32>) -> !gauss.tensor<?x8xf32>
  %4 = gauss.dense %3, %w : (!gauss.tensor<?x8xf32>, !gauss.tensor<2x8xf32>) -> !gauss.tensor<?x2xf32>
  return %4 : !gauss.tensor<?x2xf32>
}
