// A tensor can be used as it is, without its partner.

// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/ok.safetensors | FileCheck %s

// CHECK-LABEL: func.func @components
// CHECK: arith.constant dense_resource<fc.weight.mean> : tensor<2x3xf32>
// CHECK: arith.constant dense_resource<fc.weight.var> : tensor<2x3xf32>
func.func @components() -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) {
  %m = gauss.parameter "fc.weight.mean" : tensor<2x3xf32>
  %v = gauss.parameter "fc.weight.var" : tensor<2x3xf32>
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  return %m, %v, %b : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>
}
