// The predictive head: linalg ops with scalar bodies, a reduction over classes or draws
// each. Softmax and uncertainty of the same logits by the same method share all that is
// not their own.

// RUN: pfp-opt %s --lower-gauss --canonicalize | FileCheck %s --implicit-check-not='= gauss.'
// RUN: pfp-opt %s --lower-gauss | mlir-opt -o /dev/null

// One exponential of each pair of classes and one of each class, for both ops.
// CHECK-LABEL: func.func @shared
// CHECK-COUNT-2: math.exp
// CHECK-NOT: math.exp
// CHECK: math.log
// CHECK-NOT: math.exp
// CHECK: return
func.func @shared(%z: !gauss.tensor<?x10xf32>) -> (tensor<?x10xf32>, tensor<?x3xf32>) {
  %p = gauss.softmax %z method "mean-field" : (!gauss.tensor<?x10xf32>) -> tensor<?x10xf32>
  %u = gauss.uncertainty %z method "mean-field" : (!gauss.tensor<?x10xf32>) -> tensor<?x3xf32>
  return %p, %u : tensor<?x10xf32>, tensor<?x3xf32>
}

// What only the other op would need is gone.
// CHECK-LABEL: func.func @alone
// CHECK-NOT: math.log
// CHECK: return
func.func @alone(%z: !gauss.tensor<4x10xf32>) -> tensor<4x10xf32> {
  %p = gauss.softmax %z method "laplace" : (!gauss.tensor<4x10xf32>) -> tensor<4x10xf32>
  return %p : tensor<4x10xf32>
}

// Without a variance it is the softmax.
// CHECK-LABEL: func.func @deterministic
// CHECK-NOT: math.sqrt
// CHECK: return
func.func @deterministic(%z: tensor<4x10xf32>) -> tensor<4x10xf32> {
  %p = gauss.softmax %z method "mean-field" : (tensor<4x10xf32>) -> tensor<4x10xf32>
  return %p : tensor<4x10xf32>
}

// The draws are constants; the logits are not stored.
// CHECK-LABEL: func.func @draws
// CHECK: arith.constant dense<{{.*}}> : tensor<5x10xf32>
// CHECK-NOT: tensor<4x5x10xf32>
// CHECK: return
func.func @draws(%z: !gauss.tensor<4x10xf32>) -> tensor<4x10xf32> {
  %p = gauss.softmax %z method "sample" draws 5 : (!gauss.tensor<4x10xf32>) -> tensor<4x10xf32>
  return %p : tensor<4x10xf32>
}

// Thresholds are literals of the body.
// CHECK-LABEL: func.func @decide
// CHECK-DAG: arith.constant 2.500000e-01 : f32
// CHECK-DAG: arith.constant 5.000000e-01 : f32
// CHECK-DAG: arith.constant -1.000000e+00 : f32
// CHECK-DAG: arith.constant -2.000000e+00 : f32
func.func @decide(%p: tensor<?x4xf32>, %u: tensor<?x3xf32>) -> tensor<?xf32> {
  %d = gauss.decide %p, %u epistemic 0.25 aleatoric 0.5 : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?xf32>
  return %d : tensor<?xf32>
}

// The parts of the mixture are constants, and a reduction goes over them for each label.
// CHECK-LABEL: func.func @labels
// CHECK: arith.constant dense<{{.*}}> : tensor<19xf32>
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: math.sqrt
// CHECK: return
func.func @labels(%z: !gauss.tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2x3xf32>) {
  %p = gauss.binary_probability %z : (!gauss.tensor<?x2xf32>) -> tensor<?x2xf32>
  %u = gauss.binary_uncertainty %z : (!gauss.tensor<?x2xf32>) -> tensor<?x2x3xf32>
  return %p, %u : tensor<?x2xf32>, tensor<?x2x3xf32>
}

// Without a variance it is the sigmoid.
// CHECK-LABEL: func.func @deterministic_label
// CHECK-NOT: math.sqrt
// CHECK: return
func.func @deterministic_label(%z: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %p = gauss.binary_probability %z : (tensor<4x1xf32>) -> tensor<4x1xf32>
  return %p : tensor<4x1xf32>
}

// CHECK-LABEL: func.func @decide_labels
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 1] [%{{.*}}, 2, 1] [1, 1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 2] [%{{.*}}, 2, 1] [1, 1, 1]
// CHECK: return
func.func @decide_labels(%p: tensor<?x2xf32>, %u: tensor<?x2x3xf32>) -> tensor<?x2xf32> {
  %d = gauss.binary_decide %p, %u epistemic 0.25 : (tensor<?x2xf32>, tensor<?x2x3xf32>) -> tensor<?x2xf32>
  return %d : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @interval
// CHECK-DAG: dense<[-1.000000e+00, 1.000000e+00]> : tensor<2xf32>
// CHECK-DAG: arith.constant 1.959964{{.*}} : f32
func.func @interval(%y: !gauss.tensor<?x1xf32>) -> tensor<?x1x2xf32> {
  %i = gauss.interval %y coverage 0.95 : (!gauss.tensor<?x1xf32>) -> tensor<?x1x2xf32>
  return %i : tensor<?x1x2xf32>
}
