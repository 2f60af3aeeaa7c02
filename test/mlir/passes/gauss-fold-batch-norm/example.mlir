// Batch normalisation multiplies each output of a layer by a factor and adds an
// offset. Where the layer is linear and all numbers are known, both go into its
// weight and bias, and the op disappears. Here, with epsilon 0,
//
//   factor = gamma / sqrt(running_variance) = [2, -4] / sqrt([4, 16]) = [1, -1]
//
// so the weight [[1, 2], [3, 4]] becomes [[1, 2], [-3, -4]], and the bias becomes
// (bias - running_mean) · factor + beta = ([1, 2] - [3, 1]) · [1, -1] + [0.5, 0.25]
// = [-1.5, -0.75]. Variances are multiplied by the factor squared: here, by 1.

// RUN: pfp-opt %s --gauss-fold-batch-norm --canonicalize | FileCheck %s --implicit-check-not=gauss.batch_norm

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<?x2xf32>)
func.func @net(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.constant mean(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>)
                      variance(dense<[[0.5, 1.0], [1.5, 2.0]]> : tensor<2x2xf32>) : !gauss.tensor<2x2xf32>
  %b = gauss.constant mean(dense<[1.0, 2.0]> : tensor<2xf32>)
                      variance(dense<[1.0, 2.0]> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %gamma = arith.constant dense<[2.0, -4.0]> : tensor<2xf32>
  %beta = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %running_mean = arith.constant dense<[3.0, 1.0]> : tensor<2xf32>
  %running_variance = arith.constant dense<[4.0, 16.0]> : tensor<2xf32>
  // CHECK: %[[W:.*]] = gauss.constant mean(dense_resource<[[WM:.*]]> : tensor<2x2xf32>) variance(dense_resource<[[WV:.*]]> : tensor<2x2xf32>)
  // CHECK: %[[B:.*]] = gauss.constant mean(dense_resource<[[BM:.*]]> : tensor<2xf32>) variance(dense_resource<[[BV:.*]]> : tensor<2xf32>)
  // CHECK: %[[Y:.*]] = gauss.dense %[[X]], %[[W]], %[[B]]
  %0 = gauss.dense %x, %w, %b
    : (!gauss.tensor<?x2xf32>, !gauss.tensor<2x2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %beta, %running_mean, %running_variance epsilon 0.0
    : (!gauss.tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
    -> !gauss.tensor<?x2xf32>
  // CHECK: return %[[Y]]
  return %1 : !gauss.tensor<?x2xf32>
}

// Little-endian floats after the alignment of the blob: 3F800000 is 1, C0400000 is -3.
// CHECK-DAG: [[WM]]: "0x040000000000803F00000040000040C0000080C0"
// CHECK-DAG: [[WV]]: "0x040000000000003F0000803F0000C03F00000040"
// CHECK-DAG: [[BM]]: "0x040000000000C0BF000040BF"
// CHECK-DAG: [[BV]]: "0x040000000000803F00000040"
