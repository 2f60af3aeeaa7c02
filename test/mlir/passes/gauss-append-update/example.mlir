// A function returns a loss and its gradient. A network that learns where it runs wants the weights after a
// step: the pass gives it the prior and the state as arguments, and lets it return the new state. Arguments of
// one buffer stand next to each other, and the last ones are written in place.

// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:1 --gauss-append-update=optimiser=sgd --canonicalize | FileCheck %s
// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:1 --gauss-append-update=optimiser=sgd:0.5 --canonicalize | FileCheck %s --check-prefix=MOMENTUM
// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:1 --gauss-append-update --canonicalize | FileCheck %s --check-prefix=ADAM
// RUN: pfp-opt %s --gauss-to-gradient=loss=gaussian:1 --gauss-append-update=optimiser=sgd --gauss-to-llvm=lowered=true | FileCheck %s --check-prefix=C

// Input, target, both rates and the pull; prior and posterior.
// CHECK-LABEL: func.func @net(
// CHECK-SAME: %[[X:.*]]: tensor<2x3xf32>, %[[T:.*]]: tensor<2x4xf32>, %[[RATE:.*]]: tensor<f32>, %[[OF_S:.*]]: tensor<f32>, %[[PULL:.*]]: tensor<f32>, %[[M0:.*]]: tensor<4x3xf32>, %[[V0:.*]]: tensor<4x3xf32>, %[[M:.*]]: tensor<4x3xf32>, %[[V:.*]]: tensor<4x3xf32>)
// CHECK-SAME: -> (tensor<2xf32>, tensor<2x4xf32>, tensor<4x3xf32>, tensor<4x3xf32>)
// CHECK-SAME: gauss.buffer_arguments = array<i64: 1, 1, 3, 2, 2>
// CHECK-SAME: gauss.buffers = ["input0", "input1", "settings", "prior", "state"]
// CHECK-SAME: gauss.in_place = 2 : i64

// A direction beside the means, and one beside the variances.
// MOMENTUM-LABEL: func.func @net(
// MOMENTUM-SAME: gauss.buffer_arguments = array<i64: 1, 1, 3, 2, 4>
// MOMENTUM-SAME: gauss.in_place = 4 : i64

// The number of steps, and two running means of each tensor.
// ADAM-LABEL: func.func @net(
// ADAM-SAME: gauss.buffer_arguments = array<i64: 1, 1, 3, 2, 7>
// ADAM-SAME: gauss.in_place = 7 : i64
// ADAM: math.sqrt

// C gives a pointer for each buffer, and for each result that is not in one: losses and outputs.
// C-LABEL: llvm.func @pfp_net(
// C-SAME: %arg0: !llvm.ptr, %arg1: !llvm.ptr, %[[SETTINGS:.*]]: !llvm.ptr, %[[PRIOR:.*]]: !llvm.ptr, %[[STATE:.*]]: !llvm.ptr, %arg5: !llvm.ptr, %arg6: !llvm.ptr, %arg7: !llvm.ptr) -> i32
// C: llvm.getelementptr inbounds %[[SETTINGS]][1]
// C: llvm.getelementptr inbounds %[[SETTINGS]][2]
// C: llvm.getelementptr inbounds %[[PRIOR]][12]
// C: llvm.getelementptr inbounds %[[STATE]][12]
// C: llvm.call @net.network(
func.func @net(%x: tensor<2x3xf32>) -> !gauss.tensor<2x4xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<4x3xf32>
  %0 = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<4x3xf32>) -> !gauss.tensor<2x4xf32>
  // (m − m₀)/v₀; nothing of a gradient that is not finite, or of a weight that is certain.
  // CHECK: linalg.generic {{.*}} ins(%[[M]], %[[M0]], %[[V0]], %{{.*}}, %[[PULL]] :
  // CHECK: %[[FAR:.*]] = arith.subf
  // CHECK: %[[PRECISE:.*]] = arith.divf %[[FAR]]
  // CHECK: %[[G:.*]] = math.fma %{{.*}}, %[[PRECISE]], %{{.*}}
  // CHECK: math.absf %[[G]]
  // CHECK: arith.select
  // CHECK: arith.select
  // CHECK: %[[M1:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[RATE]] : {{.*}} outs(%[[M]] :
  // CHECK: arith.subf
  // CHECK: %[[V1:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[OF_S]] : {{.*}} outs(%[[V]] :
  // CHECK: math.exp
  // CHECK: arith.mulf
  // CHECK: return %{{.*}}, %{{.*}}, %[[M1]], %[[V1]]
  return %0 : !gauss.tensor<2x4xf32>
}
