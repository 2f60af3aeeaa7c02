// reshape and flatten become collapse_shape and expand_shape of both components.
// A leading dimension that both shapes have stays as it is, which keeps a dynamic
// batch apart from the rest.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func @flatten
// CHECK-SAME: (%[[MEAN:.*]]: tensor<?x2x3xf32>, %[[VARIANCE:.*]]: tensor<?x2x3xf32>)
// CHECK-NEXT: %[[M:.*]] = tensor.collapse_shape %[[MEAN]] {{\[}}[0], [1, 2]] : tensor<?x2x3xf32> into tensor<?x6xf32>
// CHECK-NEXT: %[[V:.*]] = tensor.collapse_shape %[[VARIANCE]] {{\[}}[0], [1, 2]] : tensor<?x2x3xf32> into tensor<?x6xf32>
// CHECK-NEXT: return %[[M]], %[[V]]
func.func @flatten(%x: !gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32> {
  %0 = gauss.flatten %x : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
  return %0 : !gauss.tensor<?x6xf32>
}

// CHECK-LABEL: func.func @flatten_a_vector
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [3, 1] : tensor<3xf32> into tensor<3x1xf32>
func.func @flatten_a_vector(%x: tensor<3xf32>) -> tensor<3x1xf32> {
  %0 = gauss.flatten %x : (tensor<3xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// CHECK-LABEL: func.func @unflatten
// CHECK: %[[BATCH:.*]] = tensor.dim
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0], [1, 2]] output_shape [%[[BATCH]], 2, 3] : tensor<?x6xf32> into tensor<?x2x3xf32>
func.func @unflatten(%x: tensor<?x6xf32>) -> tensor<?x2x3xf32> {
  %0 = gauss.reshape %x : (tensor<?x6xf32>) -> tensor<?x2x3xf32>
  return %0 : tensor<?x2x3xf32>
}

// CHECK-LABEL: func.func @another_shape
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
func.func @another_shape(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// CHECK-LABEL: func.func @drop_a_dimension
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<?x1xf32> into tensor<?xf32>
func.func @drop_a_dimension(%x: tensor<?x1xf32>) -> tensor<?xf32> {
  %0 = gauss.reshape %x : (tensor<?x1xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @add_dimensions
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1]] output_shape [%{{.*}}, 1] : tensor<?xf32> into tensor<?x1xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0], [1, 2]] output_shape [%{{.*}}, 1, 1] : tensor<?x1xf32> into tensor<?x1x1xf32>
func.func @add_dimensions(%x: tensor<?xf32>) -> tensor<?x1x1xf32> {
  %0 = gauss.reshape %x : (tensor<?xf32>) -> tensor<?x1x1xf32>
  return %0 : tensor<?x1x1xf32>
}

// CHECK-LABEL: func.func @scalar
// CHECK: tensor.expand_shape {{.*}} : tensor<f32> into tensor<1xf32>
// CHECK: tensor.expand_shape {{.*}} : tensor<1xf32> into tensor<1x1xf32>
// CHECK: tensor.collapse_shape {{.*}} : tensor<1xf32> into tensor<f32>
func.func @scalar(%x: tensor<f32>) -> (tensor<1x1xf32>, tensor<f32>) {
  %0 = gauss.reshape %x : (tensor<f32>) -> tensor<1x1xf32>
  %1 = gauss.reshape %0 : (tensor<1x1xf32>) -> tensor<f32>
  return %0, %1 : tensor<1x1xf32>, tensor<f32>
}

// CHECK-LABEL: func.func @same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @same_shape(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
