// The largest batch is the one with which no tensor has more than 2^28 elements.

// RUN: pfp-opt %s --gauss-set-batch=n=134217728 | FileCheck %s
// RUN: not pfp-opt %s --gauss-set-batch=n=134217729 2>&1 | FileCheck %s --check-prefix=ERROR

// CHECK: func.func @net(%{{.*}}: !gauss.tensor<134217728x1xf32>) -> !gauss.tensor<134217728x2xf32>
func.func @net(%x: !gauss.tensor<?x1xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "fc" : tensor<2x1xf32>
  // ERROR: large.mlir:[[@LINE+1]]:8: error: 'gauss.dense' op has a tensor of more than 2^28 elements with the batch 134217729
  %0 = gauss.dense %x, %w : (!gauss.tensor<?x1xf32>, tensor<2x1xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}
