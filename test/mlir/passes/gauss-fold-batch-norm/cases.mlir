// What folds.

// RUN: pfp-opt %s --gauss-fold-batch-norm --canonicalize | FileCheck %s --implicit-check-not=gauss.batch_norm

// A layer without bias gets one: (0 - running_mean) · factor + beta. With factor
// [0.5, 2] that is [-1, -3] · [0.5, 2] + [4, 5] = [3.5, -1].
// CHECK-LABEL: func.func @without_bias
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<[[WM:.*]]> : tensor<2x2xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense_resource<[[BM:.*]]> : tensor<2xf32>
// CHECK: gauss.dense %{{.*}}, %[[W]], %[[B]] : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
func.func @without_bias(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %beta = arith.constant dense<[4.0, 5.0]> : tensor<2xf32>
  %mean = arith.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %variance = arith.constant dense<[3.0, 0.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %beta, %mean, %variance epsilon 1.0
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// A convolution keeps its attributes; the factor is per output channel. A
// deterministic bias stays deterministic beside a Gaussian weight.
// CHECK-LABEL: func.func @depthwise
// CHECK-DAG: %[[W:.*]] = gauss.constant mean(dense_resource<[[CM:.*]]> : tensor<2x1x1x2xf32>) variance(dense_resource<[[CV:.*]]> : tensor<2x1x1x2xf32>)
// CHECK-DAG: %[[B:.*]] = arith.constant dense_resource<{{.*}}> : tensor<2xf32>
// CHECK: gauss.conv2d %{{.*}}, %[[W]], %[[B]] strides [1, 2] padding [0, 1, 0, 0] groups 2
func.func @depthwise(%x: tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x2xf32> {
  %w = gauss.constant mean(dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]> : tensor<2x1x1x2xf32>)
                      variance(dense<1.0> : tensor<2x1x1x2xf32>) : !gauss.tensor<2x1x1x2xf32>
  %b = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %gamma = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %variance = arith.constant dense<[4.0, 1.0]> : tensor<2xf32>
  %0 = gauss.conv2d %x, %w, %b strides [1, 2] padding [0, 1, 0, 0] groups 2
    : (tensor<?x2x4x4xf32>, !gauss.tensor<2x1x1x2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x4x2xf32>
  %1 = gauss.batch_norm %0, %gamma, %b, %b, %variance epsilon 0.0
    : (!gauss.tensor<?x2x4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
    -> !gauss.tensor<?x2x4x2xf32>
  return %1 : !gauss.tensor<?x2x4x2xf32>
}

// Two in a row fold one after the other.
// CHECK-LABEL: func.func @chain
// CHECK: gauss.dense
// CHECK-NOT: gauss.dense
// CHECK: return
func.func @chain(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %2 = gauss.batch_norm %1, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// A weight that two layers share is folded into a copy.
// CHECK-LABEL: func.func @shared_weight
// CHECK-DAG: %[[SHARED:.*]] = arith.constant dense<{{\[}}[1.0{{.*}}4.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: %[[FOLDED:.*]] = arith.constant dense_resource<{{.*}}> : tensor<2x2xf32>
// CHECK: %[[FIRST:.*]] = gauss.dense %{{.*}}, %[[FOLDED]], %{{.*}}
// CHECK: gauss.dense %[[FIRST]], %[[SHARED]]
func.func @shared_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %2 = gauss.dense %1, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// The weight of a transposed convolution has the outputs of a group behind the channels: the outputs
// are 0 and 1 for the first channel, 2 and 3 for the second.
// CHECK-LABEL: func.func @transposed
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<[[TM:.*]]> : tensor<2x2x2xf32>
// CHECK: gauss.conv_transpose1d %{{.*}}, %[[W]], %{{.*}} strides [2] groups 2
func.func @transposed(%x: tensor<?x2x4xf32>) -> tensor<?x4x8xf32> {
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %gamma = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %0 = gauss.conv_transpose1d %x, %w strides [2] groups 2
    : (tensor<?x2x4xf32>, tensor<2x2x2xf32>) -> tensor<?x4x8xf32>
  %1 = gauss.batch_norm %0, %gamma, %one, %one, %one epsilon 0.0
    : (tensor<?x4x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  return %1 : tensor<?x4x8xf32>
}

// CHECK-LABEL: func.func @volume
// CHECK: gauss.conv3d
// CHECK: return
func.func @volume(%x: tensor<?x1x2x2x2xf32>) -> tensor<?x2x2x2x2xf32> {
  %w = arith.constant dense<2.0> : tensor<2x1x1x1x1xf32>
  %c = arith.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %0 = gauss.conv3d %x, %w : (tensor<?x1x2x2x2xf32>, tensor<2x1x1x1x1xf32>) -> tensor<?x2x2x2x2xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (tensor<?x2x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x2x2x2xf32>
  return %1 : tensor<?x2x2x2x2xf32>
}

// Padding between both repeats what the layer gives. A constant is normalised too, where all channels
// make the same of it: (3 - 1) * 2 + 1 and (3 - 2) * 3 + 2.
// CHECK-LABEL: func.func @padding
// CHECK: %[[CONV:.*]] = gauss.conv1d
// CHECK: %[[EDGE:.*]] = gauss.pad %[[CONV]] low [0, 0, 1] high [0, 0, 2] mode "edge"
// CHECK: %[[CONSTANT:.*]] = gauss.pad %[[EDGE]] low [0, 0, 1] high [0, 0, 0] value 5.000000e+00
// CHECK: return %[[CONSTANT]]
func.func @padding(%x: tensor<?x1x4xf32>) -> tensor<?x2x8xf32> {
  %w = arith.constant dense<2.0> : tensor<2x1x1xf32>
  %gamma = arith.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %beta = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %one = arith.constant dense<1.0> : tensor<2xf32>
  %0 = gauss.conv1d %x, %w : (tensor<?x1x4xf32>, tensor<2x1x1xf32>) -> tensor<?x2x4xf32>
  %1 = gauss.pad %0 low [0, 0, 1] high [0, 0, 2] mode "edge" : (tensor<?x2x4xf32>) -> tensor<?x2x7xf32>
  %2 = gauss.pad %1 low [0, 0, 1] high [0, 0, 0] value 3.0 : (tensor<?x2x7xf32>) -> tensor<?x2x8xf32>
  %3 = gauss.batch_norm %2, %gamma, %beta, %beta, %one epsilon 0.0
    : (tensor<?x2x8xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x8xf32>
  return %3 : tensor<?x2x8xf32>
}

// [[0.5, 1], [6, 8]] and [3.5, -1].
// CHECK-DAG: [[WM]]: "0x040000000000003F0000803F0000C04000000041"
// CHECK-DAG: [[BM]]: "0x0400000000006040000080BF"
// The means by [0.5, 2], the variances by [0.25, 4].
// CHECK-DAG: [[CM]]: "0x040000000000003F0000803F0000C04000000041"
// CHECK-DAG: [[CV]]: "0x040000000000803E0000803E0000804000008040"
// 1, 2 by 1 and 3, 4 by 2; 5, 6 by 3 and 7, 8 by 4.
// CHECK-DAG: [[TM]]: "0x040000000000803F000000400000C0400000004100007041000090410000E04100000042"
