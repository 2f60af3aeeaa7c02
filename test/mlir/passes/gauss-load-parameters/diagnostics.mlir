// Each message names the parameter's line, the tensor and the file.

// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/missing.safetensors 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/empty.safetensors 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/extra.safetensors 2>&1 | FileCheck %s --check-prefix=EXTRA
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/misshaped.safetensors 2>&1 | FileCheck %s --check-prefix=MISSHAPED
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/negative.safetensors 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/nan.safetensors 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/infinite.safetensors 2>&1 | FileCheck %s --check-prefix=INFINITE
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/integer.safetensors 2>&1 | FileCheck %s --check-prefix=INTEGER
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/large.safetensors 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/prefixed.safetensors 2>&1 | FileCheck %s --check-prefix=PREFIXED
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/rho.safetensors 2>&1 | FileCheck %s --check-prefix=RHO
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/counter.safetensors 2>&1 | FileCheck %s --check-prefix=COUNTER
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/truncated.safetensors 2>&1 | FileCheck %s --check-prefix=TRUNCATED
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/make.py 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not pfp-opt %s --gauss-load-parameters=file=%S/Inputs/absent.safetensors 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not pfp-opt %s --gauss-load-parameters 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not pfp-opt %s --gauss-load-parameters=path=x 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not pfp-opt %s '--gauss-load-parameters=file="x' 2>&1 | FileCheck %s --check-prefix=QUOTE

func.func @net() -> (!gauss.tensor<2x3xf32>, tensor<2xf32>) {
  // PREFIXED: diagnostics.mlir:[[@LINE+11]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.mean', which {{.*}}prefixed.safetensors lacks
  // PREFIXED: note: the file has 'module.fc.weight.mean': leave out the prefix 'module.' in the export
  // RHO: diagnostics.mlir:[[@LINE+9]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.var', which {{.*}}rho.safetensors lacks
  // RHO: note: the file has 'fc.weight.rho', a rho: export softplus(rho)^2
  // INTEGER: diagnostics.mlir:[[@LINE+7]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.mean': it has the dtype I64 in {{.*}}integer.safetensors; parameters are F64, F32, F16 or BF16
  // LARGE: diagnostics.mlir:[[@LINE+6]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.var': it has 1e39 at element 2 in {{.*}}large.safetensors, which does not fit in float32
  // MISSING: diagnostics.mlir:[[@LINE+5]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.var', which {{.*}}missing.safetensors lacks
  // EMPTY: diagnostics.mlir:[[@LINE+4]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.mean', which {{.*}}empty.safetensors lacks
  // MISSHAPED: diagnostics.mlir:[[@LINE+3]]:8: error: 'gauss.parameter' op needs the tensor 'fc.weight.mean' with shape [2, 3], but in {{.*}}misshaped.safetensors it has [3, 2]
  // NEGATIVE: diagnostics.mlir:[[@LINE+2]]:8: error: 'gauss.parameter' op has 'fc.weight.var' as variance -0.5 at element 5; it must be finite and not negative
  // NAN: diagnostics.mlir:[[@LINE+1]]:8: error: 'gauss.parameter' op has 'fc.weight.var' as variance NaN at element 1; it must be finite and not negative
  %w = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>

  // One run tells of every bad parameter.
  // EMPTY: diagnostics.mlir:[[@LINE+2]]:8: error: 'gauss.parameter' op needs the tensor 'fc.bias', which {{.*}}empty.safetensors lacks
  // INFINITE: diagnostics.mlir:[[@LINE+1]]:8: error: 'gauss.parameter' op has 'fc.bias' as value inf at element 1; it must be finite
  %b = gauss.parameter "fc.bias" : tensor<2xf32>
  return %w, %b : !gauss.tensor<2x3xf32>, tensor<2xf32>
}

// EXTRA: error: {{.*}}extra.safetensors has 2 tensor(s) that no parameter of the module reads: 'fc2.weight.mean', 'fc3'
// EXTRA: note: the parameter nearest to 'fc2.weight.mean' is 'fc.weight'
// COUNTER: error: {{.*}}counter.safetensors has 1 tensor(s) that no parameter of the module reads: 'bn.num_batches_tracked'
// COUNTER: note: num_batches_tracked counts steps of training: leave it out of the file
// TRUNCATED: error: {{.*}}truncated.safetensors is not a valid safetensors file: its header claims {{[0-9]+}} bytes, but only 92 follow: truncated?
// FORMAT: error: {{.*}}make.py is not a valid safetensors file
// ABSENT: error: {{.*}}cannot read {{.*}}absent.safetensors: No such file or directory
// NOFILE: error: {{.*}}gauss-load-parameters needs file=PATH
// OPTION: error: gauss-load-parameters: no option 'path'; known: file
// QUOTE: error: gauss-load-parameters: the value of 'file' has no closing quote
