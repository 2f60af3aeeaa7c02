// What the functions compute is chosen by the mode. With mode=mean every Gaussian is
// its mean, and nothing else than a deterministic network is left.
//
// With mode=sample the deterministic network stands in a loop over forward passes. Each
// pass draws the weight from a counter-based generator: its body knows the number of the
// block by linalg.index, and the number of the pass. The weight is stored with its outputs
// innermost: 3 inputs, 5 outputs. The first result is carried, and of the differences from it
// the mean and the mean square around that, which becomes the unbiased variance at the end.

// RUN: pfp-opt %s --lower-gauss=mode=mean | FileCheck %s --check-prefix=MEAN --implicit-check-not=gauss --implicit-check-not=scf.for
// RUN: pfp-opt %s --lower-gauss="mode=sample samples=4" | FileCheck %s --check-prefix=SAMPLE --implicit-check-not=gauss
// RUN: pfp-opt %s --lower-gauss="mode=sample samples=4 draws" | FileCheck %s --check-prefix=DRAWS
// RUN: pfp-opt %s --lower-gauss="mode=presampled samples=4" | FileCheck %s --check-prefix=PRESAMPLED --implicit-check-not=arith.mului_extended

// MEAN-LABEL: func.func @net
// MEAN-SAME: (%{{.*}}: tensor<2x3xf32>) -> tensor<2x5xf32>
// MEAN: math.fma

// SAMPLE: #[[WEIGHT:.*]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// SAMPLE-LABEL: func.func @net
// SAMPLE-SAME: (%[[X:.*]]: tensor<2x3xf32>) -> (tensor<2x5xf32>, tensor<2x5xf32>)
// SAMPLE: %[[SUMS:.*]]:3 = scf.for %[[PASS:[a-z0-9]+]] = %{{.*}} to %c4{{.*}} iter_args
// SAMPLE: arith.index_cast %[[PASS]] : index to i32
// SAMPLE: linalg.index 0
// SAMPLE-COUNT-20: arith.mului_extended
// SAMPLE-COUNT-2: math.sqrt
// SAMPLE: linalg.generic {indexing_maps = [#{{.*}}, #[[WEIGHT]], #{{.*}}]
// SAMPLE-SAME: ins(%[[X]], %{{.*}} : tensor<2x3xf32>, tensor<3x5xf32>)
// SAMPLE: scf.yield
// SAMPLE: %[[AVERAGE:.*]] = linalg.generic {{.*}} ins(%[[SUMS]]#0, %[[SUMS]]#1 :
// SAMPLE: %[[VARIANCE:.*]] = linalg.generic {{.*}} ins(%[[SUMS]]#2 : tensor<2x5xf32>)
// SAMPLE: arith.constant 1.333333
// SAMPLE: return %[[AVERAGE]], %[[VARIANCE]]

// DRAWS-LABEL: func.func @net
// DRAWS-SAME: -> (tensor<2x5xf32>, tensor<2x5xf32>, tensor<4x2x5xf32>)
// DRAWS: scf.for %[[PASS:[a-z0-9]+]] = {{.*}} -> (tensor<2x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>, tensor<4x2x5xf32>)
// DRAWS: %[[OWN:.*]] = tensor.extract_slice %{{.*}}[%[[PASS]], 0, 0] [1, 2, 5] {{.*}} to tensor<2x5xf32>
// DRAWS: linalg.generic {{.*}}, %[[OWN]] :
// DRAWS: tensor.insert_slice %{{.*}} into %{{.*}}[%[[PASS]], 0, 0] [1, 2, 5]

// PRESAMPLED: %[[ALL:.*]] = arith.constant dense_resource<{{.*}}> : tensor<4x15xf32>
// PRESAMPLED: scf.for %[[PASS:[a-z0-9]+]] =
// PRESAMPLED: tensor.extract_slice %[[ALL]][%[[PASS]], 0] [1, 15]
func.func @net(%x: tensor<2x3xf32>) -> !gauss.tensor<2x5xf32> {
  %w = gauss.constant mean(dense<1.5> : tensor<5x3xf32>) variance(dense<0.25> : tensor<5x3xf32>) : !gauss.tensor<5x3xf32>
  %y = gauss.dense %x, %w : (tensor<2x3xf32>, !gauss.tensor<5x3xf32>) -> !gauss.tensor<2x5xf32>
  return %y : !gauss.tensor<2x5xf32>
}
