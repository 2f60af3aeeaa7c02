// gauss-to-gradient: a network with a loss, and the gradient of that, as linalg on tensors. It is
// compiled like any other function: what were parameters are arguments.

// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:0.5 | FileCheck %s --implicit-check-not="gauss.parameter " --implicit-check-not=memref
// RUN: pfp-opt %s --gauss-to-gradient="loss=gaussian:0.5 mean=true" | FileCheck %s --check-prefix=MEAN
// The pipeline is these passes, one after the other.
// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:0.5 > %t
// RUN: pfp-opt %s --gauss-check-calls --inline --symbol-dce --gauss-append-loss=loss=gaussian:0.5 --canonicalize --cse --lower-gauss --canonicalize --gauss-gradient --canonicalize | diff %t -
// What it leaves is compiled like a network.
// RUN: pfp-opt %t --gauss-to-llvm="lowered=true core=x86-64-v3" | FileCheck %s --check-prefix=LLVM

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%{{.*}}: tensor<2x1x4x4xf32>, %{{.*}}: tensor<2x3xf32>, %{{.*}}: tensor<2xf32>, %{{.*}}: tensor<3x1x4x4xf32>, %{{.*}}: tensor<3x1x4x4xf32>, %{{.*}}: tensor<3xf32>)
// CHECK-SAME: -> (tensor<2xf32>, tensor<2x3xf32>, tensor<3x1x4x4xf32>, tensor<3x1x4x4xf32>, tensor<3xf32>)
// CHECK-SAME: gauss.parameters = ["k.mean", "k.var", "gamma"]
// Batch normalisation stays what it is: its factor has a gradient.
// CHECK: "batch_norm.gradient"
// CHECK: "conv2d.gradient"
// CHECK: return
// Of the means alone there are no variances.
// MEAN-LABEL: func.func @net
// MEAN-SAME: gauss.parameters = ["k.mean", "gamma"]
// LLVM: llvm.func @pfp_net
func.func @net(%x: tensor<2x1x4x4xf32>) -> !gauss.tensor<2x3xf32> {
  %k = gauss.parameter "k" : !gauss.tensor<3x1x4x4xf32>
  %gamma = gauss.parameter "gamma" : tensor<3xf32>
  %c = arith.constant dense<[1.0, 2.0, 0.5]> : tensor<3xf32>
  %0 = gauss.conv2d %x, %k : (tensor<2x1x4x4xf32>, !gauss.tensor<3x1x4x4xf32>) -> !gauss.tensor<2x3x1x1xf32>
  %1 = gauss.batch_norm %0, %gamma, %c, %c, %c
    : (!gauss.tensor<2x3x1x1xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> !gauss.tensor<2x3x1x1xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<2x3x1x1xf32>) -> !gauss.tensor<2x3x1x1xf32>
  %3 = gauss.flatten %2 : (!gauss.tensor<2x3x1x1xf32>) -> !gauss.tensor<2x3xf32>
  return %3 : !gauss.tensor<2x3xf32>
}
