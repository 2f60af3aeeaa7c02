// A network is written for any batch: the leading dimension of its tensors is `?`.
// Machine code has fixed sizes. `--gauss-set-batch` replaces the `?` everywhere,
// in the signature and in every value that follows from it. Parameters have no
// batch and stay as they are.

// RUN: pfp-opt %s --gauss-set-batch=n=16 | FileCheck %s

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%{{.*}}: tensor<16x784xf32>) -> !gauss.tensor<16x10xf32>
func.func @net(%x: tensor<?x784xf32>) -> !gauss.tensor<?x10xf32> {
  // CHECK: gauss.parameter "fc1.weight" : !gauss.tensor<100x784xf32>
  %w1 = gauss.parameter "fc1.weight" : !gauss.tensor<100x784xf32>
  %w2 = gauss.parameter "fc2.weight" : !gauss.tensor<10x100xf32>
  // CHECK: gauss.dense {{.*}} : (tensor<16x784xf32>, !gauss.tensor<100x784xf32>) -> !gauss.tensor<16x100xf32>
  %0 = gauss.dense %x, %w1 : (tensor<?x784xf32>, !gauss.tensor<100x784xf32>) -> !gauss.tensor<?x100xf32>
  // CHECK: gauss.relu {{.*}} : (!gauss.tensor<16x100xf32>) -> !gauss.tensor<16x100xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<?x100xf32>) -> !gauss.tensor<?x100xf32>
  // CHECK: gauss.dense {{.*}} -> !gauss.tensor<16x10xf32>
  %2 = gauss.dense %1, %w2 : (!gauss.tensor<?x100xf32>, !gauss.tensor<10x100xf32>) -> !gauss.tensor<?x10xf32>
  // CHECK: return %{{.*}} : !gauss.tensor<16x10xf32>
  return %2 : !gauss.tensor<?x10xf32>
}
