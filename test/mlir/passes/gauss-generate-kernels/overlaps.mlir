// Windows of a pool that overlap. Strips have rows in common then: each computes those that
// the one before has not, and ends by copying what both read to the place of its first rows,
// whose memory outlives the trip of the loop (gauss.carried).

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --symbol-dce \
// RUN:   --split-input-file | FileCheck %s

// A task that begins in the middle of an image computes all rows of its first strip. Padding
// that tasks would have to write first, each to its own memory, keeps an image whole.
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 tasks=2' --canonicalize --symbol-dce \
// RUN:   --split-input-file | FileCheck %s --check-prefix=TASKS

// A schedule file can ask for fewer strips, here of four rows and one in common. A step that not
// all strips do is no part of a tile.
// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%S/Inputs/overlaps.json' --canonicalize \
// RUN:   --split-input-file | FileCheck %s --check-prefix=GIVEN
// RUN: sed 's/"row": 0/"row": 1/; s/1, 2, 0/0, 2, 1/' %S/Inputs/overlaps.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' --split-input-file 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TILE
// GIVEN: memref.alloc() {gauss.carried, gauss.within_item} : memref<640xf32>
// GIVEN: scf.for %{{.*}} = %c0 to %c8 step %c1 iter_args
// TILE: error: 'linalg.generic' op the schedule of kernel '0 copy' has dimension 1 as 'vector' or 'row', along which strips differ

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#first = affine_map<(c, h, w) -> (c, h * 2, w)>
#second = affine_map<(c, h, w) -> (c, h * 2 + 1, w)>
#third = affine_map<(c, h, w) -> (c, h * 2 + 2, w)>

memref.global "private" constant @weight : memref<16x400xf32> = dense<0.5>

// CHECK-LABEL: func.func @overlapping
// CHECK-SAME: (%[[X:.*]]: memref<33x407xf32>, %[[Y:.*]]: memref<16x16x8xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[C16:.*]] = arith.constant 16 : index
// Three of the 33 rows.
// CHECK: %[[SUM:.*]] = memref.alloc() {gauss.carried, gauss.within_item} : memref<384xf32>
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C16]] step %[[C1]] iter_args(%[[LATER:.*]] = %[[C0]]) -> (index) {
// CHECK: scf.for %[[ROW:.*]] = %[[C0]] to %[[C3]] step %[[C1]] {
// CHECK: %[[LEFT:.*]] = arith.cmpi sge, %[[ROW]], %[[LATER]] : index
// CHECK: scf.if %[[LEFT]] {
// CHECK: math.fma
// CHECK: vector.store {{.*}}, %[[SUM]]
// CHECK: arith.maximumf
// CHECK: vector.store {{.*}} : memref<2048xf32>
// CHECK: %[[ROWS:.*]] = vector.load %[[SUM]]
// CHECK: vector.store %[[ROWS]], %[[SUM]]
// CHECK: scf.yield %[[C1]] : index

// TASKS-LABEL: func.func @overlapping
// TASKS-DAG: %[[C0:.*]] = arith.constant 0 : index
// TASKS: memref.alloc() {gauss.carried, gauss.within_item} : memref<768xf32>
// TASKS: scf.for %[[TASK:.*]] =
// TASKS: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[LATER:.*]] = %[[C0]]) -> (index) {
// TASKS: arith.cmpi sge, %{{.*}}, %[[LATER]]
// TASKS: } {gauss.tasks}
func.func @overlapping(%x: memref<33x407xf32>, %y: memref<16x16x8xf32>) {
  %w = memref.get_global @weight : memref<16x400xf32>
  %sum = memref.alloc() : memref<16x33x8xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<16x33x8xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<33x407xf32>, memref<16x400xf32>) outs(%sum : memref<16x33x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#first, #second, #third, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum, %sum : memref<16x33x8xf32>, memref<16x33x8xf32>, memref<16x33x8xf32>) outs(%y : memref<16x16x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    %1 = arith.maximumf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#first = affine_map<(c, h, w) -> (c, h * 2, w)>
#second = affine_map<(c, h, w) -> (c, h * 2 + 1, w)>
#third = affine_map<(c, h, w) -> (c, h * 2 + 2, w)>

memref.global "private" constant @weight : memref<16x400xf32> = dense<0.5>

// A row of padding above the image and one below it, which nothing reads. It is written to the
// memory of one strip, before the first.
// CHECK-LABEL: func.func @padded(
// CHECK-DAG: %[[LEAST:.*]] = arith.constant dense<0xFF800000> : vector<4xf32>
// CHECK: %[[SUM:.*]] = memref.alloc() {gauss.carried, gauss.within_item} : memref<384xf32>
// CHECK: scf.for
// CHECK: vector.store %[[LEAST]], %[[SUM]]
// CHECK: scf.for %{{.*}} = %c0 to %c16 step %c1 {
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 {
// CHECK: math.fma
// CHECK: vector.store {{.*}}, %[[SUM]]
// CHECK: arith.maximumf
// CHECK: vector.store {{.*}} : memref<2048xf32>
// CHECK: %[[ROWS:.*]] = vector.load %[[SUM]]
// CHECK: vector.store %[[ROWS]], %[[SUM]]

// TASKS-LABEL: func.func @padded(
// TASKS: memref.alloc() : memref<16x34x8xf32>
func.func @padded(%x: memref<32x407xf32>, %y: memref<16x16x8xf32>) {
  %w = memref.get_global @weight : memref<16x400xf32>
  %sum = memref.alloc() : memref<16x34x8xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<16x34x8xf32>) {
  ^bb0(%out: f32):
    %least = arith.constant 0xFF800000 : f32
    linalg.yield %least : f32
  }
  %image = memref.subview %sum[0, 1, 0] [16, 32, 8] [1, 1, 1] : memref<16x34x8xf32> to memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%image : memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x407xf32>, memref<16x400xf32>) outs(%image : memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#first, #second, #third, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum, %sum : memref<16x34x8xf32>, memref<16x34x8xf32>, memref<16x34x8xf32>) outs(%y : memref<16x16x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    %1 = arith.maximumf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>

memref.global "private" constant @weight : memref<16x400xf32> = dense<0.5>

// The last strip of an image computes a row less than the others, and reads one of padding in its
// place: each strip leaves that behind for the next one.
// CHECK-LABEL: func.func @padded_below
// CHECK-DAG: %[[LEAST:.*]] = arith.constant dense<0xFF800000> : vector<4xf32>
// CHECK: %[[SUM:.*]] = memref.alloc() {gauss.carried, gauss.within_item} : memref<512xf32>
// CHECK: scf.for
// CHECK: vector.store %[[LEAST]], %[[SUM]]
// CHECK: scf.for %[[STRIP:.*]] = %c0 to %c16 step %c1 iter_args
// CHECK: %[[DONE:.*]] = arith.muli %[[STRIP]], %c-2
// CHECK: %[[LEFT:.*]] = arith.addi %[[DONE]], %c32
// CHECK: %[[END:.*]] = arith.minsi %[[LEFT]], %c3
// CHECK: scf.for %{{.*}} = %c0 to %[[END]] step %c1 {
// CHECK: scf.if
// CHECK: math.fma
// CHECK: arith.maximumf
// CHECK: vector.store {{.*}} : memref<4096xf32>
// CHECK: %[[ROWS:.*]] = vector.load %[[SUM]]
// CHECK: vector.store %[[ROWS]], %[[SUM]]
// CHECK: vector.store %[[LEAST]], %[[SUM]]
// CHECK: scf.yield
func.func @padded_below(%x: memref<32x407xf32>, %y: memref<16x32x8xf32>) {
  %w = memref.get_global @weight : memref<16x400xf32>
  %sum = memref.alloc() : memref<16x34x8xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<16x34x8xf32>) {
  ^bb0(%out: f32):
    %least = arith.constant 0xFF800000 : f32
    linalg.yield %least : f32
  }
  %image = memref.subview %sum[0, 1, 0] [16, 32, 8] [1, 1, 1] : memref<16x34x8xf32> to memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%image : memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x407xf32>, memref<16x400xf32>) outs(%image : memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  %above = memref.subview %sum[0, 0, 0] [16, 32, 8] [1, 1, 1] : memref<16x34x8xf32> to memref<16x32x8xf32, strided<[272, 8, 1]>>
  %below = memref.subview %sum[0, 2, 0] [16, 32, 8] [1, 1, 1] : memref<16x34x8xf32> to memref<16x32x8xf32, strided<[272, 8, 1], offset: 16>>
  linalg.generic {indexing_maps = [#all, #all, #all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%above, %image, %below : memref<16x32x8xf32, strided<[272, 8, 1]>>, memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>, memref<16x32x8xf32, strided<[272, 8, 1], offset: 16>>) outs(%y : memref<16x32x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    %1 = arith.maximumf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

#input = affine_map<(c, h, w, k) -> (h, w + k)>
#weight = affine_map<(c, h, w, k) -> (c, k)>
#sum = affine_map<(c, h, w, k) -> (c, h, w)>
#all = affine_map<(c, h, w) -> (c, h, w)>
#first = affine_map<(c, h, w) -> (c, h * 2, w)>
#second = affine_map<(c, h, w) -> (c, h * 2 + 1, w)>
#third = affine_map<(c, h, w) -> (c, h * 2 + 2, w)>

memref.global "private" constant @weight : memref<16x400xf32> = dense<0.5>

// What a sum adds to is no padding: it would find the sums of the strip before there.
// CHECK-LABEL: func.func @added_to
// CHECK: memref.alloc() : memref<16x34x8xf32>
func.func @added_to(%x: memref<32x407xf32>, %y: memref<16x16x8xf32>) {
  %w = memref.get_global @weight : memref<16x400xf32>
  %sum = memref.alloc() : memref<16x34x8xf32>
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%sum : memref<16x34x8xf32>) {
  ^bb0(%out: f32):
    %least = arith.constant 1.0 : f32
    linalg.yield %least : f32
  }
  %image = memref.subview %sum[0, 1, 0] [16, 32, 8] [1, 1, 1] : memref<16x34x8xf32> to memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x407xf32>, memref<16x400xf32>) outs(%image : memref<16x32x8xf32, strided<[272, 8, 1], offset: 8>>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#first, #second, #third, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%sum, %sum, %sum : memref<16x34x8xf32>, memref<16x34x8xf32>, memref<16x34x8xf32>) outs(%y : memref<16x16x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %out: f32):
    %0 = arith.maximumf %a, %b : f32
    %1 = arith.maximumf %0, %c : f32
    linalg.yield %1 : f32
  }
  return
}
