// Kernels may be in another order than the ops that they replace: the padding of the pool is
// written before the second convolution, and the squares of the first one's results are computed
// with it, in memory that is allocated after that. All kernels stand where everything that they
// use is there.

// RUN: pfp-opt %s --gauss-set-batch=n=2 --gauss-to-kernels=core=x86-64 | FileCheck %s
// RUN: pfp-opt %s --gauss-set-batch=n=2 --gauss-to-kernels=core=x86-64-v4 | FileCheck %s
// RUN: pfp-opt %s --gauss-set-batch=n=9 --gauss-to-kernels=core=cortex-a72 | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: gauss.arena_bytes
func.func @net(%x: !gauss.tensor<?x1x6x3xf32>, %v: !gauss.tensor<1x1x1x1xf32>, %w: !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<?x4x2x1xf32> {
  %0 = gauss.conv2d %x, %v : (!gauss.tensor<?x1x6x3xf32>, !gauss.tensor<1x1x1x1xf32>) -> !gauss.tensor<?x1x6x3xf32>
  %1 = gauss.conv2d %0, %w strides [1, 3] : (!gauss.tensor<?x1x6x3xf32>, !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<?x4x4x1xf32>
  %2 = gauss.avg_pool2d %1 kernel [2, 2] strides [2, 3] padding [0, 1, 1, 0] count_include_pad false : (!gauss.tensor<?x4x4x1xf32>) -> !gauss.tensor<?x4x2x1xf32>
  return %2 : !gauss.tensor<?x4x2x1xf32>
}
