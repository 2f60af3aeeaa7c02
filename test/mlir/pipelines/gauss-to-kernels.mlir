// gauss-to-kernels: a network as vector code in a planned arena. Nothing allocates,
// no result is copied, no mathematical function is called; weights are packed
// constants. Arguments are the input, mean and variance of the result, the arena.

// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-kernels=core=cortex-a72 > %t
// RUN: FileCheck %s --check-prefixes=CHECK,A72 < %t \
// RUN:   --implicit-check-not=memref.alloc --implicit-check-not=memref.copy --implicit-check-not=linalg. \
// RUN:   --implicit-check-not=tensor. --implicit-check-not='math.{{exp|erf}}' --implicit-check-not='call @'
// RUN: pfp-opt %s --pass-pipeline='builtin.module(gauss-set-batch{n=1},gauss-to-kernels{core=cortex-a72})' | diff %t -
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-kernels=core=x86-64-v4 \
// RUN:   | FileCheck %s --check-prefixes=CHECK,V4 \
// RUN:   --implicit-check-not=memref.alloc --implicit-check-not=memref.copy --implicit-check-not=linalg. \
// RUN:   --implicit-check-not=tensor. --implicit-check-not='math.{{exp|erf}}' --implicit-check-not='call @'

// A core without fused multiply-add gets none, which would be a call per lane.
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-kernels=core=x86-64 \
// RUN:   | FileCheck %s --implicit-check-not=math.fma --implicit-check-not='math.{{exp|erf}}'

// A larger batch, and this machine.
// RUN: pfp-opt %s --gauss-set-batch=n=5 --gauss-to-kernels \
// RUN:   | FileCheck %s --check-prefix=BATCH --implicit-check-not=memref.alloc --implicit-check-not=memref.copy

// The same text in, the same text out.
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-kernels=core=cortex-a72 | diff %t -

// CHECK: memref.global "private" constant @packed
// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: memref<1x1x8x8xf32>, %[[MEAN:.*]]: memref<1x3xf32>, %[[VARIANCE:.*]]: memref<1x3xf32>, %[[ARENA:.*]]: memref<[[BYTES:[0-9]+]]xi8>)
// CHECK-SAME: gauss.arena_bytes = [[BYTES]] : i64
// CHECK: memref.view %[[ARENA]]
// A72: math.fma {{.*}} : vector<4xf32>
// V4: math.fma {{.*}} : vector<16xf32>
// The results are written where the caller wants them.
// CHECK-DAG: %[[M:.*]] = memref.reinterpret_cast %[[MEAN]]
// CHECK-DAG: %[[V:.*]] = memref.reinterpret_cast %[[VARIANCE]]
// CHECK: vector.store %{{.*}}, %[[M]]
// CHECK: vector.store %{{.*}}, %[[V]]
// CHECK: return

// BATCH: func.func @net(%{{.*}}: memref<5x1x8x8xf32>, %{{.*}}: memref<5x3xf32>, %{{.*}}: memref<5x3xf32>,
func.func @net(%x: tensor<?x1x8x8xf32>) -> !gauss.tensor<?x3xf32> {
  %k = gauss.constant mean(dense<0.5> : tensor<2x1x3x3xf32>) variance(dense<0.25> : tensor<2x1x3x3xf32>) : !gauss.tensor<2x1x3x3xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %w = gauss.constant mean(dense<0.5> : tensor<3x18xf32>) variance(dense<0.25> : tensor<3x18xf32>) : !gauss.tensor<3x18xf32>
  %b = gauss.constant mean(dense<0.5> : tensor<3xf32>) variance(dense<0.25> : tensor<3xf32>) : !gauss.tensor<3xf32>
  %0 = gauss.conv2d %x, %k : (tensor<?x1x8x8xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x2x6x6xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %3 = gauss.max_pool2d %2 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x3x3xf32>
  %4 = gauss.flatten %3 : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x18xf32>
  %5 = gauss.dense %4, %w, %b
    : (!gauss.tensor<?x18xf32>, !gauss.tensor<3x18xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  return %5 : !gauss.tensor<?x3xf32>
}
