// pfp-opt is mlir-opt with one more dialect and a few more passes.

// RUN: pfp-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: pfp-opt --help | FileCheck %s --check-prefix=HELP
// RUN: pfp-opt %s --lower-gauss --canonicalize --cse | FileCheck %s
// RUN: pfp-opt %s --pass-pipeline='builtin.module(lower-gauss,canonicalize,cse)' | FileCheck %s
// RUN: pfp-opt < %s --lower-gauss | FileCheck %s
// Passes of MLIR that look at functions run beside those that look at modules.
// RUN: pfp-opt %s --pass-pipeline='builtin.module(lower-gauss,func.func(linalg-fuse-elementwise-ops))' | FileCheck %s

// RUN: pfp-opt %s --gauss-to-linalg --mlir-print-ir-after-all 2>&1 | FileCheck %s --check-prefix=PRINT
// RUN: pfp-opt %s --gauss-to-linalg --mlir-print-ir-before=lower-gauss 2>&1 | FileCheck %s --check-prefix=BEFORE
// RUN: pfp-opt %s --lower-gauss --mlir-timing 2>&1 | FileCheck %s --check-prefix=TIMING
// RUN: pfp-opt %s --gauss-set-batch=n=2 --lower-gauss --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=DUMP
// RUN: not pfp-opt %s --lower-gauss-fast 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// A byte order mark of UTF-8 is skipped, one of UTF-16 named.
// RUN: (printf '\357\273\277'; cat %s) | pfp-opt --lower-gauss --canonicalize --cse | FileCheck %s
// RUN: printf '\377\376f' | not pfp-opt 2>&1 | FileCheck %s --check-prefix=ENCODING
// RUN: not pfp-opt %s.absent 2>&1 | FileCheck %s --check-prefix=ABSENT

// DIALECTS: {{(^|,)}}gauss{{(,|$)}}

// ENCODING: 1:1: error: this text is UTF-16, by its byte order mark

// HELP-DAG: --gauss-set-batch {{.*}}Fix the leading dynamic dimension
// HELP-DAG: --lower-gauss {{.*}}Lower the gauss dialect
// HELP-DAG: --gauss-to-llvm {{.*}}Lower gauss to the LLVM dialect
// HELP-DAG: --one-shot-bufferize

// CHECK-LABEL: func.func @net
// CHECK: linalg.generic

// PRINT: IR Dump After gauss-fold-batch-norm (gauss-fold-batch-norm)
// PRINT: gauss.relu
// PRINT: IR Dump After lower-gauss (lower-gauss)
// PRINT-NOT: gauss.relu

// BEFORE-COUNT-1: IR Dump Before lower-gauss
// BEFORE-NOT: IR Dump

// TIMING: Execution time report
// TIMING: lower-gauss

// UNKNOWN: Unknown command line argument '--lower-gauss-fast'
// ABSENT: error: cannot read {{.*}}pfp-opt.mlir.absent: No such file or directory

// DUMP: gauss-set-batch
// DUMP: lower-gauss
func.func @net(%x: !gauss.tensor<4x2xf32>) -> !gauss.tensor<4x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<4x2xf32>) -> !gauss.tensor<4x2xf32>
  return %0 : !gauss.tensor<4x2xf32>
}
