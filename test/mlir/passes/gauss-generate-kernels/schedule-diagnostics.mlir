// What a schedule file gets wrong is an error that names the kernel and what it needs.

// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t/none.json' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FILE
// FILE: error: {{.*}}/none.json: No such file or directory

// RUN: sed 's/\[8, 16\]/[8, 32]/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SIZES
// SIZES: error: 'linalg.generic' op the schedule of kernel '0 dense' is for the sizes [8, 32] and [32]; here they are [8, 16] and [32]

// RUN: sed 's/"vector": 1/"vector": 2/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=VECTOR
// VECTOR: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'vector' below 2

// RUN: sed 's/"vector": 1/"vector": null/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NOVECTOR
// NOVECTOR: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'vector' below 2

// RUN: sed 's/\[1, 0\]/[1, 1]/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ORDER
// ORDER: error: 'linalg.generic' op the schedule of kernel '0 dense' needs each dimension below 2 once in 'order'

// RUN: sed 's/"row": 0/"row": 1/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ROW
// ROW: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'row' that is not 'vector' and stands last in 'order'

// RUN: sed 's/\[1, 0\]/[0, 1]/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LAST
// LAST: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'row' that is not 'vector' and stands last in 'order'

// RUN: sed 's/"rows": 2/"rows": 9/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ROWS
// ROWS: error: 'linalg.generic' op the schedule of kernel '0 dense' needs 'rows' from 1 to 8 and 'vectors' from 1 to 4

// RUN: sed 's/"vectors": 2/"vectors": 0/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=VECTORS
// VECTORS: error: 'linalg.generic' op the schedule of kernel '0 dense' needs 'rows' from 1 to 8 and 'vectors' from 1 to 4

// RUN: sed 's/"splits": 1/"splits": 3/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SPLITS
// SPLITS: error: 'linalg.generic' op the schedule of kernel '0 dense' needs 'splits' to be one of [1, 2, 4]

// RUN: sed 's/"parallel"/"strips": 4, "parallel"/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STRIPS
// STRIPS: error: 'linalg.generic' op the schedule of kernel '0 dense' is for 4 strips, which do not fit here; take one of the same batch and tasks

// RUN: sed 's/"strips": 2/"strips": 3/' %S/Inputs/strips.json > %t
// RUN: not pfp-opt %S/strips.mlir --split-input-file --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=THREE
// THREE: error: 'linalg.generic' op the schedule of kernel '0 copy' is for 3 strips, which do not fit here; take one of the same batch and tasks

// RUN: sed 's/"kernel": "0 copy"/"kernel": "1 copy"/' %S/Inputs/strips.json > %t
// RUN: not pfp-opt %S/strips.mlir --split-input-file --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=OTHER
// OTHER: error: 'linalg.generic' op the schedule of kernel '1 copy' is for 2 strips, which do not fit here; take one of the same batch and tasks

// RUN: sed 's/"block": null/"block": {"steps": 16, "dims": 2}/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LOOPS
// LOOPS: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'block' of loops with 'row' but without 'vector'

// RUN: sed 's/"block": null/"block": {"steps": 32, "dims": 1}/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STEPS
// STEPS: error: 'linalg.generic' op the schedule of kernel '0 dense' needs a 'block' of 'steps' that split the reduction into equal parts, and 1 in 'splits'

// RUN: sed 's/0 dense/1 dense/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NAME
// NAME: error: 'func.func' op has no kernel '1 dense', for which there is a schedule; it has '0 dense'

// RUN: sed 's/"rows"/"lines"/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FIELD
// FIELD: error: {{.*}}t: unknown field `lines`, expected one of `vector`, `row`, `rows`, `vectors`, `splits`, `window`, `ahead`, `order`, `precompute`, `block`, `unroll`, `side_by_side`, `prefetch` at line 11 column 15

// RUN: sed 's/"splits": 1/"splits": 1, "ahead": 2/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=AHEAD
// AHEAD: error: 'linalg.generic' op the schedule of kernel '0 dense' needs 'ahead' to be one of [0]

// RUN: sed 's/"splits": 1/"splits": 1, "window": true/' %S/Inputs/schedule.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=WINDOW
// WINDOW: error: 'linalg.generic' op the schedule of kernel '0 dense' has a 'window', but no rows that share what they read

// RUN: sed 's/lanes/lines/' %S/Inputs/core.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NUMBER
// NUMBER: error: {{.*}} a core has no 'lines'; it has lanes, vector_registers

// RUN: sed 's/16/"many"/' %S/Inputs/core.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=VALUE
// VALUE: error: {{.*}} the 'core' of the schedule file: invalid type: string "many", expected i64

// RUN: sed 's/16/5/' %S/Inputs/core.json > %t
// RUN: not pfp-opt %s --gauss-generate-kernels='core=cortex-a72 schedule=%t' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LANES
// LANES: error: {{.*}} 'lanes' of a core is 1, 2, 4, 8 or 16, not 5

#input = affine_map<(n, m, k) -> (n, k)>
#weight = affine_map<(n, m, k) -> (k, m)>
#sum = affine_map<(n, m, k) -> (n, m)>

func.func @layer(%x: memref<8x32xf32>, %w: memref<32x16xf32>, %y: memref<8x16xf32>) {
  linalg.generic {indexing_maps = [#input, #weight, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<8x32xf32>, memref<32x16xf32>) outs(%y : memref<8x16xf32>) attrs = {pfp.layer = "dense"} {
  ^bb0(%in: f32, %weight: f32, %out: f32):
    %0 = math.fma %in, %weight, %out : f32
    linalg.yield %0 : f32
  }
  return
}
