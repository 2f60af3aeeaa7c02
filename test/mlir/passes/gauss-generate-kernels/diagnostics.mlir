// RUN: pfp-opt %s --gauss-generate-kernels=core=cortex-a72 -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-generate-kernels=core=cortex-m4 -split-input-file 2>&1 | FileCheck %s --check-prefix=CORE
// RUN: not pfp-opt %s --gauss-generate-kernels=cpu=cortex-a72 -split-input-file 2>&1 | FileCheck %s --check-prefix=OPTION

// CORE: error: {{.*}}unknown core 'cortex-m4'; known: host, x86-64,{{.*}} x86-64-v4, {{.*}}cortex-a53, {{.*}}cortex-a72, cortex-a76
// OPTION: gauss-generate-kernels: no option 'cpu'; known: core

#id = affine_map<(d0) -> (d0)>
func.func @double(%x: memref<8xf64>, %y: memref<8xf64>) {
  // expected-error @+1 {{'linalg.generic' op has an operand of type memref<8xf64>; buffers of f32 are compiled}}
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<8xf64>) outs(%y : memref<8xf64>) {
  ^bb0(%in: f64, %out: f64):
    linalg.yield %in : f64
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
func.func @scalar_operand(%x: f32, %y: memref<8xf32>) {
  // expected-error @+1 {{'linalg.generic' op has an operand of type f32; buffers of f32 are compiled}}
  linalg.generic {indexing_maps = [#none, #id], iterator_types = ["parallel"]} ins(%x : f32) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
func.func @dynamic_size(%x: memref<?xf32>, %y: memref<?xf32>) {
  // expected-error @+1 {{'linalg.generic' op has a loop whose trip count is not known}}
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
func.func @dynamic_stride(%x: memref<8xf32, strided<[?]>>, %y: memref<8xf32>) {
  // expected-error @+1 {{'linalg.generic' op has an operand of type memref<8xf32, strided<[?]>>; its strides must be static}}
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<8xf32, strided<[?]>>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
func.func @tensors(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'linalg.generic' op is not on buffers}}
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%y : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

#id = affine_map<(d0) -> (d0)>
#modulo = affine_map<(d0) -> (d0 mod 4)>
func.func @modulo(%x: memref<4xf32>, %y: memref<8xf32>) {
  // expected-error @+1 {{'linalg.generic' op has an indexing map that is not linear}}
  linalg.generic {indexing_maps = [#modulo, #id], iterator_types = ["parallel"]} ins(%x : memref<4xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
func.func @writes_along_a_reduction(%x: memref<8xf32>, %y: memref<8xf32>) {
  // expected-error @+1 {{'linalg.generic' op writes along a reduction}}
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["reduction"]} ins(%x : memref<8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}
