// gauss-to-llvm: the whole road, to a module that LLVM translates. The only symbol
// that others see is the C function; nothing is called that is not in the module.

// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-llvm=core=cortex-a72 > %t.mlir
// RUN: FileCheck %s < %t.mlir --implicit-check-not=unrealized_conversion_cast
// RUN: mlir-translate --mlir-to-llvmir %t.mlir -o %t.ll && FileCheck %s --check-prefix=LLVM < %t.ll
// RUN: llc -mtriple=aarch64-linux-gnu -mcpu=cortex-a72 -O2 -filetype=obj %t.ll -o %t.o
// RUN: llvm-nm --defined-only --extern-only --just-symbol-name %t.o | FileCheck %s --check-prefix=DEFINED
// RUN: llvm-nm --undefined-only --just-symbol-name %t.o | not grep -v -x -E 'mem(cpy|set|move)'

// The same for a host: with AVX-512, and without fused multiply-add.
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-llvm=core=x86-64-v4 | mlir-translate --mlir-to-llvmir \
// RUN:   | llc -mtriple=x86_64-linux-gnu -mcpu=x86-64-v4 -O2 -relocation-model=pic -filetype=obj -o %t.v4.o
// RUN: llvm-nm --undefined-only --just-symbol-name %t.v4.o | not grep -v -x -E 'mem(cpy|set|move)'
// RUN: llvm-objdump -d --no-show-raw-insn %t.v4.o | FileCheck %s --check-prefix=AVX512
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-llvm=core=x86-64 | mlir-translate --mlir-to-llvmir \
// RUN:   | llc -mtriple=x86_64-linux-gnu -mcpu=x86-64 -O2 -relocation-model=pic -filetype=obj -o %t.v1.o
// RUN: llvm-nm --undefined-only --just-symbol-name %t.v1.o | not grep -v -x -E 'mem(cpy|set|move)'

// The same text in, the same text out.
// RUN: pfp-opt %s --gauss-set-batch=n=1 --gauss-to-llvm=core=cortex-a72 | diff %t.mlir -

// CHECK: llvm.func @pfp_net(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK-SAME: gauss.arena_bytes = {{[0-9]+}} : i64
// CHECK: llvm.call @net
// CHECK-NOT: llvm.call @
// CHECK: llvm.func internal @net
// CHECK-SAME: llvm.align = 64

// LLVM-NOT: declare {{.*}}@malloc
// LLVM-NOT: declare {{.*}}@{{exp|erf|sqrt|fma}}f
// LLVM: define i32 @pfp_net(ptr %{{[0-9]+}}, ptr %{{[0-9]+}}, ptr %{{[0-9]+}}, ptr %{{[0-9]+}})
// LLVM: define internal void @net.network(ptr noalias

// DEFINED: {{^}}pfp_net{{$}}
// DEFINED-NOT: {{.}}

// AVX512: zmm

func.func @net(%x: tensor<?x1x8x8xf32>) -> !gauss.tensor<?x3xf32> {
  %k = gauss.constant mean(dense<0.5> : tensor<2x1x3x3xf32>) variance(dense<0.25> : tensor<2x1x3x3xf32>) : !gauss.tensor<2x1x3x3xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %w = gauss.constant mean(dense<0.5> : tensor<3x18xf32>) variance(dense<0.25> : tensor<3x18xf32>) : !gauss.tensor<3x18xf32>
  %b = gauss.constant mean(dense<0.5> : tensor<3xf32>) variance(dense<0.25> : tensor<3xf32>) : !gauss.tensor<3xf32>
  %0 = gauss.conv2d %x, %k : (tensor<?x1x8x8xf32>, !gauss.tensor<2x1x3x3xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %1 = gauss.batch_norm %0, %c, %c, %c, %c
    : (!gauss.tensor<?x2x6x6xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %2 = gauss.relu %1 : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x6x6xf32>
  %3 = gauss.max_pool2d %2 kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x6x6xf32>) -> !gauss.tensor<?x2x3x3xf32>
  %4 = gauss.flatten %3 : (!gauss.tensor<?x2x3x3xf32>) -> !gauss.tensor<?x18xf32>
  %5 = gauss.dense %4, %w, %b
    : (!gauss.tensor<?x18xf32>, !gauss.tensor<3x18xf32>, !gauss.tensor<3xf32>) -> !gauss.tensor<?x3xf32>
  return %5 : !gauss.tensor<?x3xf32>
}
