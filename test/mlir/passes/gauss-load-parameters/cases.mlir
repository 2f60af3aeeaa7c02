// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/ok.safetensors \
// RUN:   | FileCheck %s --implicit-check-not=gauss.parameter

// The numbers of other floats are those of float32.
// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/ok.safetensors > %t.float
// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/double.safetensors | diff %t.float -
// RUN: pfp-opt %s --gauss-load-parameters=file=%S/Inputs/half.safetensors | diff %t.float -

// A path with a space stands in quotes.
// RUN: mkdir -p "%t dir" && cp %S/Inputs/ok.safetensors "%t dir/ok.safetensors"
// RUN: pfp-opt %s --pass-pipeline='builtin.module(gauss-load-parameters{file="%t dir/ok.safetensors"})' \
// RUN:   | FileCheck %s --implicit-check-not=gauss.parameter

// The same parameter in two places: both get its values.
// CHECK-LABEL: func.func @first
// CHECK: gauss.constant mean(dense_resource<[[MEAN:fc.weight.mean.*]]> : tensor<2x3xf32>) variance(dense_resource<[[VARIANCE:fc.weight.var.*]]> : tensor<2x3xf32>)
func.func @first() -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  return %w : !gauss.tensor<2x3xf32>
}

// CHECK-LABEL: func.func @second
// CHECK: gauss.constant mean(dense_resource<{{fc.weight.mean.*}}> : tensor<2x3xf32>) variance(dense_resource<{{fc.weight.var.*}}> : tensor<2x3xf32>)
func.func @second() -> !gauss.tensor<2x3xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  return %w : !gauss.tensor<2x3xf32>
}

// CHECK-LABEL: func.func @nested
// CHECK: scf.if
// CHECK: arith.constant dense_resource<fc.bias> : tensor<2xf32>
func.func @nested(%c: i1, %x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = scf.if %c -> tensor<2xf32> {
    %b = gauss.parameter "fc.bias" : tensor<2xf32>
    scf.yield %b : tensor<2xf32>
  } else {
    scf.yield %x : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}
