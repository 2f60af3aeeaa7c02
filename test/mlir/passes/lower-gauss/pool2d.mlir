// A pool combines strided slices of its input: first the elements of each row of
// the window, from left to right, then the rows, from top to bottom.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func @max_deterministic
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4xf32>)
// CHECK-DAG: %[[LEFT:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 0] [1, 2, 4, 2] [1, 1, 1, 2]
// CHECK-DAG: %[[RIGHT:.*]] = tensor.extract_slice %[[X]][0, 0, 0, 1] [1, 2, 4, 2] [1, 1, 1, 2]
// CHECK: %[[ROWS:.*]] = linalg.generic {{.*}} ins(%[[LEFT]], %[[RIGHT]] :
// CHECK: arith.maxnumf
// CHECK: linalg.yield
// CHECK-DAG: %[[TOP:.*]] = tensor.extract_slice %[[ROWS]][0, 0, 0, 0] [1, 2, 2, 2] [1, 1, 2, 1]
// CHECK-DAG: %[[BOTTOM:.*]] = tensor.extract_slice %[[ROWS]][0, 0, 1, 0] [1, 2, 2, 2] [1, 1, 2, 1]
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[TOP]], %[[BOTTOM]] :
// CHECK: arith.maxnumf
// CHECK: return %[[Y]]
func.func @max_deterministic(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  return %0 : tensor<1x2x2x2xf32>
}

// The maximum of two Gaussians: one exponential and one division for the tail
// functions, one division for the distance of the means.
// CHECK-LABEL: func.func @max_gaussian
// CHECK: linalg.generic {{.*}} outs(%{{.*}}, %{{.*}} : tensor<?x2x4x2xf32>, tensor<?x2x4x2xf32>)
// CHECK-NEXT: ^bb0(%[[M:.*]]: f32, %[[V:.*]]: f32, %[[N:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[LARGER:.*]] = arith.maxnumf %[[M]], %[[N]]
// CHECK: %[[SUM:.*]] = arith.addf %[[V]], %[[W]]
// CHECK: %[[THETA:.*]] = math.sqrt %[[SUM]]
// CHECK: %[[DIFFERENCE:.*]] = arith.subf %[[N]], %[[M]]
// CHECK: %[[QUOTIENT:.*]] = arith.divf %[[DIFFERENCE]], %[[THETA]]
// CHECK: %[[RATIO:.*]] = math.absf %[[QUOTIENT]]
// CHECK: math.exp %{{.*}} {pfp.tail_exponent}
// CHECK: arith.divf
// CHECK: math.fma %[[THETA]], %{{.*}}, %[[LARGER]]
// CHECK: linalg.yield %{{.*}}, %{{.*}} : f32, f32
// CHECK: linalg.generic {{.*}} outs(%{{.*}}, %{{.*}} : tensor<?x2x2x2xf32>, tensor<?x2x2x2xf32>)
func.func @max_gaussian(%x: !gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  return %0 : !gauss.tensor<?x2x2x2xf32>
}

// Padding must not win: its mean is minus infinity, its variance zero.
// CHECK-LABEL: func.func @max_padded
// CHECK-SAME: (%[[MEAN:.*]]: tensor<1x1x4x4xf32>, %[[VARIANCE:.*]]: tensor<1x1x4x4xf32>)
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: tensor.insert_slice %[[MEAN]] into %{{.*}}[0, 0, 1, 0] [1, 1, 4, 4] [1, 1, 1, 1] : tensor<1x1x4x4xf32> into tensor<1x1x5x5xf32>
// CHECK: arith.constant 0.000000e+00 : f32
// CHECK: tensor.insert_slice %[[VARIANCE]] into %{{.*}}[0, 0, 1, 0] [1, 1, 4, 4] [1, 1, 1, 1] : tensor<1x1x4x4xf32> into tensor<1x1x5x5xf32>
func.func @max_padded(%x: !gauss.tensor<1x1x4x4xf32>) -> !gauss.tensor<1x1x2x2xf32> {
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 3] padding [1, 0, 0, 1] : (!gauss.tensor<1x1x4x4xf32>) -> !gauss.tensor<1x1x2x2xf32>
  return %0 : !gauss.tensor<1x1x2x2xf32>
}

// A window of one row and three columns: two maxima, then a copy.
// CHECK-LABEL: func.func @max_of_a_row
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[AB:.*]] = arith.maxnumf %[[A]], %[[B]]
// CHECK-NEXT: %[[ABC:.*]] = arith.maxnumf %[[AB]], %[[C]]
// CHECK-NEXT: linalg.yield %[[ABC]]
func.func @max_of_a_row(%x: tensor<1x1x2x5xf32>) -> tensor<1x1x2x3xf32> {
  %0 = gauss.max_pool2d %x kernel [1, 3] : (tensor<1x1x2x5xf32>) -> tensor<1x1x2x3xf32>
  return %0 : tensor<1x1x2x3xf32>
}

// The mean is divided by the size of the window, the variance by its square.
// CHECK-LABEL: func.func @average
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%[[M:.*]]: f32, %[[V:.*]]: f32, %[[N:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-DAG: %[[MN:.*]] = arith.addf %[[M]], %[[N]]
// CHECK-DAG: %[[VW:.*]] = arith.addf %[[V]], %[[W]]
// CHECK-DAG: %[[QUARTER:.*]] = arith.constant 2.500000e-01
// CHECK-DAG: %[[MEAN:.*]] = arith.mulf %[[MN]], %[[QUARTER]]
// CHECK-DAG: %[[SQUARE:.*]] = arith.mulf %[[QUARTER]], %[[QUARTER]]
// CHECK-DAG: %[[VARIANCE:.*]] = arith.mulf %[[VW]], %[[SQUARE]]
// CHECK: linalg.yield %[[MEAN]], %[[VARIANCE]]
func.func @average(%x: !gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32> {
  %0 = gauss.avg_pool2d %x kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x4xf32>) -> !gauss.tensor<?x2x2x2xf32>
  return %0 : !gauss.tensor<?x2x2x2xf32>
}

// Padding is summed as zero, and counted.
// CHECK-LABEL: func.func @average_padded
// CHECK: tensor.insert_slice
// CHECK: arith.constant 0.111111112 : f32
func.func @average_padded(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %0 = gauss.avg_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

// Padding is not counted: a corner holds 4 elements, an edge 6, the centre 9.
// CHECK-LABEL: func.func @average_without_padding
// CHECK: arith.constant dense<{{\[\[}}2.500000e-01, 0.166666672, 2.500000e-01], [0.166666672, 0.111111112, 0.166666672], [2.500000e-01, 0.166666672, 2.500000e-01]]> : tensor<3x3xf32>
func.func @average_without_padding(%x: tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32> {
  %0 = gauss.avg_pool2d %x kernel [3, 3] padding [1, 1, 1, 1] count_include_pad false : (tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}
