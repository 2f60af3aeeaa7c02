// Elements by their numbers: copies of runs, or a loop over a table of numbers.

// RUN: pfp-opt %s --lower-gauss -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @runs
// CHECK: tensor.extract_slice %{{.*}}[0, 1] [2, 2] [1, 2]
// CHECK: tensor.insert_slice %{{.*}}[0, 0] [2, 2] [1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [2, 1] [1, 1]
// CHECK: tensor.insert_slice %{{.*}}[0, 2] [2, 1] [1, 1]
func.func @runs(%x: tensor<2x4xf32>) -> tensor<2x3xf32> {
  %0 = gauss.gather %x axis 1 indices [1, 3, 0] : (tensor<2x4xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// A number that is no index of the table is moved into it before it is one.
// CHECK-LABEL: func.func @embedding
// CHECK: %[[FLAT:.*]] = tensor.collapse_shape %{{.*}} {{\[}}[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
// CHECK: scf.for %[[I:.*]] = %{{.*}} iter_args(%[[M:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}})
// CHECK:   %[[NUMBER:.*]] = tensor.extract %[[FLAT]][%[[I]]]
// CHECK:   arith.maxnumf %[[NUMBER]]
// CHECK:   arith.cmpf olt
// CHECK:   %[[CUT:.*]] = arith.fptosi %{{.*}} : f32 to i32
// CHECK:   %[[ROW:.*]] = arith.index_cast %[[CUT]]
// CHECK:   tensor.extract_slice %{{.*}}[%[[ROW]], 0] [1, 7] [1, 1]
// CHECK:   tensor.insert_slice %{{.*}} into %[[M]][%[[I]], 0] [1, 7] [1, 1]
// CHECK:   tensor.extract_slice %{{.*}}[%[[ROW]], 0] [1, 7] [1, 1]
// CHECK:   tensor.insert_slice %{{.*}} into %[[V]][%[[I]], 0] [1, 7] [1, 1]
func.func @embedding(%i: tensor<2x3xf32>, %t: !gauss.tensor<9x7xf32>) -> !gauss.tensor<2x3x7xf32> {
  %0 = gauss.embedding %i, %t : (tensor<2x3xf32>, !gauss.tensor<9x7xf32>) -> !gauss.tensor<2x3x7xf32>
  return %0 : !gauss.tensor<2x3x7xf32>
}

// -----

func.func @embedding_of_a_batch(%i: tensor<?x3xf32>, %t: !gauss.tensor<9x7xf32>) -> !gauss.tensor<?x3x7xf32> {
  // expected-error @+1 {{'gauss.embedding' op needs a batch that is fixed: --gauss-set-batch}}
  %0 = gauss.embedding %i, %t : (tensor<?x3xf32>, !gauss.tensor<9x7xf32>) -> !gauss.tensor<?x3x7xf32>
  return %0 : !gauss.tensor<?x3x7xf32>
}
