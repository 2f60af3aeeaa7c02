// Calls are inlined later. `--gauss-check-calls` counts what that makes of each
// function, and leaves the module as it is.

// RUN: pfp-opt %s --gauss-check-calls > %t
// RUN: pfp-opt %s | diff %t -
// RUN: FileCheck %s < %t

// A function that is called often is counted as often.
// CHECK-LABEL: func.func @net
// CHECK-COUNT-2: call @half
func.func @net(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @half(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @half(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}

func.func private @half(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}

// What is defined elsewhere is one op.
func.func private @declared(!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>

func.func @calls_what_is_declared(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @declared(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}
