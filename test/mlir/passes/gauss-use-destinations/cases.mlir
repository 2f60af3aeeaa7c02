// RUN: pfp-opt %s --gauss-use-destinations | FileCheck %s

// Results follow the arguments, in order.
// CHECK-LABEL: func.func @several
// CHECK-SAME: (%[[X:.*]]: memref<2xf32>, %[[Y:.*]]: memref<3xf32>, %[[A:.*]]: memref<2xf32>, %[[B:.*]]: memref<3xf32>) {
// CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[A]] : (tensor<2xf32>, memref<2xf32>)
// CHECK: bufferization.materialize_in_destination %{{.*}} in restrict writable %[[B]] : (tensor<3xf32>, memref<3xf32>)
func.func @several(%x: tensor<2xf32>, %y: tensor<3xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %0 = math.absf %x : tensor<2xf32>
  %1 = math.absf %y : tensor<3xf32>
  return %0, %1 : tensor<2xf32>, tensor<3xf32>
}

// One value that is returned twice is written twice.
// CHECK-LABEL: func.func @twice
// CHECK-SAME: (%{{.*}}: memref<2xf32>, %[[A:.*]]: memref<2xf32>, %[[B:.*]]: memref<2xf32>) {
// CHECK: %[[Y:.*]] = math.absf
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[A]]
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[B]]
func.func @twice(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = math.absf %x : tensor<2xf32>
  return %0, %0 : tensor<2xf32>, tensor<2xf32>
}

// An argument that is a result is copied.
// CHECK-LABEL: func.func @argument
// CHECK-SAME: (%[[X:.*]]: memref<2xf32>, %[[OUT:.*]]: memref<2xf32>) {
// CHECK: %[[T:.*]] = bufferization.to_tensor %[[X]]
// CHECK: bufferization.materialize_in_destination %[[T]] in restrict writable %[[OUT]]
func.func @argument(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// CHECK-LABEL: func.func @constant
// CHECK-SAME: (%[[OUT:.*]]: memref<2xf32>) {
// CHECK: %[[C:.*]] = arith.constant
// CHECK: bufferization.materialize_in_destination %[[C]] in restrict writable %[[OUT]]
func.func @constant() -> tensor<2xf32> {
  %0 = arith.constant dense<1.0> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// An argument that nothing reads keeps its place.
// CHECK-LABEL: func.func @unused
// CHECK-SAME: (%{{.*}}: memref<7xf32>, %{{.*}}: memref<2xf32>) {
func.func @unused(%x: tensor<7xf32>) -> tensor<2xf32> {
  %0 = arith.constant dense<1.0> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: func.func @nothing()
// CHECK-NEXT: return
func.func @nothing() {
  return
}
