// RUN: pfp-opt %s --gauss-plan-arena --allow-unregistered-dialect | FileCheck %s --implicit-check-not=memref.alloc

// Every buffer starts at a multiple of 64 bytes: 4 bytes take 64, 68 take 128.
// CHECK-LABEL: func.func @alignment
// CHECK-SAME: %[[ARENA:.*]]: memref<192xi8>)
// CHECK-SAME: gauss.arena_bytes = 192 : i64
// CHECK-SAME: gauss.arena_plan = [array<i64: {{[0-9]+}}, 64, 2, 2>, array<i64: {{[0-9]+}}, 128, 2, 2>]
func.func @alignment() {
  %a = memref.alloc() : memref<1xf32>
  %b = memref.alloc() : memref<17xf32>
  "test.op"(%a, %b) : (memref<1xf32>, memref<17xf32>) -> ()
  return
}

// Buffers that meet in one op get places apart.
// CHECK-LABEL: func.func @together
// CHECK-SAME: gauss.arena_bytes = 192 : i64
// CHECK-DAG: arith.constant 0 : index
// CHECK-DAG: arith.constant 64 : index
// CHECK-DAG: arith.constant 128 : index
func.func @together() {
  %a = memref.alloc() : memref<2x8xf32>
  %b = memref.alloc() : memref<16xf32>
  %c = memref.alloc() : memref<4x2x2xf32>
  "test.op"(%a, %b, %c) : (memref<2x8xf32>, memref<16xf32>, memref<4x2x2xf32>) -> ()
  return
}

// A buffer lives as long as its views do: %c cannot have the place of %a, which is
// read through a view of a view afterwards.
// CHECK-LABEL: func.func @views
// CHECK-SAME: gauss.arena_bytes = 128 : i64
// CHECK-SAME: gauss.arena_plan = [array<i64: [[A:[0-9]+]], 64, 3, 6>, array<i64: {{[0-9]+}}, 64, 5, 5>]
func.func @views() {
  %a = memref.alloc() : memref<4x4xf32>
  %row = memref.subview %a[1, 0] [1, 4] [1, 1] : memref<4x4xf32> to memref<1x4xf32, strided<[4, 1], offset: 4>>
  %flat = memref.collapse_shape %row [[0, 1]] : memref<1x4xf32, strided<[4, 1], offset: 4>> into memref<4xf32, strided<[1], offset: 4>>
  "test.op"(%a) : (memref<4x4xf32>) -> ()
  %c = memref.alloc() : memref<16xf32>
  "test.op"(%c) : (memref<16xf32>) -> ()
  "test.op"(%flat) : (memref<4xf32, strided<[1], offset: 4>>) -> ()
  return
}

// What matters within one trip of a loop lives from its first to its last use there.
// CHECK-LABEL: func.func @within_a_trip
// CHECK-SAME: gauss.arena_bytes = 64 : i64
func.func @within_a_trip(%n: index) {
  %a = memref.alloc() {gauss.within_item} : memref<16xf32>
  %b = memref.alloc() {gauss.within_item} : memref<16xf32>
  scf.for %i = %n to %n step %n {
    "test.op"(%a) : (memref<16xf32>) -> ()
    "test.op"(%a) : (memref<16xf32>) -> ()
    "test.op"(%b) : (memref<16xf32>) -> ()
  }
  return
}

// So it does in a loop of a loop, beside what matters within one trip of the outer one: %c
// lives as long as the inner loop and shares no place with %a and %b, which share one.
// CHECK-LABEL: func.func @within_a_trip_of_two_loops
// CHECK-SAME: gauss.arena_bytes = 128 : i64
func.func @within_a_trip_of_two_loops(%n: index) {
  %a = memref.alloc() {gauss.within_item} : memref<16xf32>
  %b = memref.alloc() {gauss.within_item} : memref<16xf32>
  %c = memref.alloc() {gauss.within_item} : memref<16xf32>
  scf.for %i = %n to %n step %n {
    "test.op"(%c) : (memref<16xf32>) -> ()
    scf.for %j = %n to %n step %n {
      "test.op"(%a) : (memref<16xf32>) -> ()
      "test.op"(%a) : (memref<16xf32>) -> ()
      "test.op"(%b) : (memref<16xf32>) -> ()
    }
    "test.op"(%c) : (memref<16xf32>) -> ()
  }
  return
}

// What one trip carries to the next lives as long as the loop: %b has no place in it. Outside,
// it matters within one trip: %c has the same place.
// CHECK-LABEL: func.func @carried
// CHECK-SAME: gauss.arena_bytes = 128 : i64
func.func @carried(%n: index) {
  %a = memref.alloc() {gauss.carried, gauss.within_item} : memref<16xf32>
  %b = memref.alloc() {gauss.within_item} : memref<16xf32>
  %c = memref.alloc() {gauss.within_item} : memref<16xf32>
  scf.for %i = %n to %n step %n {
    "test.op"(%c) : (memref<16xf32>) -> ()
    scf.for %j = %n to %n step %n {
      "test.op"(%a) : (memref<16xf32>) -> ()
      "test.op"(%a) : (memref<16xf32>) -> ()
      "test.op"(%b) : (memref<16xf32>) -> ()
    }
  }
  return
}

// Trips that are tasks may run at the same time: while one uses %a, another may use %b.
// CHECK-LABEL: func.func @within_a_task
// CHECK-SAME: gauss.arena_bytes = 128 : i64
func.func @within_a_task(%n: index) {
  %a = memref.alloc() {gauss.within_item} : memref<16xf32>
  %b = memref.alloc() {gauss.within_item} : memref<16xf32>
  scf.for %i = %n to %n step %n {
    scf.for %j = %n to %n step %n {
      "test.op"(%a) : (memref<16xf32>) -> ()
      "test.op"(%b) : (memref<16xf32>) -> ()
    }
  } {gauss.tasks}
  return
}

// A use inside of a loop is a use of the whole loop, which is one step.
// CHECK-LABEL: func.func @loops
// CHECK-SAME: gauss.arena_bytes = 128 : i64
// CHECK-SAME: gauss.arena_plan = [array<i64: {{[0-9]+}}, 64, 2, 3>, array<i64: {{[0-9]+}}, 64, 3, 3>]
func.func @loops(%n: index) {
  %a = memref.alloc() : memref<16xf32>
  %b = memref.alloc() : memref<16xf32>
  "test.op"(%a) : (memref<16xf32>) -> ()
  scf.for %i = %n to %n step %n {
    "test.op"(%a) : (memref<16xf32>) -> ()
    scf.for %j = %n to %n step %n {
      "test.op"(%b) : (memref<16xf32>) -> ()
    }
  }
  return
}

// A large buffer beside two small ones that follow each other: the small ones
// share a place, whatever their order.
// CHECK-LABEL: func.func @around
// CHECK-SAME: gauss.arena_bytes = 320 : i64
func.func @around() {
  %small = memref.alloc() : memref<16xf32>
  %large = memref.alloc() : memref<64xf32>
  %next = memref.alloc() : memref<16xf32>
  "test.op"(%small, %large) : (memref<16xf32>, memref<64xf32>) -> ()
  "test.op"(%large, %next) : (memref<64xf32>, memref<16xf32>) -> ()
  return
}

// No buffers, no bytes. The argument is there all the same, so that every network
// has the same signature.
// CHECK-LABEL: func.func @none
// CHECK-SAME: (%{{.*}}: memref<4xf32>, %{{.*}}: memref<0xi8>)
// CHECK-SAME: gauss.arena_bytes = 0 : i64
// CHECK-SAME: gauss.arena_plan = []
func.func @none(%x: memref<4xf32>) {
  return
}

// CHECK: func.func private @declaration(memref<4xf32>)
func.func private @declaration(memref<4xf32>)
