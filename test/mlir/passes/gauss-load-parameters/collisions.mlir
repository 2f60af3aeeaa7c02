// A tensor of the file belongs to one parameter, and a parameter has one kind and one shape. The
// lowering says so too where no file is loaded.

// RUN: not pfp-opt %s -split-input-file --gauss-load-parameters=file=%S/Inputs/ok.safetensors 2>&1 | FileCheck %s
// RUN: not pfp-opt %s -split-input-file --lower-gauss 2>&1 | FileCheck %s

// Flax calls running statistics `mean` and `var`.
func.func @statistics() -> (!gauss.tensor<3xf32>, tensor<3xf32>) {
  %g = gauss.parameter "bn" : !gauss.tensor<3xf32>
  // CHECK: collisions.mlir:[[@LINE+2]]:8: error: 'gauss.parameter' op reads the tensor 'bn.mean' for the deterministic parameter 'bn.mean', but the Gaussian parameter 'bn' reads the same tensor; rename one of the two, in the module and in the parameter file, such as 'bn.mean' to 'bn.running_mean'
  // CHECK: collisions.mlir:[[@LINE-2]]:8: note: the Gaussian parameter 'bn' reads 'bn.mean'
  %m = gauss.parameter "bn.mean" : tensor<3xf32>
  return %g, %m : !gauss.tensor<3xf32>, tensor<3xf32>
}

// -----

// The other way round, in two functions, below another op.
func.func @plain() -> tensor<3xf32> {
  %v = gauss.parameter "bn.var" : tensor<3xf32>
  return %v : tensor<3xf32>
}

func.func @nested(%c: i1, %x: !gauss.tensor<3xf32>) {
  scf.if %c {
    // CHECK: collisions.mlir:[[@LINE+1]]:10: error: 'gauss.parameter' op reads the tensor 'bn.var' for the Gaussian parameter 'bn', but the deterministic parameter 'bn.var' reads the same tensor; rename one of the two, in the module and in the parameter file, such as 'bn.var' to 'bn.running_var'
    %g = gauss.parameter "bn" : !gauss.tensor<3xf32>
  }
  return
}

// -----

func.func @shapes() -> (tensor<3xf32>, tensor<4xf32>) {
  %0 = gauss.parameter "b" : tensor<3xf32>
  // CHECK: collisions.mlir:[[@LINE+2]]:8: error: 'gauss.parameter' op declares the parameter 'b' as tensor<4xf32>, but another op declares it as tensor<3xf32>
  // CHECK: collisions.mlir:[[@LINE-2]]:8: note: 'b' is tensor<3xf32> here
  %1 = gauss.parameter "b" : tensor<4xf32>
  return %0, %1 : tensor<3xf32>, tensor<4xf32>
}

// -----

func.func @kinds() -> (tensor<3xf32>, !gauss.tensor<3xf32>) {
  %0 = gauss.parameter "b" : tensor<3xf32>
  // CHECK: collisions.mlir:[[@LINE+1]]:8: error: 'gauss.parameter' op declares the parameter 'b' as !gauss.tensor<3xf32>, but another op declares it as tensor<3xf32>
  %1 = gauss.parameter "b" : !gauss.tensor<3xf32>
  return %0, %1 : tensor<3xf32>, !gauss.tensor<3xf32>
}
