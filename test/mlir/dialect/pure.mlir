// Every op is Pure: equal ops are one, unused ops are none, and ops move out of
// loops.

// RUN: pfp-opt %s --cse | FileCheck %s --check-prefix=CSE
// RUN: pfp-opt %s --canonicalize | FileCheck %s --check-prefix=DEAD
// RUN: pfp-opt %s --loop-invariant-code-motion | FileCheck %s --check-prefix=MOTION

// CSE-LABEL: func.func @equal
// CSE-NEXT: %[[X:.*]] = gauss.relu
// CSE-NEXT: %[[Y:.*]] = gauss.add %[[X]], %[[X]]
// CSE-NEXT: return %[[Y]]
func.func @equal(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  %1 = gauss.relu %x : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  %2 = gauss.add %0, %1 : (!gauss.tensor<2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %2 : !gauss.tensor<2xf32>
}

// Attributes are part of what an op is.
// CSE-LABEL: func.func @different
// CSE: gauss.avg_pool2d
// CSE: gauss.avg_pool2d
func.func @different(%x: tensor<1x1x2x2xf32>) -> (tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>) {
  %0 = gauss.avg_pool2d %x kernel [2, 2] padding [1, 1, 1, 1] : (tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  %1 = gauss.avg_pool2d %x kernel [2, 2] padding [1, 1, 1, 1] count_include_pad false : (tensor<1x1x2x2xf32>) -> tensor<1x1x3x3xf32>
  return %0, %1 : tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>
}

// DEAD-LABEL: func.func @unused
// DEAD-NEXT: return
func.func @unused(%x: tensor<1x1x4x4xf32>, %v: tensor<2xf32>) {
  %p = gauss.parameter "w" : !gauss.tensor<3x1x2x2xf32>
  %c = gauss.constant mean(dense<0.0> : tensor<2xf32>) variance(dense<1.0> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %0 = gauss.conv2d %x, %p : (tensor<1x1x4x4xf32>, !gauss.tensor<3x1x2x2xf32>) -> !gauss.tensor<1x3x3x3xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x3x3x3xf32>) -> !gauss.tensor<1x3x3x3xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] : (!gauss.tensor<1x3x3x3xf32>) -> !gauss.tensor<1x3x2x2xf32>
  %3 = gauss.avg_pool2d %2 kernel [2, 2] : (!gauss.tensor<1x3x2x2xf32>) -> !gauss.tensor<1x3x1x1xf32>
  %4 = gauss.flatten %3 : (!gauss.tensor<1x3x1x1xf32>) -> !gauss.tensor<1x3xf32>
  %w = gauss.parameter "fc" : tensor<2x3xf32>
  %5 = gauss.dense %4, %w, %c : (!gauss.tensor<1x3xf32>, tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<1x2xf32>
  %6 = gauss.batch_norm %5, %v, %v, %v, %v : (!gauss.tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<1x2xf32>
  %7 = gauss.add %6, %5 : (!gauss.tensor<1x2xf32>, !gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
  %8 = gauss.reshape %7 : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<2xf32>
  %mean = gauss.mean %8 : !gauss.tensor<2xf32>
  %variance = gauss.variance %8 : !gauss.tensor<2xf32>
  %9 = gauss.make %variance, %mean : tensor<2xf32>
  return
}

// MOTION-LABEL: func.func @invariant
// MOTION: gauss.relu
// MOTION: scf.for
// MOTION-NOT: gauss.relu
func.func @invariant(%x: !gauss.tensor<2xf32>, %n: index) -> !gauss.tensor<2xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %sum = scf.for %i = %zero to %n step %one iter_args(%a = %x) -> !gauss.tensor<2xf32> {
    %r = gauss.relu %x : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
    %b = gauss.add %a, %r : (!gauss.tensor<2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
    scf.yield %b : !gauss.tensor<2xf32>
  }
  return %sum : !gauss.tensor<2xf32>
}
