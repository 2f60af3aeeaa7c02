// A maximum of windows with covariances reads all elements of a window at once, and a number for each pair.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss.
// RUN: pfp-opt %s --lower-gauss=mode=mean | FileCheck %s --check-prefix=MEAN

// CHECK-LABEL: func.func @pair
// CHECK-SAME: (%[[M:.*]]: tensor<?x1x4xf32>, %[[V:.*]]: tensor<?x1x4xf32>, %[[C:.*]]: tensor<?x1x2xf32>)
// CHECK-DAG: %[[M0:.*]] = tensor.extract_slice %[[M]][0, 0, 0] [%{{.*}}, 1, 2] [1, 1, 2]
// CHECK-DAG: %[[V0:.*]] = tensor.extract_slice %[[V]][0, 0, 0] [%{{.*}}, 1, 2] [1, 1, 2]
// CHECK-DAG: %[[M1:.*]] = tensor.extract_slice %[[M]][0, 0, 1] [%{{.*}}, 1, 2] [1, 1, 2]
// CHECK-DAG: %[[V1:.*]] = tensor.extract_slice %[[V]][0, 0, 1] [%{{.*}}, 1, 2] [1, 1, 2]
// CHECK: linalg.generic {{.*}} ins(%[[M0]], %[[V0]], %[[M1]], %[[V1]], %[[C]] :
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %[[X:.*]]: f32, %{{.*}}: f32, %[[Y:.*]]: f32, %[[P:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-DAG: %[[XP:.*]] = arith.subf %[[X]], %[[P]]
// CHECK-DAG: %[[YP:.*]] = arith.subf %[[Y]], %[[P]]
// CHECK: arith.addf %[[XP]], %[[YP]]
// CHECK: linalg.yield
// MEAN-LABEL: func.func @pair
// MEAN-NOT: arith.subf
// MEAN: arith.maxnumf
// MEAN-NOT: arith.subf
func.func @pair(%x: !gauss.tensor<?x1x4xf32>, %c: tensor<?x1x2xf32>) -> !gauss.tensor<?x1x2xf32> {
  %0 = gauss.max_pool1d %x, %c kernel [2] strides [2] : (!gauss.tensor<?x1x4xf32>, tensor<?x1x2xf32>) -> !gauss.tensor<?x1x2xf32>
  return %0 : !gauss.tensor<?x1x2xf32>
}
