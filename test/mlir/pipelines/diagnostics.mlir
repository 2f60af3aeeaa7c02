// RUN: not pfp-opt %s --gauss-to-llvm=core=cortex-m4 2>&1 | FileCheck %s --check-prefix=CORE
// RUN: not pfp-opt %s --gauss-to-kernels=core=cortex-m4 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: not pfp-opt %s --gauss-to-llvm=batch=1 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not pfp-opt %s --gauss-to-linalg=core=host 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not pfp-opt %s --pass-pipeline='builtin.module(gauss-to-llvm{core=nothing})' 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: not pfp-opt %s --pass-pipeline='builtin.module(gauss-to-wasm)' 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not pfp-opt %s --pass-pipeline='builtin.module(func.func(lower-gauss))' 2>&1 | FileCheck %s --check-prefix=ANCHOR
// RUN: not pfp-opt %s --gauss-to-llvm 2>&1 | FileCheck %s --check-prefix=BATCH

// CORE: gauss-to-llvm: unknown core 'cortex-m4'; known: host, {{.*}}cortex-a72
// KERNELS: gauss-to-kernels: unknown core 'cortex-m4'; known: host, {{.*}}cortex-a72
// OPTION: gauss-to-llvm: no option 'batch'; known: core
// NONE: gauss-to-linalg: no option 'core'; known: mode, samples, seed, draws
// TEXT: gauss-to-llvm: unknown core 'nothing'
// UNKNOWN: 'gauss-to-wasm' does not refer to a registered pass or pass pipeline
// ANCHOR: Can't add pass 'lower-gauss' restricted to 'builtin.module' on a PassManager intended to run on 'func.func'
// BATCH: diagnostics.mlir:[[@LINE+1]]:1: error: 'func.func' op has an argument or result of type tensor<?x2xf32>; it must be an f32 tensor of fixed size (is the batch set?)
func.func @net(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}
