// The adjoint of a maximum goes to the larger of two, the first where they are equal; that of the
// largest element of a loop to the elements that are equal to it, in equal shares.

// RUN: pfp-opt %s --split-input-file --lower-gauss --canonicalize --gauss-gradient --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @pool
// CHECK-SAME: (%[[A:.*]]: tensor<1x1x2xf32>, %[[X:.*]]: tensor<1x1x4xf32>)
func.func @pool() -> tensor<1x1x2xf32> {
  %x = gauss.parameter "x" : tensor<1x1x4xf32>
  %y = gauss.max_pool1d %x kernel [2] strides [2] : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32>
  // CHECK: %[[FIRST:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [1, 1, 2] [1, 1, 2]
  // CHECK: %[[SECOND:.*]] = tensor.extract_slice %[[X]][0, 0, 1] [1, 1, 2] [1, 1, 2]
  // CHECK: arith.maxnumf
  // CHECK: %[[D:.*]]:2 = linalg.generic {{.*}} ins(%[[FIRST]], %[[SECOND]], %[[A]] :
  // CHECK: %[[LARGER:.*]] = arith.cmpf oge
  // CHECK: arith.select %[[LARGER]], %[[S:.*]], %[[ZERO:.*]] :
  // CHECK: arith.select %[[LARGER]], %[[ZERO]], %[[S]] :
  // Elements that are apart are put in their places: nothing is added.
  // CHECK: %[[E:.*]] = tensor.empty() : tensor<1x1x4xf32>
  // CHECK: %[[ONE:.*]] = tensor.insert_slice %[[D]]#{{.}} into %[[E]]
  // CHECK: %[[BOTH:.*]] = tensor.insert_slice %[[D]]#{{.}} into %[[ONE]]
  // CHECK: return %{{.*}}, %[[BOTH]]
  return %y : tensor<1x1x2xf32>
}

// -----

// CHECK-LABEL: func.func @largest
// CHECK-SAME: (%[[A:.*]]: tensor<2x3x1xf32>, %[[X:.*]]: tensor<2x3x4xf32>)
func.func @largest() -> tensor<2x3x1xf32> {
  %x = gauss.parameter "x" : tensor<2x3x4xf32>
  %y = gauss.global_max_pool %x : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  // CHECK: arith.maxnumf
  // CHECK: %[[COUNT:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[MOST:[0-9]+]] : {{.*}}"global_max_pool.gradient"
  // CHECK: arith.cmpf oeq
  // CHECK: arith.addf
  // CHECK: %[[SHARE:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[COUNT]] :
  // CHECK: arith.divf
  // CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[SHARE]], %[[MOST]] :
  // CHECK: arith.cmpf oeq
  // CHECK: arith.select
  // CHECK: return
  return %y : tensor<2x3x1xf32>
}
