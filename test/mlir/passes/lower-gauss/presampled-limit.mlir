// Weights that the compiler draws are part of the object: 4 KiB, drawn 2^19 times.

// RUN: not pfp-opt %s --lower-gauss="mode=presampled samples=524288" 2>&1 | FileCheck %s

// CHECK: 'gauss.constant' op and the weights before it, drawn 524288 times, take more than 1024 MiB; take fewer samples, or draw in each call: mode=sample
func.func @net() -> !gauss.tensor<1024xf32> {
  %w = gauss.constant mean(dense<0.0> : tensor<1024xf32>) variance(dense<1.0> : tensor<1024xf32>) : !gauss.tensor<1024xf32>
  return %w : !gauss.tensor<1024xf32>
}
