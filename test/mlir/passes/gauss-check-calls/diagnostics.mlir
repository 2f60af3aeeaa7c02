// RUN: pfp-opt %s --split-input-file --verify-diagnostics --gauss-check-calls
// The pipelines check before they inline.
// RUN: not pfp-opt %s --split-input-file --gauss-to-linalg 2>&1 | FileCheck %s

// CHECK: error: 'func.call' op is recursive
func.func @itself(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  // expected-error @+1 {{'func.call' op is recursive: a network is a function that ends}}
  %0 = call @itself(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}

// -----

func.func private @one(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @other(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}

// CHECK: error: 'func.call' op is recursive
func.func private @other(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  // expected-error @+1 {{'func.call' op is recursive}}
  %0 = call @one(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}

// -----

// Forty levels that call the next one twice: 2^40 layers.
func.func private @f0(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %0 : !gauss.tensor<1x4xf32>
}

// CHECK: error: 'func.func' op has 5117 ops when its calls are inlined; the most is 4096
func.func @f40(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f39(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f39(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f39(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f38(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f38(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f38(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f37(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f37(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f37(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f36(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f36(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f36(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f35(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f35(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f35(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f34(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f34(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f34(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f33(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f33(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f33(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f32(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f32(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f32(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f31(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f31(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f31(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f30(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f30(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f30(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f29(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f29(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f29(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f28(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f28(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f28(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f27(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f27(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f27(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f26(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f26(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f26(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f25(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f25(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f25(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f24(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f24(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f24(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f23(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f23(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f23(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f22(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f22(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f22(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f21(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f21(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f21(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f20(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f20(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f20(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f19(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f19(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f19(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f18(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f18(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f18(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f17(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f17(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f17(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f16(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f16(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f16(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f15(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f15(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f15(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f14(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f14(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f14(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f13(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f13(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f13(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f12(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f12(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f12(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f11(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f11(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f11(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f10(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f10(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
// expected-error @+1 {{has 5117 ops when its calls are inlined; the most is 4096: call less often}}
func.func private @f10(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f9(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f9(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f9(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f8(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f8(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f8(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f7(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f7(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f7(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f6(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f6(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f6(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f5(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f5(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f5(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f4(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f4(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f4(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f3(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f3(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f3(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f2(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f2(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f2(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f1(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f1(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
func.func private @f1(%x: !gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32> {
  %0 = call @f0(%x) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  %1 = call @f0(%0) : (!gauss.tensor<1x4xf32>) -> !gauss.tensor<1x4xf32>
  return %1 : !gauss.tensor<1x4xf32>
}
