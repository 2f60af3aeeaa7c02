// A residual block adds what it takes to what it computes of it. `--gauss-remark-independence` says so, and
// leaves the module as it is.

// RUN: pfp-opt %s --gauss-remark-independence > %t 2> %t.remarks
// RUN: pfp-opt %s | diff %t -
// RUN: FileCheck %s < %t.remarks

// CHECK: example.mlir:[[@LINE+7]]:8: remark: 'gauss.add' op takes its operands 0 and 1 as independent; both
// CHECK-SAME: depend on a result of gauss.dense, and their covariance is dropped
// CHECK: example.mlir:[[@LINE+3]]:8: note: computed here
func.func @residual(%x: tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x4xf32>
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<4x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %2 = gauss.add %0, %1 : (!gauss.tensor<?x4xf32>, !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %2 : !gauss.tensor<?x4xf32>
}
