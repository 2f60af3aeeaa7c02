// AArch64 multiplies a vector by one lane of another. A number that all lanes share is
// then not loaded and spread alone: four steps of the input are one load, and each step
// takes its lane; or four rows, where those are neighbours. A core that loads into all lanes at once does that instead.

// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 --canonicalize | FileCheck %s --check-prefix=LANES
// RUN: pfp-opt %s --gauss-generate-kernels=core=x86-64-v3 --canonicalize \
// RUN:   | FileCheck %s --check-prefix=SCALARS --implicit-check-not=vector.extract

#input = affine_map<(m, k) -> (k)>
#weight = affine_map<(m, k) -> (k, m)>
#sum = affine_map<(m, k) -> (m)>

// LANES-LABEL: func.func @layer
// LANES-SAME: (%[[X:.*]]: memref<4xf32>
// LANES: %[[STEPS:.*]] = vector.load %[[X]]{{.*}}, vector<4xf32>
// LANES: vector.extract %[[STEPS]][0]
// LANES: vector.broadcast
// LANES: math.fma
// LANES: vector.extract %[[STEPS]][1]
// LANES: vector.extract %[[STEPS]][2]
// LANES: vector.extract %[[STEPS]][3]
// LANES: return
// SCALARS-LABEL: func.func @layer
// SCALARS-SAME: (%[[X:.*]]: memref<4xf32>
// SCALARS-COUNT-4: memref.load %[[X]]
func.func @layer(%x: memref<4xf32>, %w: memref<4x8xf32>, %y: memref<8xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<4xf32>, memref<4x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}

#column = affine_map<(r, m, k) -> (k, r)>
#matrix = affine_map<(r, m, k) -> (k, m)>
#product = affine_map<(r, m, k) -> (r, m)>

// LANES-LABEL: func.func @rows
// LANES-SAME: (%[[X:.*]]: memref<2x4xf32>
// LANES-DAG: %[[FLAT:.*]] = memref.reinterpret_cast %[[X]]
// LANES: %[[FIRST:.*]] = vector.load %[[FLAT]][%c0]{{.*}}, vector<4xf32>
// LANES: vector.extract %[[FIRST]][0]
// LANES: vector.extract %[[FIRST]][3]
// LANES: %[[SECOND:.*]] = vector.load %[[FLAT]][%c4]{{.*}}, vector<4xf32>
// LANES: vector.extract %[[SECOND]][0]
// LANES: vector.extract %[[SECOND]][3]
// LANES: return
// SCALARS-LABEL: func.func @rows
// SCALARS-SAME: (%[[X:.*]]: memref<2x4xf32>
// SCALARS: %[[FLAT:.*]] = memref.reinterpret_cast %[[X]]
// SCALARS-COUNT-8: memref.load %[[FLAT]]
func.func @rows(%x: memref<2x4xf32>, %w: memref<2x8xf32>, %y: memref<4x8xf32>) {
  linalg.generic {indexing_maps = [#column, #matrix, #product], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<2x4xf32>, memref<2x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}
