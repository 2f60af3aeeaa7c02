// Two rows of a convolution read almost the same pixels: what one reads in a step, the
// next one has read in an earlier step. Here 4 rows of 5 steps read 8 pixels. All rows and
// steps share what is loaded of them: two vectors, of which each multiplication takes a
// lane, where a core can do that; elsewhere each pixel once.

// RUN: pfp-opt %s --gauss-generate-kernels='core=cortex-a76 schedule=%S/Inputs/window.json' --canonicalize \
// RUN:   | FileCheck %s
// RUN: pfp-opt %s --gauss-generate-kernels='core=x86-64-v4 schedule=%S/Inputs/window.json' --canonicalize \
// RUN:   | FileCheck %s --check-prefix=PIXELS
// Without a window each row reads for itself.
// RUN: sed 's/"window": true/"window": false/' %S/Inputs/window.json > %t
// RUN: pfp-opt %s --gauss-generate-kernels='core=x86-64-v4 schedule=%t' --canonicalize \
// RUN:   | FileCheck %s --check-prefix=APART

#pixels = affine_map<(row, m, k) -> (row + k)>
#weight = affine_map<(row, m, k) -> (k, m)>
#sum = affine_map<(row, m, k) -> (row, m)>

// CHECK-LABEL: func.func @convolution
// CHECK-SAME: (%[[X:.*]]: memref<8xf32>
// CHECK: %[[FIRST:.*]] = vector.load %[[X]][%c0]{{.*}}, vector<4xf32>
// CHECK: vector.extract %[[FIRST]][0]
// CHECK: vector.extract %[[FIRST]][1]
// CHECK: vector.extract %[[FIRST]][2]
// CHECK: vector.extract %[[FIRST]][3]
// The second row reads at its fourth step what the first one reads at its fifth.
// CHECK: %[[SECOND:.*]] = vector.load %[[X]][%c4]{{.*}}, vector<4xf32>
// CHECK: vector.extract %[[SECOND]][0]
// CHECK-NOT: vector.load %[[X]]
// CHECK: return
// PIXELS-LABEL: func.func @convolution
// PIXELS-SAME: (%[[X:.*]]: memref<8xf32>
// PIXELS-COUNT-8: memref.load %[[X]]
// PIXELS-NOT: memref.load %[[X]]
// PIXELS: return
// APART-LABEL: func.func @convolution
// APART-SAME: (%[[X:.*]]: memref<8xf32>
// APART-COUNT-20: memref.load %[[X]]
// APART: return
func.func @convolution(%x: memref<8xf32>, %w: memref<5x4xf32>, %y: memref<4x4xf32>) {
  linalg.generic {indexing_maps = [#pixels, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8xf32>, memref<5x4xf32>) outs(%y : memref<4x4xf32>) attrs = {pfp.layer = "conv2d"} {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}
