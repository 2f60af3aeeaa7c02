// A network names its parameters, a parameter file holds them. With
// `--gauss-load-parameters` each parameter becomes a constant: the Gaussian
// parameter `fc.weight` one of the tensors `fc.weight.mean` and `fc.weight.var`
// of the file, the deterministic `fc.bias` one of the tensor `fc.bias`. The
// values are resources: blobs beside the module, not text inside of it.

// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/ok.safetensors | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>)
func.func @net(%x: tensor<?x3xf32>) -> !gauss.tensor<?x2xf32> {
  // CHECK: %[[WEIGHT:.*]] = gauss.constant mean(dense_resource<fc.weight.mean> : tensor<2x3xf32>) variance(dense_resource<fc.weight.var> : tensor<2x3xf32>) : !gauss.tensor<2x3xf32>
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  // CHECK: %[[BIAS:.*]] = arith.constant dense_resource<fc.bias> : tensor<2xf32>
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  // CHECK: gauss.dense %[[X]], %[[WEIGHT]], %[[BIAS]]
  %y = gauss.dense %x, %w, %b
    : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %y : !gauss.tensor<?x2xf32>
}

// The numbers 1 to 6, then one half and zero in turn, then ±1/4, in hexadecimal
// after the alignment of the blob.
// CHECK: fc.weight.mean: "0x040000000000803F0000004000004040000080400000A0400000C040"
// CHECK: fc.weight.var: "0x040000000000003F000000000000003F000000000000003F00000000"
// CHECK: fc.bias: "0x040000000000803E000080BE"
