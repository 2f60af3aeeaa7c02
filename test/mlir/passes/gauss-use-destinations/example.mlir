// A tensor result has to live somewhere. On the way to C, the caller says where:
// every result becomes one more buffer argument, which the function writes, and
// every tensor argument becomes a buffer that it reads.

// RUN: pfp-opt %s --gauss-use-destinations | FileCheck %s
// Bufferisation then computes in place: nothing is allocated, nothing copied.
// RUN: pfp-opt %s --gauss-use-destinations --eliminate-empty-tensors --one-shot-bufferize --canonicalize \
// RUN:   | FileCheck %s --check-prefix=BUFFERS --implicit-check-not=memref.alloc --implicit-check-not=memref.copy

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: memref<4x3xf32>, %[[OUT:.*]]: memref<4x3xf32>) {
// BUFFERS-LABEL: func.func @net
// BUFFERS-SAME: (%[[X:.*]]: memref<4x3xf32>, %[[OUT:.*]]: memref<4x3xf32>) {
func.func @net(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  // CHECK: %[[T:.*]] = bufferization.to_tensor %[[X]] restrict : memref<4x3xf32> to tensor<4x3xf32>
  %0 = tensor.empty() : tensor<4x3xf32>
  // CHECK: %[[Y:.*]] = linalg.exp ins(%[[T]] :
  // BUFFERS-NEXT: linalg.exp ins(%[[X]] : memref<4x3xf32>) outs(%[[OUT]] : memref<4x3xf32>)
  %1 = linalg.exp ins(%x : tensor<4x3xf32>) outs(%0 : tensor<4x3xf32>) -> tensor<4x3xf32>
  // CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[OUT]]
  // CHECK-NEXT: return
  // BUFFERS-NEXT: return
  return %1 : tensor<4x3xf32>
}
