// RUN: pfp-opt %s --gauss-set-batch=n=1 | FileCheck %s --implicit-check-not='tensor<?'
// RUN: pfp-opt %s --pass-pipeline='builtin.module(gauss-set-batch{n=1})' | FileCheck %s
// The second of two finds no dynamic dimension any more.
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-set-batch=n=7 | FileCheck %s

// Callees, declarations and calls change together.
// CHECK-LABEL: func.func private @callee
// CHECK-SAME: (%{{.*}}: !gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
func.func private @callee(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  return %x : !gauss.tensor<?x2xf32>
}

// CHECK: func.func private @declared(!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
func.func private @declared(!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>

// CHECK-LABEL: func.func @caller
// CHECK: call @callee(%{{.*}}) : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
// CHECK: call @declared(%{{.*}}) : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
func.func @caller(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %0 = call @callee(%x) : (!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = call @declared(%0) : (!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>
  return %1 : !gauss.tensor<?x2xf32>
}

// Every op that carries the batch.
// CHECK-LABEL: func.func @layers
// CHECK: gauss.conv2d {{.*}} -> !gauss.tensor<1x4x8x8xf32>
// CHECK: gauss.batch_norm {{.*}} -> !gauss.tensor<1x4x8x8xf32>
// CHECK: gauss.max_pool2d {{.*}} -> !gauss.tensor<1x4x4x4xf32>
// CHECK: gauss.avg_pool2d {{.*}} -> !gauss.tensor<1x4x2x2xf32>
// CHECK: gauss.reshape {{.*}} -> !gauss.tensor<1x2x8xf32>
// CHECK: gauss.flatten {{.*}} -> !gauss.tensor<1x16xf32>
// CHECK: gauss.mean {{.*}} : !gauss.tensor<1x16xf32>
// CHECK: gauss.make {{.*}} : tensor<1x16xf32>
// CHECK: gauss.add {{.*}} -> !gauss.tensor<1x16xf32>
func.func @layers(%x: !gauss.tensor<?x4x8x8xf32>, %w: !gauss.tensor<4x1x3x3xf32>, %c: tensor<4xf32>)
    -> !gauss.tensor<?x16xf32> {
  %0 = gauss.conv2d %x, %w padding [1, 1, 1, 1] groups 4
    : (!gauss.tensor<?x4x8x8xf32>, !gauss.tensor<4x1x3x3xf32>) -> !gauss.tensor<?x4x8x8xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> !gauss.tensor<?x4x8x8xf32>
  %2 = gauss.max_pool2d %1 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x4x8x8xf32>) -> !gauss.tensor<?x4x4x4xf32>
  %3 = gauss.avg_pool2d %2 kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x4x4x4xf32>) -> !gauss.tensor<?x4x2x2xf32>
  %4 = gauss.reshape %3 : (!gauss.tensor<?x4x2x2xf32>) -> !gauss.tensor<?x2x8xf32>
  %5 = gauss.flatten %4 : (!gauss.tensor<?x2x8xf32>) -> !gauss.tensor<?x16xf32>
  %6 = gauss.mean %5 : !gauss.tensor<?x16xf32>
  %7 = gauss.make %6, %6 : tensor<?x16xf32>
  %8 = gauss.add %7, %6 : (!gauss.tensor<?x16xf32>, tensor<?x16xf32>) -> !gauss.tensor<?x16xf32>
  return %8 : !gauss.tensor<?x16xf32>
}

// A batch that is fixed already stays.
// CHECK-LABEL: func.func @fixed
// CHECK-SAME: !gauss.tensor<3x2xf32>) -> !gauss.tensor<3x2xf32>
func.func @fixed(%x: !gauss.tensor<3x2xf32>) -> !gauss.tensor<3x2xf32> {
  return %x : !gauss.tensor<3x2xf32>
}

// Buffers have no batch.
// CHECK-LABEL: func.func @buffer
// CHECK-SAME: memref<?x2xf32>
func.func @buffer(%x: memref<?x2xf32>) {
  return
}

// A row for each item.
// CHECK-LABEL: func.func @rows
// CHECK: gauss.expand {{.*}} shape [1, -1] : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<1x2xf32>
func.func @rows(%x: !gauss.tensor<?x2xf32>, %row: !gauss.tensor<1x2xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = gauss.expand %row shape [0, -1] : (!gauss.tensor<1x2xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.concat %x, %0 axis 1
    : (!gauss.tensor<?x2xf32>, !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x4xf32>
  return %1 : !gauss.tensor<?x4xf32>
}
