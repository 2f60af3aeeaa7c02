// RUN: not pfp-opt %s --gauss-track-covariance=returned=true 2>&1 | FileCheck %s
// RUN: not pfp-opt %s --gauss-track-covariance=layers=all 2>&1 | FileCheck %s --check-prefix=OPTION

// RUN: not pfp-opt %s --gauss-track-covariance=nodes=4 2>&1 | FileCheck %s --check-prefix=FOUR
// RUN: not pfp-opt %s --gauss-track-covariance=returned=all 2>&1 | FileCheck %s --check-prefix=RETURNED

// FOUR: error: {{.*}}'nodes' is 0, 3 or 5, not '4'
// RETURNED: error: {{.*}}'returned' is true, false or nodes, not 'all'
// OPTION: error: {{.*}}layers: 'all' is not a number
// CHECK: error: {{.*}}returns !gauss.tensor<?x3xf32>, whose covariances are not known
func.func @net(%x: tensor<?x4xf32>, %w: !gauss.tensor<3x4xf32>) -> !gauss.tensor<?x3xf32> {
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<3x4xf32>) -> !gauss.tensor<?x3xf32>
  return %0 : !gauss.tensor<?x3xf32>
}
