// RUN: pfp-opt %s --gauss-pool-first | FileCheck %s

// The attributes stay with their ops; the activation is of fewer elements.
// CHECK-LABEL: func.func @relu
// CHECK: %[[MAX:.*]] = gauss.max_pool2d %{{.*}} kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x2x2xf32>
// CHECK-NEXT: %[[RELU:.*]] = gauss.leaky_relu %[[MAX]] slope 2.500000e-01 : (!gauss.tensor<?x3x2x2xf32>) -> !gauss.tensor<?x3x2x2xf32>
// CHECK-NEXT: return %[[RELU]]
func.func @relu(%x: !gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x2x2xf32> {
  %0 = gauss.leaky_relu %x slope 0.25 : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x4x4xf32>
  %1 = gauss.max_pool2d %0 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x2x2xf32>
  return %1 : !gauss.tensor<?x3x2x2xf32>
}

// One after the other, before the maximum of an image too.
// CHECK-LABEL: func.func @two
// CHECK: gauss.global_max_pool
// CHECK-NEXT: gauss.tanh %{{.*}} : (!gauss.tensor<1x3x1xf32>)
// CHECK-NEXT: gauss.relu %{{.*}} : (!gauss.tensor<1x3x1xf32>)
func.func @two(%x: !gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x1xf32> {
  %0 = gauss.tanh %x : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x8xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x8xf32>
  %2 = gauss.global_max_pool %1 : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x1xf32>
  return %2 : !gauss.tensor<1x3x1xf32>
}

// A function that falls somewhere is another one behind a maximum.
// CHECK-LABEL: func.func @falls
// CHECK: gauss.gelu
// CHECK-NEXT: gauss.max_pool1d
// CHECK: gauss.leaky_relu
// CHECK-NEXT: gauss.max_pool1d
func.func @falls(%x: !gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x2xf32> {
  %0 = gauss.gelu %x : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x4xf32>
  %2 = gauss.leaky_relu %1 slope -1.0 : (!gauss.tensor<1x3x4xf32>) -> !gauss.tensor<1x3x4xf32>
  %3 = gauss.max_pool1d %2 kernel [2] strides [2] : (!gauss.tensor<1x3x4xf32>) -> !gauss.tensor<1x3x2xf32>
  return %3 : !gauss.tensor<1x3x2xf32>
}

// An activation that something else reads stays; so does the one before an average.
// CHECK-LABEL: func.func @stays
// CHECK: gauss.relu
// CHECK-NEXT: gauss.max_pool1d
// CHECK-NEXT: gauss.avg_pool1d
func.func @stays(%x: !gauss.tensor<1x3x8xf32>) -> (!gauss.tensor<1x3x4xf32>, !gauss.tensor<1x3x4xf32>) {
  %0 = gauss.relu %x : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x4xf32>
  %2 = gauss.avg_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x4xf32>
  return %1, %2 : !gauss.tensor<1x3x4xf32>, !gauss.tensor<1x3x4xf32>
}

// Slopes of channels that are known and not negative, in another shape too; not one that is negative, nor
// slopes of places.
// CHECK-LABEL: func.func @prelu
// CHECK: gauss.max_pool1d %{{.*}} : (!gauss.tensor<1x2x8xf32>)
// CHECK-NEXT: %[[RISES:.*]] = gauss.prelu %{{.*}}, %{{.*}} : (!gauss.tensor<1x2x4xf32>, tensor<1x2x1xf32>)
// CHECK-NEXT: %[[FALLS:.*]] = gauss.prelu %[[RISES]]
// CHECK-NEXT: %[[MAX:.*]] = gauss.max_pool1d %[[FALLS]]
// CHECK-NEXT: %[[PLACES:.*]] = gauss.prelu %[[MAX]]
// CHECK-NEXT: gauss.max_pool1d %[[PLACES]]
func.func @prelu(%x: !gauss.tensor<1x2x8xf32>) -> !gauss.tensor<1x2x1xf32> {
  %slopes = arith.constant dense<[0.25, 0.0]> : tensor<2xf32>
  %rising = gauss.reshape %slopes : (tensor<2xf32>) -> tensor<1x2x1xf32>
  %falling = arith.constant dense<[[[0.25], [-0.25]]]> : tensor<1x2x1xf32>
  %places = arith.constant dense<[[[0.25, 0.5]]]> : tensor<1x1x2xf32>
  %0 = gauss.prelu %x, %rising : (!gauss.tensor<1x2x8xf32>, tensor<1x2x1xf32>) -> !gauss.tensor<1x2x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x2x8xf32>) -> !gauss.tensor<1x2x4xf32>
  %2 = gauss.prelu %1, %falling : (!gauss.tensor<1x2x4xf32>, tensor<1x2x1xf32>) -> !gauss.tensor<1x2x4xf32>
  %3 = gauss.max_pool1d %2 kernel [2] strides [2] : (!gauss.tensor<1x2x4xf32>) -> !gauss.tensor<1x2x2xf32>
  %4 = gauss.prelu %3, %places : (!gauss.tensor<1x2x2xf32>, tensor<1x1x2xf32>) -> !gauss.tensor<1x2x2xf32>
  %5 = gauss.max_pool1d %4 kernel [2] : (!gauss.tensor<1x2x2xf32>) -> !gauss.tensor<1x2x1xf32>
  return %5 : !gauss.tensor<1x2x1xf32>
}

// A slope that is not known yet may be negative.
// CHECK-LABEL: func.func @unknown
// CHECK: gauss.prelu
// CHECK-NEXT: gauss.max_pool1d
func.func @unknown(%x: !gauss.tensor<1x2x8xf32>) -> !gauss.tensor<1x2x4xf32> {
  %slope = gauss.parameter "slope" : tensor<1x2x1xf32>
  %0 = gauss.prelu %x, %slope : (!gauss.tensor<1x2x8xf32>, tensor<1x2x1xf32>) -> !gauss.tensor<1x2x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x2x8xf32>) -> !gauss.tensor<1x2x4xf32>
  return %1 : !gauss.tensor<1x2x4xf32>
}

// Windows that reach into the padding, or beyond the input, hold an element of it at least.
// CHECK-LABEL: func.func @padded
// CHECK: gauss.max_pool1d %{{.*}} kernel [3] strides [2] padding [1, 1] dilation [2] ceil true : (tensor<1x3x10xf32>) -> tensor<1x3x5xf32>
// CHECK-NEXT: gauss.sigmoid %{{.*}} : (tensor<1x3x5xf32>) -> tensor<1x3x5xf32>
func.func @padded(%x: tensor<1x3x10xf32>) -> tensor<1x3x5xf32> {
  %0 = gauss.sigmoid %x : (tensor<1x3x10xf32>) -> tensor<1x3x10xf32>
  %1 = gauss.max_pool1d %0 kernel [3] strides [2] padding [1, 1] dilation [2] ceil true : (tensor<1x3x10xf32>) -> tensor<1x3x5xf32>
  return %1 : tensor<1x3x5xf32>
}
