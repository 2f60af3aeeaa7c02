// With a parameter file, parameters are constants. Without one, they stay names:
// an external constant that the linker or another module defines, `.mean` and
// `.var` for a Gaussian one.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss.
// RUN: pfp-opt %s --gauss-load-parameters=file=%S/../gauss-load-parameters/Inputs/ok.safetensors --lower-gauss \
// RUN:   | FileCheck %s --check-prefix=LOADED --implicit-check-not=memref.global

// CHECK-DAG: memref.global constant @fc.weight.mean : memref<2x3xf32>
// CHECK-DAG: memref.global constant @fc.weight.var : memref<2x3xf32>
// CHECK-DAG: memref.global constant @fc.bias : memref<2xf32>

// CHECK-LABEL: func.func @net
// CHECK-DAG: %[[MEAN:.*]] = memref.get_global @fc.weight.mean : memref<2x3xf32>
// CHECK-DAG: %[[WM:.*]] = bufferization.to_tensor %[[MEAN]] restrict : memref<2x3xf32> to tensor<2x3xf32>
// CHECK-DAG: %[[VARIANCE:.*]] = memref.get_global @fc.weight.var : memref<2x3xf32>
// CHECK-DAG: %[[WV:.*]] = bufferization.to_tensor %[[VARIANCE]] restrict : memref<2x3xf32> to tensor<2x3xf32>
// CHECK-DAG: %[[BIAS:.*]] = memref.get_global @fc.bias : memref<2xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[WM]], %[[WV]] :

// LOADED-LABEL: func.func @net
// LOADED-DAG: arith.constant dense_resource<fc.weight.mean> : tensor<2x3xf32>
// LOADED-DAG: arith.constant dense_resource<fc.weight.var> : tensor<2x3xf32>
// LOADED-DAG: arith.constant dense_resource<fc.bias> : tensor<2xf32>
func.func @net(%x: tensor<?x3xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  %y = gauss.dense %x, %w, %b
    : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  return %y : !gauss.tensor<?x2xf32>
}

// A second use of a name is the same global.
// CHECK-NOT: memref.global
// CHECK-LABEL: func.func @again
// CHECK: memref.get_global @fc.bias
func.func @again() -> tensor<2xf32> {
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  return %b : tensor<2xf32>
}
