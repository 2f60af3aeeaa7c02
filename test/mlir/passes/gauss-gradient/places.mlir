// Elements that are taken out of a tensor, or put into one.

// RUN: pfp-opt %s --split-input-file --lower-gauss --canonicalize --gauss-gradient --canonicalize | FileCheck %s

// Two slices have an element in common: there their adjoints are added.
// CHECK-LABEL: func.func @slices
// CHECK-SAME: (%[[A:.*]]: tensor<2x5xf32>, %[[X:.*]]: tensor<2x4xf32>)
func.func @slices() -> tensor<2x5xf32> {
  %x = gauss.parameter "x" : tensor<2x4xf32>
  %a = gauss.slice %x axis 1 start 1 size 3 : (tensor<2x4xf32>) -> tensor<2x3xf32>
  %b = gauss.slice %x axis 1 size 2 step 2 : (tensor<2x4xf32>) -> tensor<2x2xf32>
  %c = gauss.concat %a, %b axis 1 : (tensor<2x3xf32>, tensor<2x2xf32>) -> tensor<2x5xf32>
  // What was put last is taken out of the adjoint, and zeros are left in its place.
  // CHECK: %[[B:.*]] = tensor.extract_slice %[[A]][0, 3] [2, 2] [1, 1]
  // CHECK: %[[LEFT:.*]] = tensor.insert_slice %{{.*}} into %[[A]][0, 3] [2, 2] [1, 1]
  // CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[LEFT]][0, 0] [2, 3] [1, 1]
  // CHECK: %[[SUM:.*]] = tensor.insert_slice %[[B]] into %{{.*}}[0, 0] [2, 2] [1, 2]
  // CHECK: %[[OWN:.*]] = tensor.extract_slice %[[SUM]][0, 1] [2, 3] [1, 1]
  // CHECK: %[[ADDED:.*]] = linalg.generic {{.*}} ins(%[[OWN]], %[[FIRST]] :
  // CHECK: arith.addf
  // CHECK: %[[D:.*]] = tensor.insert_slice %[[ADDED]] into %[[SUM]][0, 1] [2, 3] [1, 1]
  // CHECK: return %{{.*}}, %[[D]]
  return %c : tensor<2x5xf32>
}

// -----

// A row that is looked up more than once has a gradient of all of them: they are added one after
// the other.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: (%[[I:.*]]: tensor<2xf32>, %[[A:.*]]: tensor<2x3xf32>, %[[X:.*]]: tensor<4x3xf32>)
func.func @rows(%i: tensor<2xf32>) -> tensor<2x3xf32> {
  %x = gauss.parameter "x" : tensor<4x3xf32>
  %y = gauss.embedding %i, %x : (tensor<2xf32>, tensor<4x3xf32>) -> tensor<2x3xf32>
  // CHECK: scf.for
  // CHECK: %[[D:.*]] = scf.for {{.*}} iter_args(%[[SUM:.*]] = %{{.*}}) -> (tensor<4x3xf32>)
  // CHECK: %[[PART:.*]] = tensor.extract_slice %[[A]]
  // CHECK: arith.addf
  // CHECK: tensor.insert_slice %{{.*}} into %[[SUM]]
  // CHECK: scf.yield
  // CHECK: return %{{.*}}, %[[D]]
  return %y : tensor<2x3xf32>
}
