// Known moments, computed by stock MLIR from what the pass leaves.

// RUN: pfp-opt %s --lower-gauss \
// RUN:   | mlir-opt --pass-pipeline='builtin.module( \
// RUN:     canonicalize, \
// RUN:     one-shot-bufferize{bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map}, \
// RUN:     convert-linalg-to-loops, convert-scf-to-cf, expand-strided-metadata, lower-affine, \
// RUN:     convert-math-to-llvm, convert-math-to-libm, finalize-memref-to-llvm, convert-arith-to-llvm, \
// RUN:     convert-func-to-llvm, convert-cf-to-llvm, reconcile-unrealized-casts)' \
// RUN:   | mlir-runner -e main --entry-point-result=void \
// RUN:       --shared-libs=%{lib}/libmlir_c_runner_utils.so,%{lib}/libmlir_runner_utils.so \
// RUN:   | FileCheck %s

func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}

func.func @main() {
  call @relu() : () -> ()
  call @dense() : () -> ()
  call @max_pool2d() : () -> ()
  call @avg_pool2d() : () -> ()
  call @batch_norm() : () -> ()
  call @conv2d() : () -> ()
  return
}

// The unit Gaussian gives 1/√(2π) and ½ − 1/2π, a zero variance the plain maximum.
func.func @relu() {
  %x = gauss.constant mean(dense<[0.0, 1.0, -1.0, 2.0, -2.0, 0.0]> : tensor<6xf32>)
                      variance(dense<[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]> : tensor<6xf32>) : !gauss.tensor<6xf32>
  %y = gauss.relu %x : (!gauss.tensor<6xf32>) -> !gauss.tensor<6xf32>
  %mean = gauss.mean %y : !gauss.tensor<6xf32>
  %variance = gauss.variance %y : !gauss.tensor<6xf32>
  // CHECK: data =
  // CHECK-NEXT: [0.398942, 1.08332, 0.0833155, 2, 0, 0]
  %0 = tensor.cast %mean : tensor<6xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: [0.340845, 0.751088, 0.0683983, 0, 0, 0]
  %1 = tensor.cast %variance : tensor<6xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  return
}

// (3 ± 1)(2 ± 4) + (1 ± 0)(5 ± 1) + (1 ± 0.5): the mean is 6 + 5 + 1; the variance
// is 9·4 + 1·(4 + 4) + 1·1 + 0.5.
func.func @dense() {
  %x = gauss.constant mean(dense<[[3.0, 1.0]]> : tensor<1x2xf32>)
                      variance(dense<[[1.0, 0.0]]> : tensor<1x2xf32>) : !gauss.tensor<1x2xf32>
  %w = gauss.constant mean(dense<[[2.0, 5.0]]> : tensor<1x2xf32>)
                      variance(dense<[[4.0, 1.0]]> : tensor<1x2xf32>) : !gauss.tensor<1x2xf32>
  %b = gauss.constant mean(dense<1.0> : tensor<1xf32>) variance(dense<0.5> : tensor<1xf32>) : !gauss.tensor<1xf32>
  %y = gauss.dense %x, %w, %b
    : (!gauss.tensor<1x2xf32>, !gauss.tensor<1x2xf32>, !gauss.tensor<1xf32>) -> !gauss.tensor<1x1xf32>
  %mean = gauss.mean %y : !gauss.tensor<1x1xf32>
  %variance = gauss.variance %y : !gauss.tensor<1x1xf32>
  // CHECK: data =
  // CHECK-NEXT: {{\[\[}}12]]
  %0 = tensor.cast %mean : tensor<1x1xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[}}45.5]]
  %1 = tensor.cast %variance : tensor<1x1xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  return
}

// Two unit Gaussians: 1/√π and 1 − 1/π. Beside padding a Gaussian stays what it is.
func.func @max_pool2d() {
  %x = gauss.constant mean(dense<0.0> : tensor<1x1x1x2xf32>)
                      variance(dense<1.0> : tensor<1x1x1x2xf32>) : !gauss.tensor<1x1x1x2xf32>
  %y = gauss.max_pool2d %x kernel [1, 2] padding [0, 1, 0, 1]
    : (!gauss.tensor<1x1x1x2xf32>) -> !gauss.tensor<1x1x1x3xf32>
  %mean = gauss.mean %y : !gauss.tensor<1x1x1x3xf32>
  %variance = gauss.variance %y : !gauss.tensor<1x1x1x3xf32>
  // CHECK: data =
  // The exponential of the C library has denormal results; that of compiled code has none.
// CHECK-NEXT: {{\[\[\[\[}}1.4{{[0-9]*}}e-41, 0.56419, 1.4{{[0-9]*}}e-41]]]]
  %0 = tensor.cast %mean : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}1, 0.68169, 1]]]]
  %1 = tensor.cast %variance : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  return
}

// (2 ± 4 + 6 ± 8)/2 in the middle; at both ends one element, with and without the
// padding beside it in the count.
func.func @avg_pool2d() {
  %x = gauss.constant mean(dense<[[[[2.0, 6.0]]]]> : tensor<1x1x1x2xf32>)
                      variance(dense<[[[[4.0, 8.0]]]]> : tensor<1x1x1x2xf32>) : !gauss.tensor<1x1x1x2xf32>
  %y = gauss.avg_pool2d %x kernel [1, 2] padding [0, 1, 0, 1]
    : (!gauss.tensor<1x1x1x2xf32>) -> !gauss.tensor<1x1x1x3xf32>
  %z = gauss.avg_pool2d %x kernel [1, 2] padding [0, 1, 0, 1] count_include_pad false
    : (!gauss.tensor<1x1x1x2xf32>) -> !gauss.tensor<1x1x1x3xf32>
  %ym = gauss.mean %y : !gauss.tensor<1x1x1x3xf32>
  %yv = gauss.variance %y : !gauss.tensor<1x1x1x3xf32>
  %zm = gauss.mean %z : !gauss.tensor<1x1x1x3xf32>
  %zv = gauss.variance %z : !gauss.tensor<1x1x1x3xf32>
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}1, 4, 3]]]]
  %0 = tensor.cast %ym : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}1, 3, 2]]]]
  %1 = tensor.cast %yv : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}2, 4, 6]]]]
  %2 = tensor.cast %zm : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%2) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}4, 3, 8]]]]
  %3 = tensor.cast %zv : tensor<1x1x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%3) : (tensor<*xf32>) -> ()
  return
}

// (7 ± 8 − 1)/√(3 + 1) = 3 ± 2, times 2 ± 1, plus 1 ± 0.5: the mean is 7, the
// variance 9·1 + 2·(4 + 1) + 0.5.
func.func @batch_norm() {
  %x = gauss.constant mean(dense<7.0> : tensor<1x1xf32>) variance(dense<8.0> : tensor<1x1xf32>) : !gauss.tensor<1x1xf32>
  %gamma = gauss.constant mean(dense<2.0> : tensor<1xf32>) variance(dense<1.0> : tensor<1xf32>) : !gauss.tensor<1xf32>
  %beta = gauss.constant mean(dense<1.0> : tensor<1xf32>) variance(dense<0.5> : tensor<1xf32>) : !gauss.tensor<1xf32>
  %running_mean = arith.constant dense<1.0> : tensor<1xf32>
  %running_variance = arith.constant dense<3.0> : tensor<1xf32>
  %y = gauss.batch_norm %x, %gamma, %beta, %running_mean, %running_variance epsilon 1.0
    : (!gauss.tensor<1x1xf32>, !gauss.tensor<1xf32>, !gauss.tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> !gauss.tensor<1x1xf32>
  %mean = gauss.mean %y : !gauss.tensor<1x1xf32>
  %variance = gauss.variance %y : !gauss.tensor<1x1xf32>
  // CHECK: data =
  // CHECK-NEXT: {{\[\[}}7]]
  %0 = tensor.cast %mean : tensor<1x1xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[}}19.5]]
  %1 = tensor.cast %variance : tensor<1x1xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  return
}

// Two groups of one channel each; the kernel reads every other element, from one
// step left of the image: 1·0 + 10·2, 1·1 + 10·3 and 1·2 + 10·0; then 2·0 + 20·5, ...
func.func @conv2d() {
  %x = arith.constant dense<[[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]]> : tensor<1x2x1x3xf32>
  %w = gauss.constant mean(dense<[[[[1.0, 10.0]]], [[[2.0, 20.0]]]]> : tensor<2x1x1x2xf32>)
                      variance(dense<[[[[0.0, 1.0]]], [[[1.0, 0.0]]]]> : tensor<2x1x1x2xf32>) : !gauss.tensor<2x1x1x2xf32>
  %y = gauss.conv2d %x, %w padding [0, 1, 0, 1] dilation [1, 2] groups 2
    : (tensor<1x2x1x3xf32>, !gauss.tensor<2x1x1x2xf32>) -> !gauss.tensor<1x2x1x3xf32>
  %mean = gauss.mean %y : !gauss.tensor<1x2x1x3xf32>
  %variance = gauss.variance %y : !gauss.tensor<1x2x1x3xf32>
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}20, 31, 2]],
  // CHECK-NEXT: {{\[\[}}100, 128, 10]]]]
  %0 = tensor.cast %mean : tensor<1x2x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%0) : (tensor<*xf32>) -> ()
  // CHECK: data =
  // CHECK-NEXT: {{\[\[\[\[}}4, 9, 0]],
  // CHECK-NEXT: {{\[\[}}0, 16, 25]]]]
  %1 = tensor.cast %variance : tensor<1x2x1x3xf32> to tensor<*xf32>
  call @printMemrefF32(%1) : (tensor<*xf32>) -> ()
  return
}
