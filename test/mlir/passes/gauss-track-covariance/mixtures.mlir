// What a mixture is of, and what others get of it.

// RUN: pfp-opt %s --gauss-track-covariance=nodes=5 -split-input-file | FileCheck %s

// Elements in another order are not those before the activation, and a channel's do not lie together.
// CHECK-LABEL: func.func @moved
// CHECK: %[[F:.*]] = gauss.flatten
// CHECK-NEXT: gauss.scale_mixture %[[F]], %[[F]], %{{.*}} nodes 5 groups 18 :
func.func @moved(%x: !gauss.tensor<?x2x3x3xf32>, %v: !gauss.tensor<5x18xf32>, %w: !gauss.tensor<3x5xf32>)
    -> (!gauss.tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = gauss.relu %x : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x2x3x3xf32>
  %t = gauss.transpose %0 permutation [0, 2, 3, 1] : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x3x3x2xf32>
  %1 = gauss.flatten %t : (!gauss.tensor<?x3x3x2xf32>) -> !gauss.tensor<?x18xf32>
  %2 = gauss.dense %1, %v : (!gauss.tensor<?x18xf32>, !gauss.tensor<5x18xf32>) -> !gauss.tensor<?x5xf32>
  %3 = gauss.dense %2, %w : (!gauss.tensor<?x5xf32>, !gauss.tensor<3x5xf32>) -> !gauss.tensor<?x3xf32>
  %4 = gauss.softmax %3 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %3, %4 : !gauss.tensor<?x3xf32>, tensor<?x3xf32>
}

// -----

// A branch that has no rule gets one Gaussian, and so does a head that draws too many classes.
// CHECK-LABEL: func.func @others
// CHECK: %[[M:.*]] = gauss.scale_mixture
// CHECK-NEXT: %[[ONE:.*]] = gauss.marginals %[[M]]
// CHECK: gauss.layer_norm %[[ONE]]
// CHECK: gauss.softmax %{{.*}} method "mean-field" : (!gauss.tensor<?x65xf32, covariance<15>>)
// CHECK: gauss.softmax %{{.*}} method "sample" draws 10 : (!gauss.tensor<?x65xf32>)
func.func @others(%x: !gauss.tensor<?x6xf32>, %v: !gauss.tensor<5x6xf32>, %w: !gauss.tensor<65x5xf32>)
    -> (!gauss.tensor<?x5xf32>, tensor<?x65xf32>, tensor<?x65xf32>) {
  %0 = gauss.dense %x, %v : (!gauss.tensor<?x6xf32>, !gauss.tensor<5x6xf32>) -> !gauss.tensor<?x5xf32>
  %1 = gauss.layer_norm %0 dimensions 1 : (!gauss.tensor<?x5xf32>) -> !gauss.tensor<?x5xf32>
  %2 = gauss.dense %0, %w : (!gauss.tensor<?x5xf32>, !gauss.tensor<65x5xf32>) -> !gauss.tensor<?x65xf32>
  %3 = gauss.softmax %2 method "mean-field" : (!gauss.tensor<?x65xf32>) -> tensor<?x65xf32>
  %4 = gauss.softmax %2 method "sample" draws 10 : (!gauss.tensor<?x65xf32>) -> tensor<?x65xf32>
  return %1, %3, %4 : !gauss.tensor<?x5xf32>, tensor<?x65xf32>, tensor<?x65xf32>
}

// -----

// The rows of a mixture do not meet what each item has for itself: covariances of one Gaussian are carried.
// CHECK-LABEL: func.func @gate
// CHECK-NOT: gauss.scale_mixture
// CHECK: gauss.softmax %{{.*}} : (!gauss.tensor<?x3xf32, covariance>)
func.func @gate(%x: !gauss.tensor<?x6xf32>, %g: tensor<?x5xf32>, %v: !gauss.tensor<5x6xf32>, %w: !gauss.tensor<3x5xf32>)
    -> (!gauss.tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = gauss.dense %x, %v : (!gauss.tensor<?x6xf32>, !gauss.tensor<5x6xf32>) -> !gauss.tensor<?x5xf32>
  %1 = gauss.mul %0, %g : (!gauss.tensor<?x5xf32>, tensor<?x5xf32>) -> !gauss.tensor<?x5xf32>
  %2 = gauss.dense %1, %w : (!gauss.tensor<?x5xf32>, !gauss.tensor<3x5xf32>) -> !gauss.tensor<?x3xf32>
  %3 = gauss.softmax %2 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %2, %3 : !gauss.tensor<?x3xf32>, tensor<?x3xf32>
}

// -----

// The branches of a sum may come from the same elements: covariances, and no mixture.
// CHECK-LABEL: func.func @residual
// CHECK-NOT: scale_mixture
// CHECK: %[[X:.*]] = gauss.correlated %arg0
// CHECK: gauss.add %{{.*}}, %[[X]] : {{.*}} -> !gauss.tensor<?x6xf32, covariance>
// CHECK: gauss.softmax
func.func @residual(%x: !gauss.tensor<?x6xf32>, %v: !gauss.tensor<6x6xf32>, %w: !gauss.tensor<3x6xf32>)
    -> (!gauss.tensor<?x3xf32>, tensor<?x3xf32>) {
  %0 = gauss.dense %x, %v : (!gauss.tensor<?x6xf32>, !gauss.tensor<6x6xf32>) -> !gauss.tensor<?x6xf32>
  %1 = gauss.add %0, %x : (!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>) -> !gauss.tensor<?x6xf32>
  %2 = gauss.dense %1, %w : (!gauss.tensor<?x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<?x3xf32>
  %3 = gauss.softmax %2 method "mean-field" : (!gauss.tensor<?x3xf32>) -> tensor<?x3xf32>
  return %2, %3 : !gauss.tensor<?x3xf32>, tensor<?x3xf32>
}
