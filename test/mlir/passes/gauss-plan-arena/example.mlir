// The caller brings the memory: one arena, whose size is known when the network
// is compiled. The pass gives every buffer of a function a place in it. Buffers
// that are never live at the same time share a place: %a is read for the last time
// where %b is written, %b where %c is, so %c takes the place of %a.
//
//   %a   256 bytes   written by op 3, read by op 4
//   %b    64 bytes   written by op 4, read by op 5
//   %c   256 bytes   written by op 5, read by op 6

// RUN: pfp-opt %s --gauss-plan-arena --allow-unregistered-dialect | FileCheck %s --implicit-check-not=memref.alloc

// The arena is a further argument. The plan is an attribute: offset and size in
// bytes, first and last op, for every buffer.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:.*]]: memref<64xf32>, %[[Y:.*]]: memref<64xf32>, %[[ARENA:.*]]: memref<320xi8>)
// CHECK-SAME: gauss.arena_bytes = 320 : i64
// CHECK-SAME: gauss.arena_plan = [array<i64: [[OUTER:[0-9]+]], 256, 3, 4>, array<i64: {{[0-9]+}}, 64, 4, 5>, array<i64: [[OUTER]], 256, 5, 6>]
func.func @chain(%x: memref<64xf32>, %y: memref<64xf32>) {
  // CHECK-DAG: %[[OA:.*]] = arith.constant [[OUTER]] : index
  // CHECK: %[[A:.*]] = memref.view %[[ARENA]][%[[OA]]][] : memref<320xi8> to memref<64xf32>
  // CHECK: %[[B:.*]] = memref.view %[[ARENA]][%{{.*}}][] : memref<320xi8> to memref<16xf32>
  // CHECK: %[[C:.*]] = memref.view %[[ARENA]][%{{.*}}][] : memref<320xi8> to memref<64xf32>
  %a = memref.alloc() : memref<64xf32>
  %b = memref.alloc() : memref<16xf32>
  %c = memref.alloc() : memref<64xf32>
  // CHECK: "test.op"(%[[X]], %[[A]])
  // CHECK: "test.op"(%[[A]], %[[B]])
  // CHECK: "test.op"(%[[B]], %[[C]])
  // CHECK: "test.op"(%[[C]], %[[Y]])
  "test.op"(%x, %a) : (memref<64xf32>, memref<64xf32>) -> ()
  "test.op"(%a, %b) : (memref<64xf32>, memref<16xf32>) -> ()
  "test.op"(%b, %c) : (memref<16xf32>, memref<64xf32>) -> ()
  "test.op"(%c, %y) : (memref<64xf32>, memref<64xf32>) -> ()
  return
}
