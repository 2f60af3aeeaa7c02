// A bufferised network is a list of linalg.generic ops on buffers. The pass replaces
// each by loops over vectors, in the schedule that suits the core. Here a dense
// layer with ReLU for one input: the fill, the sum and the maximum are one kernel
// that holds its accumulators in registers, so the buffer %sum between the layer
// and its activation is neither written nor read.
//
// Constant weights are packed into a new global in the order in which the kernel
// reads them: for each step of the sum the weights of all outputs, side by side. The
// core multiplies by a lane, so both inputs are loaded at once.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce \
// RUN:   | FileCheck %s --implicit-check-not=linalg.generic --implicit-check-not=memref.alloc

#input = affine_map<(d0, d1) -> (d1)>
#weight = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
#element = affine_map<(d0) -> (d0)>

// CHECK-NOT: @weight
// CHECK: memref.global "private" constant @[[PACKED:.*]] : memref<8xf32> = dense_resource<[[PACKED]]> {alignment = 64 : i64}
memref.global "private" constant @weight : memref<4x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]>

// CHECK-LABEL: func.func @layer
// CHECK-SAME: (%[[X:.*]]: memref<2xf32>, %[[Y:.*]]: memref<4xf32>)
func.func @layer(%x: memref<2xf32>, %y: memref<4xf32>) {
  // CHECK-DAG: %[[W:.*]] = memref.get_global @[[PACKED]]
  // CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<4xf32>
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
  // CHECK-DAG: %[[C4:.*]] = arith.constant 4 : index
  %w = memref.get_global @weight : memref<4x2xf32>
  %sum = memref.alloc() : memref<4xf32>
  // CHECK: %[[XS:.*]] = vector.load %[[X]][%[[C0]]] : memref<2xf32>, vector<2xf32>
  // CHECK-NEXT: %[[X0:.*]] = vector.extract %[[XS]][0]
  // CHECK-NEXT: %[[B0:.*]] = vector.broadcast %[[X0]] : f32 to vector<4xf32>
  // CHECK-NEXT: %[[W0:.*]] = vector.load %[[W]][%[[C0]]] : memref<8xf32>, vector<4xf32>
  // CHECK-NEXT: %[[S0:.*]] = math.fma %[[B0]], %[[W0]], %[[ZERO]]
  // CHECK-NEXT: %[[X1:.*]] = vector.extract %[[XS]][1]
  // CHECK-NEXT: %[[B1:.*]] = vector.broadcast %[[X1]] : f32 to vector<4xf32>
  // CHECK-NEXT: %[[W1:.*]] = vector.load %[[W]][%[[C4]]] : memref<8xf32>, vector<4xf32>
  // CHECK-NEXT: %[[S1:.*]] = math.fma %[[B1]], %[[W1]], %[[S0]]
  // CHECK-NEXT: %[[MAX:.*]] = arith.maxnumf %[[S1]], %[[ZERO]]
  // CHECK-NEXT: vector.store %[[MAX]], %[[Y]][%[[C0]]] : memref<4xf32>, vector<4xf32>
  // CHECK-NEXT: return
  linalg.generic {indexing_maps = [#element], iterator_types = ["parallel"]} outs(%sum : memref<4xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<2xf32>, memref<4x2xf32>) outs(%sum : memref<4xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#element, #element], iterator_types = ["parallel"]}
      ins(%sum : memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.maxnumf %in, %zero : f32
    linalg.yield %0 : f32
  }
  return
}

// 1, 3, 5, 7, then 2, 4, 6, 8.
// CHECK: [[PACKED]]: "0x040000000000803F000040400000A0400000E04000000040000080400000C04000000041"
