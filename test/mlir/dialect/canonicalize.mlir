// Folds and canonicalisations, and what must not fold.

// RUN: pfp-opt %s --canonicalize | FileCheck %s --implicit-check-not=gauss.flatten

// CHECK-LABEL: func.func @components_of_make
// CHECK-SAME: (%[[MEAN:.*]]: tensor<2xf32>, %[[VARIANCE:.*]]: tensor<2xf32>)
func.func @components_of_make(%mean: tensor<2xf32>, %variance: tensor<2xf32>)
    -> (tensor<2xf32>, tensor<2xf32>) {
  %x = gauss.make %mean, %variance : tensor<2xf32>
  %0 = gauss.mean %x : !gauss.tensor<2xf32>
  %1 = gauss.variance %x : !gauss.tensor<2xf32>
  // CHECK-NEXT: return %[[MEAN]], %[[VARIANCE]]
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @components_of_constant
func.func @components_of_constant() -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK-DAG: %[[MEAN:.*]] = arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
  // CHECK-DAG: %[[VARIANCE:.*]] = arith.constant dense<5.000000e-01> : tensor<2xf32>
  %x = gauss.constant mean(dense<[1.0, 2.0]> : tensor<2xf32>)
                      variance(dense<0.5> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %0 = gauss.mean %x : !gauss.tensor<2xf32>
  %1 = gauss.variance %x : !gauss.tensor<2xf32>
  // CHECK: return %[[MEAN]], %[[VARIANCE]]
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @components_of_resource
func.func @components_of_resource() -> (tensor<2xf32>, tensor<2xf32>) {
  // CHECK-DAG: %[[MEAN:.*]] = arith.constant dense_resource<m> : tensor<2xf32>
  // CHECK-DAG: %[[VARIANCE:.*]] = arith.constant dense_resource<v> : tensor<2xf32>
  %x = gauss.constant mean(dense_resource<m> : tensor<2xf32>)
                      variance(dense_resource<v> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %0 = gauss.mean %x : !gauss.tensor<2xf32>
  %1 = gauss.variance %x : !gauss.tensor<2xf32>
  // CHECK: return %[[MEAN]], %[[VARIANCE]]
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: func.func @make_of_components
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<2xf32>)
func.func @make_of_components(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  %mean = gauss.mean %x : !gauss.tensor<2xf32>
  %variance = gauss.variance %x : !gauss.tensor<2xf32>
  %0 = gauss.make %mean, %variance : tensor<2xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : !gauss.tensor<2xf32>
}

// The mean of one tensor and the variance of another are a third.
// CHECK-LABEL: func.func @make_of_mixed_components
func.func @make_of_mixed_components(%x: !gauss.tensor<2xf32>, %y: !gauss.tensor<2xf32>)
    -> !gauss.tensor<2xf32> {
  %mean = gauss.mean %x : !gauss.tensor<2xf32>
  %variance = gauss.variance %y : !gauss.tensor<2xf32>
  // CHECK: %[[MADE:.*]] = gauss.make
  %0 = gauss.make %mean, %variance : tensor<2xf32>
  // CHECK: return %[[MADE]]
  return %0 : !gauss.tensor<2xf32>
}

// CHECK-LABEL: func.func @make_of_swapped_components
func.func @make_of_swapped_components(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  %mean = gauss.mean %x : !gauss.tensor<2xf32>
  %variance = gauss.variance %x : !gauss.tensor<2xf32>
  // CHECK: gauss.make
  %0 = gauss.make %variance, %mean : tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}

// max(max(x, 0), 0) = max(x, 0) for numbers.
// CHECK-LABEL: func.func @relu_of_relu_deterministic
func.func @relu_of_relu_deterministic(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: %[[ONCE:.*]] = gauss.relu
  // CHECK-NEXT: return %[[ONCE]]
  %0 = gauss.relu %x : (tensor<2xf32>) -> tensor<2xf32>
  %1 = gauss.relu %0 : (tensor<2xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// A rectified Gaussian is taken as Gaussian again, and then has negative values
// that a second unit rectifies.
// CHECK-LABEL: func.func @relu_of_relu_gaussian
func.func @relu_of_relu_gaussian(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  // CHECK-NEXT: %[[ONCE:.*]] = gauss.relu
  // CHECK-NEXT: %[[TWICE:.*]] = gauss.relu %[[ONCE]]
  // CHECK-NEXT: return %[[TWICE]]
  %0 = gauss.relu %x : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %1 : !gauss.tensor<2xf32>
}

// CHECK-LABEL: func.func @unit_pools
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<?x2x4x4xf32>, %[[Y:.*]]: tensor<1x2x4x4xf32>)
func.func @unit_pools(%x: !gauss.tensor<?x2x4x4xf32>, %y: tensor<1x2x4x4xf32>)
    -> (!gauss.tensor<?x2x4x4xf32>, tensor<1x2x4x4xf32>) {
  %0 = gauss.max_pool2d %x kernel [1, 1] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x4xf32>
  %1 = gauss.avg_pool2d %y kernel [1, 1] : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  // CHECK-NEXT: return %[[X]], %[[Y]]
  return %0, %1 : !gauss.tensor<?x2x4x4xf32>, tensor<1x2x4x4xf32>
}

// A window of one element that skips elements, and one of nine that keeps the shape.
// CHECK-LABEL: func.func @other_pools
func.func @other_pools(%x: !gauss.tensor<?x2x4x4xf32>)
    -> (!gauss.tensor<?x2x2x2xf32>, !gauss.tensor<?x2x4x4xf32>) {
  // CHECK: gauss.max_pool2d {{.*}} kernel [1, 1] strides [2, 2]
  %0 = gauss.max_pool2d %x kernel [1, 1] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  // CHECK: gauss.avg_pool2d {{.*}} kernel [3, 3] padding [1, 1, 1, 1]
  %1 = gauss.avg_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x4x4xf32>
  return %0, %1 : !gauss.tensor<?x2x2x2xf32>, !gauss.tensor<?x2x4x4xf32>
}

// CHECK-LABEL: func.func @flatten_is_reshape
func.func @flatten_is_reshape(%x: !gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32> {
  // CHECK: gauss.reshape %{{.*}} : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
  %0 = gauss.flatten %x : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
  return %0 : !gauss.tensor<?x6xf32>
}

// CHECK-LABEL: func.func @reshape_of_reshape
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<?x2x3xf32>)
func.func @reshape_of_reshape(%x: !gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x3x2xf32> {
  // CHECK-NEXT: %[[Y:.*]] = gauss.reshape %[[X]] : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x3x2xf32>
  // CHECK-NEXT: return %[[Y]]
  %0 = gauss.flatten %x : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
  %1 = gauss.reshape %0 : (!gauss.tensor<?x6xf32>) -> !gauss.tensor<?x3x2xf32>
  return %1 : !gauss.tensor<?x3x2xf32>
}

// CHECK-LABEL: func.func @reshape_and_back
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
func.func @reshape_and_back(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  %1 = gauss.reshape %0 : (tensor<6xf32>) -> tensor<2x3xf32>
  // CHECK-NEXT: return %[[X]]
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reshape_to_the_same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
func.func @reshape_to_the_same_shape(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = gauss.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = gauss.flatten %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  // CHECK-NEXT: return %[[X]], %[[X]]
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xf32>
}

{-#
  dialect_resources: {
    builtin: {
      m: "0x040000000000803F00000040",
      v: "0x040000000000803F00000040"
    }
  }
#-}
