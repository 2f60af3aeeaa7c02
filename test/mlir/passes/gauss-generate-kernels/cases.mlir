// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize --split-input-file \
// RUN:   | FileCheck %s --implicit-check-not=linalg.generic --implicit-check-not=memref.copy

#id = affine_map<(d0) -> (d0)>

// Fewer elements than lanes: one access of what there is. The arithmetic is on a
// whole vector, whose last lane has no meaning.
// CHECK-LABEL: func.func @short
// CHECK: vector.load {{.*}} : memref<3xf32>, vector<3xf32>
// CHECK: arith.mulf {{.*}} : vector<4xf32>
// CHECK: vector.store {{.*}} : memref<3xf32>, vector<3xf32>
func.func @short(%x: memref<3xf32>, %y: memref<3xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<3xf32>) outs(%y : memref<3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Neighbouring dimensions that all buffers walk as one are one: 6 elements.
// CHECK-LABEL: func.func @joined
// CHECK: vector.load %{{.*}}[%{{.*}}] : memref<6xf32>, vector<4xf32>
// CHECK: vector.load %{{.*}}[%{{.*}}] : memref<6xf32>, vector<2xf32>
// CHECK-NOT: vector.load
// CHECK: return
#id2 = affine_map<(d0, d1) -> (d0, d1)>
func.func @joined(%x: memref<2x3xf32>, %y: memref<2x3xf32>) {
  linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : memref<2x3xf32>) outs(%y : memref<2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// A copy is a loop over vectors too.
// CHECK-LABEL: func.func @copy
// CHECK-COUNT-2: vector.store {{.*}}, vector<4xf32>
func.func @copy(%x: memref<8xf32>, %y: memref<8xf32>) {
  memref.copy %x, %y : memref<8xf32> to memref<8xf32>
  return
}

// -----

// A copy of a part: rows of 3 in a buffer of rows of 5.
// CHECK-LABEL: func.func @copy_of_a_part
// CHECK: vector.store {{.*}} : memref<10xf32>, vector<3xf32>
func.func @copy_of_a_part(%x: memref<2x3xf32>, %y: memref<2x5xf32>) {
  %part = memref.subview %y[0, 1] [2, 3] [1, 1] : memref<2x5xf32> to memref<2x3xf32, strided<[5, 1], offset: 1>>
  memref.copy %x, %part : memref<2x3xf32> to memref<2x3xf32, strided<[5, 1], offset: 1>>
  return
}

// -----

// CHECK-LABEL: func.func @scalar
// CHECK: memref.load
// CHECK: vector.store {{.*}} : memref<1xf32>, vector<1xf32>
#none = affine_map<() -> ()>
func.func @scalar(%x: memref<f32>, %y: memref<f32>) {
  linalg.generic {indexing_maps = [#none, #none], iterator_types = []} ins(%x : memref<f32>) outs(%y : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// A reduction to one number, which is read before the first step.
// CHECK-LABEL: func.func @sum
// CHECK-SAME: (%{{.*}}: memref<37xf32>, %[[Y:.*]]: memref<f32>)
// CHECK: %[[FLAT:.*]] = memref.reinterpret_cast %[[Y]]
// CHECK: memref.load %[[FLAT]]
// CHECK: scf.for {{.*}} iter_args
// CHECK: vector.store {{.*}}, %[[FLAT]]
#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
func.func @sum(%x: memref<37xf32>, %y: memref<f32>) {
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%x : memref<37xf32>) outs(%y : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Two outputs of one nest are accumulated side by side, in registers.
// CHECK-LABEL: func.func @two_outputs
// CHECK-SAME: (%{{.*}}: memref<16x4xf32>, %[[Y:.*]]: memref<4xf32>, %[[Z:.*]]: memref<4xf32>)
// CHECK-DAG: vector.load %[[Y]]
// CHECK-DAG: vector.load %[[Z]]
// CHECK: scf.for
// CHECK-NOT: vector.store
// CHECK: scf.yield
// CHECK-DAG: vector.store {{.*}}, %[[Y]]
// CHECK-DAG: vector.store {{.*}}, %[[Z]]
#in = affine_map<(d0, d1) -> (d1, d0)>
#out = affine_map<(d0, d1) -> (d0)>
func.func @two_outputs(%x: memref<16x4xf32>, %y: memref<4xf32>, %z: memref<4xf32>) {
  linalg.generic {indexing_maps = [#in, #out, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<16x4xf32>) outs(%y, %z : memref<4xf32>, memref<4xf32>) {
  ^bb0(%in: f32, %a: f32, %b: f32):
    %0 = arith.addf %in, %a : f32
    %1 = math.fma %in, %in, %b : f32
    linalg.yield %0, %1 : f32, f32
  }
  return
}

// -----

// A weight that is not constant is read where it is.
// CHECK-NOT: memref.global
// CHECK-LABEL: func.func @weight_argument
// CHECK: math.fma {{.*}} : vector<4xf32>
#input = affine_map<(d0, d1) -> (d1)>
#weight = affine_map<(d0, d1) -> (d0, d1)>
#out = affine_map<(d0, d1) -> (d0)>
func.func @weight_argument(%x: memref<2xf32>, %w: memref<4x2xf32>, %y: memref<4xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #out], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<2xf32>, memref<4x2xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// An intermediate result that is also wanted itself is stored, and used from the
// register.
// CHECK-LABEL: func.func @wanted_twice
// CHECK-SAME: (%[[X:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4xf32>, %[[Z:.*]]: memref<4xf32>)
// CHECK: %[[SQUARE:.*]] = arith.mulf
// CHECK-DAG: vector.store %[[SQUARE]], %[[Y]]
// CHECK-DAG: %[[NEGATIVE:.*]] = arith.negf %[[SQUARE]]
// CHECK-DAG: vector.store %[[NEGATIVE]], %[[Z]]
// CHECK-NOT: vector.load %[[Y]]
// CHECK: return
#id = affine_map<(d0) -> (d0)>
#in = affine_map<(d0, d1) -> (d0, d1)>
func.func @wanted_twice(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : memref<4xf32>) outs(%z : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// A neighbour's value is not in this element's register: two kernels.
// CHECK-LABEL: func.func @shifted
// CHECK-SAME: (%{{.*}}: memref<8xf32>, %[[Y:.*]]: memref<8xf32>, %[[Z:.*]]: memref<7xf32>)
// CHECK: vector.store {{.*}}, %[[Y]]
// CHECK: vector.load %[[Y]]
// CHECK: vector.store {{.*}}, %[[Z]]
#id = affine_map<(d0) -> (d0)>
func.func @shifted(%x: memref<8xf32>, %y: memref<8xf32>, %z: memref<7xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  %next = memref.subview %y[1] [7] [1] : memref<8xf32> to memref<7xf32, strided<[1], offset: 1>>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%next : memref<7xf32, strided<[1], offset: 1>>) outs(%z : memref<7xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// An op that may write memory in a way of its own stands between two runs.
// CHECK-LABEL: func.func @barrier
// CHECK-SAME: (%[[X:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4xf32>, %[[Z:.*]]: memref<4xf32>)
// CHECK: vector.store {{.*}}, %[[Y]]
// CHECK: memref.store
// CHECK: vector.load %[[Y]]
// CHECK: vector.store {{.*}}, %[[Z]]
#id = affine_map<(d0) -> (d0)>
func.func @barrier(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.mulf %in, %in : f32
    linalg.yield %0 : f32
  }
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0 : index
  memref.store %one, %y[%zero] : memref<4xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%y : memref<4xf32>) outs(%z : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// A strided read gathers, a strided write scatters.
// CHECK-LABEL: func.func @transpose
// CHECK: vector.{{load|from_elements}}
// CHECK: vector.{{extract|store}}
#id = affine_map<(d0, d1) -> (d0, d1)>
#swap = affine_map<(d0, d1) -> (d1, d0)>
func.func @transpose(%x: memref<3x5xf32>, %y: memref<5x3xf32>) {
  linalg.generic {indexing_maps = [#swap, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<3x5xf32>) outs(%y : memref<5x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}
