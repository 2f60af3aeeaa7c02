// Layers that work on each element: relu, add and batch_norm.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func @relu_deterministic
// CHECK: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0.000000e+00
// CHECK-NEXT: %[[IS_OFF:.*]] = arith.cmpf oge, %[[ZERO]], %[[X]]
// CHECK-NEXT: %[[Y:.*]] = arith.select %[[IS_OFF]], %[[ZERO]], %[[X]]
// CHECK-NEXT: linalg.yield %[[Y]]
func.func @relu_deterministic(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %0 = gauss.relu %x : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// The rectified Gaussian: mean = max(m, 0) + σJ, variance = v·U or v·L, by the
// sign of m. J, U and L are functions of |m|/σ, which is not a number at 0/0 and
// then taken as the far tail, like everything beyond 13.26. There is no epsilon. The
// comparison is false for a mean that is not a number, which therefore stays.
// CHECK-LABEL: func.func @relu_gaussian
// CHECK: ^bb0(%[[M:.*]]: f32, %[[V:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00
// CHECK: %[[IS_NEGATIVE:.*]] = arith.cmpf oge, %[[ZERO]], %[[M]]
// CHECK: %[[RECTIFIED:.*]] = arith.select %[[IS_NEGATIVE]], %[[ZERO]], %[[M]]
// CHECK: %[[SIGMA:.*]] = math.sqrt %[[V]]
// CHECK: %[[QUOTIENT:.*]] = arith.divf %[[M]], %[[SIGMA]]
// CHECK: %[[RATIO:.*]] = math.absf %[[QUOTIENT]]
// CHECK: %[[FAR:.*]] = arith.constant 1.326000e+01
// CHECK: %[[IS_NEAR:.*]] = arith.cmpf olt, %[[RATIO]], %[[FAR]]
// CHECK: arith.select %[[IS_NEAR]], %[[RATIO]], %[[FAR]]
// CHECK-COUNT-1: math.exp
// CHECK-COUNT-1: arith.divf
// CHECK-NOT: arith.divf
// CHECK: %[[MEAN:.*]] = math.fma %[[SIGMA]], %{{.*}}, %[[RECTIFIED]]
// CHECK: %[[IS_LOWER:.*]] = arith.cmpf oge, %[[ZERO]], %[[M]]
// CHECK: %[[WITH_SQUARE:.*]] = arith.select %[[IS_LOWER]], %{{.*}}, %{{.*}}
// CHECK: %[[SHARE:.*]] = math.fma %{{.*}}, %{{.*}}, %[[WITH_SQUARE]]
// CHECK: %[[VARIANCE:.*]] = arith.mulf %[[V]], %[[SHARE]]
// CHECK: linalg.yield %[[MEAN]], %[[VARIANCE]]
func.func @relu_gaussian(%x: !gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x3xf32>) -> !gauss.tensor<4x3xf32>
  return %0 : !gauss.tensor<4x3xf32>
}

// CHECK-LABEL: func.func @relu_scalar
// CHECK: linalg.generic {{.*}} iterator_types = []
func.func @relu_scalar(%x: !gauss.tensor<f32>) -> !gauss.tensor<f32> {
  %0 = gauss.relu %x : (!gauss.tensor<f32>) -> !gauss.tensor<f32>
  return %0 : !gauss.tensor<f32>
}

// CHECK-LABEL: func.func @add_deterministic
// CHECK: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: linalg.yield %[[SUM]] : f32
func.func @add_deterministic(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = gauss.add %x, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @add_gaussian
// CHECK: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[Y:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[MEAN:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: %[[VARIANCE:.*]] = arith.addf %[[V]], %[[W]]
// CHECK-NEXT: linalg.yield %[[MEAN]], %[[VARIANCE]]
func.func @add_gaussian(%x: !gauss.tensor<3xf32>, %y: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %y : (!gauss.tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

// CHECK-LABEL: func.func @add_mixed
// CHECK: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[MEAN:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: linalg.yield %[[MEAN]], %[[W]]
func.func @add_mixed(%x: tensor<3xf32>, %y: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %y : (tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

// An operand that is added to itself is taken as two independent ones.
// CHECK-LABEL: func.func @add_itself
// CHECK: ^bb0(%[[X:.*]]: f32, %[[V:.*]]: f32, %[[Y:.*]]: f32, %[[W:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK-NEXT: arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: arith.addf %[[V]], %[[W]]
func.func @add_itself(%x: !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32> {
  %0 = gauss.add %x, %x : (!gauss.tensor<3xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<3xf32>
  return %0 : !gauss.tensor<3xf32>
}

// The deviation is computed once per channel, then the input is centred before it
// is scaled.
// CHECK-LABEL: func.func @batch_norm_gaussian_input
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<2xf32>)
// CHECK-NEXT: ^bb0(%[[RV:.*]]: f32, %{{.*}}: f32):
// CHECK: %[[EPSILON:.*]] = arith.constant 1.000000e-03
// CHECK: %[[SUM:.*]] = arith.addf %[[RV]], %[[EPSILON]]
// CHECK: %[[DEVIATION:.*]] = math.sqrt %[[SUM]]
// CHECK: linalg.yield %[[DEVIATION]]
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%[[M:.*]]: f32, %[[V:.*]]: f32, %[[GAMMA:.*]]: f32, %[[BETA:.*]]: f32, %[[RM:.*]]: f32, %[[D:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[CENTRED:.*]] = arith.subf %[[M]], %[[RM]]
// CHECK: %[[INVERSE:.*]] = arith.divf %{{.*}}, %[[D]]
// CHECK: %[[NORMALISED:.*]] = arith.mulf %[[CENTRED]], %[[INVERSE]]
// CHECK: %[[MEAN:.*]] = math.fma %[[NORMALISED]], %[[GAMMA]], %[[BETA]]
// CHECK: linalg.yield %[[MEAN]], %{{.*}}
func.func @batch_norm_gaussian_input(%x: !gauss.tensor<?x2x3x3xf32>, %c: tensor<2xf32>) -> !gauss.tensor<?x2x3x3xf32> {
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 1.0e-3
    : (!gauss.tensor<?x2x3x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x3x3xf32>
  return %0 : !gauss.tensor<?x2x3x3xf32>
}

// A Gaussian gamma makes variance from the square of the normalised input.
// CHECK-LABEL: func.func @batch_norm_gaussian_gamma
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%{{[^:]+}}: f32, %{{[^:]+}}: f32, %[[S:[^:]+]]: f32,
// CHECK: %[[NORMALISED:.*]] = arith.mulf
// CHECK: %[[SQUARE:.*]] = arith.mulf %[[NORMALISED]], %[[NORMALISED]]
// CHECK: %[[VARIANCE:.*]] = arith.mulf %[[SQUARE]], %[[S]]
// CHECK: linalg.yield %{{.*}}, %[[VARIANCE]]
func.func @batch_norm_gaussian_gamma(%x: tensor<5x2xf32>, %gamma: !gauss.tensor<2xf32>, %c: tensor<2xf32>) -> !gauss.tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %gamma, %c, %c, %c
    : (tensor<5x2xf32>, !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<5x2xf32>
  return %0 : !gauss.tensor<5x2xf32>
}

// CHECK-LABEL: func.func @batch_norm_gaussian_beta
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-NEXT: ^bb0(%{{[^:]+}}: f32, %{{[^:]+}}: f32, %{{[^:]+}}: f32, %[[S:[^:]+]]: f32,
// CHECK: linalg.yield %{{.*}}, %[[S]]
func.func @batch_norm_gaussian_beta(%x: tensor<5x2xf32>, %beta: !gauss.tensor<2xf32>, %c: tensor<2xf32>) -> !gauss.tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %c, %beta, %c, %c
    : (tensor<5x2xf32>, tensor<2xf32>, !gauss.tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<5x2xf32>
  return %0 : !gauss.tensor<5x2xf32>
}

// CHECK-LABEL: func.func @batch_norm_deterministic
// CHECK-SAME: -> tensor<5x2xf32>
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK: math.fma
// CHECK-NEXT: linalg.yield %{{[^,]*}} : f32
func.func @batch_norm_deterministic(%x: tensor<5x2xf32>, %c: tensor<2xf32>) -> tensor<5x2xf32> {
  %0 = gauss.batch_norm %x, %c, %c, %c, %c
    : (tensor<5x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<5x2xf32>
  return %0 : tensor<5x2xf32>
}
