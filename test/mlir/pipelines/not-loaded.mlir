// Without a parameter file a network compiles all the same: its parameters are
// constants of another object, read where they are.

// RUN: pfp-opt %s --gauss-to-kernels=core=cortex-a72 | FileCheck %s --implicit-check-not=memref.alloc --implicit-check-not=linalg.
// RUN: pfp-opt %s --gauss-to-llvm=core=cortex-a72 | mlir-translate --mlir-to-llvmir -o %t.ll
// RUN: FileCheck %s --check-prefix=LLVM < %t.ll
// The names are undefined symbols of the object.
// RUN: llc -mtriple=aarch64-linux-gnu -filetype=obj %t.ll -o %t.o
// RUN: llvm-nm --undefined-only --just-symbol-name %t.o | FileCheck %s --check-prefix=UNDEFINED

// LLVM-DAG: @fc.weight.mean = external constant
// LLVM-DAG: @fc.weight.var = external constant
// UNDEFINED: {{^}}fc.weight.mean{{$}}
// UNDEFINED-NEXT: {{^}}fc.weight.var{{$}}

// CHECK-DAG: memref.global constant @fc.weight.mean : memref<2x3xf32>
// CHECK-DAG: memref.global constant @fc.weight.var : memref<2x3xf32>
// CHECK-LABEL: func.func @net
// CHECK-DAG: memref.get_global @fc.weight.mean
// CHECK-DAG: memref.get_global @fc.weight.var
// CHECK: math.fma {{.*}} : vector<{{.*}}xf32>
func.func @net(%x: tensor<4x3xf32>) -> !gauss.tensor<4x2xf32> {
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  %y = gauss.dense %x, %w : (tensor<4x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<4x2xf32>
  return %y : !gauss.tensor<4x2xf32>
}
