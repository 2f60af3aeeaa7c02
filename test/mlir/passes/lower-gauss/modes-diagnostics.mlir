// Modes that are none, and what has no meaning in one forward pass.

// RUN: pfp-opt %s --lower-gauss="mode=sample samples=2" -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --lower-gauss=mode=fast 2>&1 | FileCheck %s --check-prefix=MODE
// RUN: not pfp-opt %s --lower-gauss=mode=sample 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not pfp-opt %s --lower-gauss="mode=sample samples=0" 2>&1 | FileCheck %s --check-prefix=SAMPLES
// RUN: not pfp-opt %s --lower-gauss="mode=sample samples=1 seed=-1" 2>&1 | FileCheck %s --check-prefix=SEED
// RUN: not pfp-opt %s --lower-gauss="mode=mean samples=3" 2>&1 | FileCheck %s --check-prefix=EXTRA
// RUN: not pfp-opt %s --gauss-to-kernels="mode=fast" 2>&1 | FileCheck %s --check-prefix=PIPELINE

// MODE: 'mode' is moments, mean, sample or presampled, not 'fast'
// MISSING: mode=sample needs samples=N, the number of forward passes
// SAMPLES: the number of samples is from 1 to 16777216, not '0'
// SEED: 'seed' is a number from 0 to 18446744073709551615, not '-1'
// EXTRA: 'samples' is an option of the modes sample and presampled, not of 'mean'
// PIPELINE: gauss-to-kernels: 'mode' is moments, mean, sample or presampled, not 'fast'

// expected-error @+1 {{'func.func' op has a dynamic batch, of which no samples can be taken; fix it with --gauss-set-batch}}
func.func @dynamic(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}

// -----

func.func @mean_within(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  // expected-error @+1 {{'gauss.mean' op has no meaning within one forward pass, only as a result of the function}}
  %m = gauss.mean %x : !gauss.tensor<2xf32>
  %0 = gauss.add %m, %x : (tensor<2xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}

// -----

func.func @variance(%x: !gauss.tensor<2xf32>) -> tensor<2xf32> {
  // expected-error @+1 {{'gauss.variance' op has no meaning in one forward pass}}
  %v = gauss.variance %x : !gauss.tensor<2xf32>
  return %v : tensor<2xf32>
}

// -----

func.func private @inner(!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>

func.func @calls(%x: !gauss.tensor<2xf32>) -> !gauss.tensor<2xf32> {
  // expected-error @+1 {{'func.call' op must be inlined before samples can be taken; run --inline first}}
  %0 = call @inner(%x) : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %0 : !gauss.tensor<2xf32>
}
