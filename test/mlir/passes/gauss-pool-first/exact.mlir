// Both orders give the same numbers of what has no variance: pipelines take its maxima first, and in modes without
// variances all of them. --lower-gauss does as it is told.

// RUN: pfp-opt %s --gauss-pool-first=values=exact | FileCheck %s
// RUN: pfp-opt %s --gauss-to-linalg | FileCheck %s --check-prefixes=FIRST,MOMENTS
// RUN: pfp-opt %s --gauss-to-linalg=mode=mean | FileCheck %s --check-prefixes=FIRST,MEAN
// RUN: pfp-opt %s --gauss-to-linalg="mode=sample samples=2" | FileCheck %s --check-prefixes=FIRST,MEAN
// RUN: pfp-opt %s --lower-gauss=mode=mean | FileCheck %s --check-prefix=LOWERED

// CHECK-LABEL: func.func @exact
// CHECK: gauss.max_pool1d
// CHECK-NEXT: gauss.exp
// FIRST-LABEL: func.func @exact
// FIRST: pfp.layer = "max_pool1d"
// FIRST: pfp.layer = "exp"
// LOWERED-LABEL: func.func @exact
// LOWERED: pfp.layer = "exp"
// LOWERED: pfp.layer = "max_pool1d"
func.func @exact(%x: tensor<1x3x8xf32>) -> tensor<1x3x4xf32> {
  %0 = gauss.exp %x : (tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return %1 : tensor<1x3x4xf32>
}

// CHECK-LABEL: func.func @uncertain
// CHECK: gauss.relu
// CHECK-NEXT: gauss.max_pool1d
// MOMENTS-LABEL: func.func @uncertain
// MOMENTS: pfp.layer = "relu"
// MOMENTS: pfp.layer = "max_pool1d"
// MEAN-LABEL: func.func @uncertain
// MEAN: pfp.layer = "max_pool1d"
// MEAN: pfp.layer = "relu"
func.func @uncertain(%x: !gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x8xf32>
  %1 = gauss.max_pool1d %0 kernel [2] strides [2] : (!gauss.tensor<1x3x8xf32>) -> !gauss.tensor<1x3x4xf32>
  return %1 : !gauss.tensor<1x3x4xf32>
}
