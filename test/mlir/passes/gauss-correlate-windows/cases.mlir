// What the covariances are made of.

// RUN: pfp-opt %s --gauss-correlate-windows | FileCheck %s

// Padding, strides of both ops, dilations and groups, a bias that is uncertain.
// CHECK-LABEL: func.func @attributes
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x20xf32>, %[[W:.*]]: !gauss.tensor<4x1x3xf32>, %[[B:.*]]: !gauss.tensor<4xf32>)
// CHECK: %[[P:.*]] = gauss.pad %[[X]] low [0, 0, 1] high [0, 0, 2]
// CHECK-NEXT: %[[S:.*]] = gauss.variance %[[W]]
// CHECK-NEXT: %[[T:.*]] = gauss.variance %[[B]]
// The second element of a window lies 3 windows on, which is 6 numbers.
// CHECK-NEXT: %[[U:.*]] = gauss.slice %[[P]] axis 2 size 17
// CHECK-NEXT: %[[V:.*]] = gauss.slice %[[P]] axis 2 start 6 size 17
// CHECK-NEXT: %[[Z:.*]] = gauss.mul %[[U]], %[[V]]
// CHECK-NEXT: gauss.conv1d %[[Z]], %[[S]], %[[T]] strides [4] dilation [2] groups 2
// CHECK-SAME: -> tensor<1x4x4xf32>
func.func @attributes(%x: tensor<1x2x20xf32>, %w: !gauss.tensor<4x1x3xf32>, %b: !gauss.tensor<4xf32>)
    -> !gauss.tensor<1x4x4xf32> {
  %0 = gauss.conv1d %x, %w, %b strides [2] padding [1, 2] dilation [2] groups 2
    : (tensor<1x2x20xf32>, !gauss.tensor<4x1x3xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<1x4x10xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] dilation [3] : (!gauss.tensor<1x4x10xf32>) -> !gauss.tensor<1x4x4xf32>
  return %1 : !gauss.tensor<1x4x4xf32>
}

// Elements of an uncertain input that both sums read, each with another weight. A bias that is known adds nothing.
// CHECK-LABEL: func.func @uncertain
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<1x2x8xf32>, %[[W:.*]]: !gauss.tensor<4x2x3xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK: %[[M:.*]] = gauss.mean %[[X]]
// CHECK-NEXT: %[[S:.*]] = gauss.variance %[[W]]
// CHECK-NEXT: %[[V:.*]] = gauss.variance %[[X]]
// CHECK-NEXT: %[[N:.*]] = gauss.mean %[[W]]
// CHECK: %[[Z:.*]] = gauss.mul
// CHECK-NEXT: %[[C:.*]] = gauss.conv1d %[[Z]], %[[S]] strides [2] :
// CHECK-NEXT: %[[F:.*]] = gauss.slice %[[N]] axis 2 start 1 size 2
// CHECK-NEXT: %[[G:.*]] = gauss.slice %[[N]] axis 2 size 2
// CHECK-NEXT: %[[K:.*]] = gauss.mul %[[F]], %[[G]]
// CHECK-NEXT: %[[I:.*]] = gauss.slice %[[V]] axis 2 start 1 size 6
// CHECK-NEXT: %[[D:.*]] = gauss.conv1d %[[I]], %[[K]] strides [2]
// CHECK-NEXT: %[[E:.*]] = gauss.add %[[C]], %[[D]]
// CHECK-NEXT: gauss.max_pool1d %{{.*}}, %[[E]]
func.func @uncertain(%x: !gauss.tensor<1x2x8xf32>, %w: !gauss.tensor<4x2x3xf32>, %b: tensor<4xf32>)
    -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w, %b
    : (!gauss.tensor<1x2x8xf32>, !gauss.tensor<4x2x3xf32>, tensor<4xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1 : !gauss.tensor<1x4x3xf32>
}

// Sums that read no element of the input twice: their distance is none of the dilation.
// CHECK-LABEL: func.func @apart
// CHECK: gauss.mul
// CHECK-NEXT: %[[C:.*]] = gauss.conv1d
// CHECK-NEXT: gauss.max_pool1d %{{.*}}, %[[C]]
func.func @apart(%x: !gauss.tensor<1x2x10xf32>, %w: !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32> {
  %0 = gauss.conv1d %x, %w dilation [2]
    : (!gauss.tensor<1x2x10xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<1x4x6xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x4x6xf32>) -> !gauss.tensor<1x4x3xf32>
  return %1 : !gauss.tensor<1x4x3xf32>
}

// Six pairs of four elements.
// CHECK-LABEL: func.func @square
// CHECK-COUNT-6: gauss.conv2d %{{.*}} strides [2, 2] : (tensor<1x1x5x5xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x2x2xf32>
// CHECK-NEXT: gauss.max_pool2d %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} kernel [2, 2] strides [2, 2]
func.func @square(%x: tensor<1x1x6x6xf32>, %w: !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<1x2x2x2xf32> {
  %0 = gauss.conv2d %x, %w : (tensor<1x1x6x6xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<1x2x4x4xf32>
  %1 = gauss.max_pool2d %0 kernel [2, 2] strides [2, 2] : (!gauss.tensor<1x2x4x4xf32>) -> !gauss.tensor<1x2x2x2xf32>
  return %1 : !gauss.tensor<1x2x2x2xf32>
}
