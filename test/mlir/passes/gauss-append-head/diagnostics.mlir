// RUN: pfp-opt %s --split-input-file --gauss-append-head=head=mean-field --verify-diagnostics
// RUN: not pfp-opt %s --gauss-append-head 2>&1 | FileCheck %s --check-prefix=HEAD
// RUN: not pfp-opt %s --gauss-append-head=head=softmax 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not pfp-opt %s --gauss-append-head=head=sample:0 2>&1 | FileCheck %s --check-prefix=DRAWS
// RUN: not pfp-opt %s --gauss-append-head=head=interval:1 2>&1 | FileCheck %s --check-prefix=COVERAGE
// RUN: not pfp-opt %s --gauss-append-head="head=laplace reject-aleatoric=-1" 2>&1 | FileCheck %s --check-prefix=NATS
// RUN: not pfp-opt %s --gauss-append-head="head=laplace seed=1" 2>&1 | FileCheck %s --check-prefix=SEED
// RUN: not pfp-opt %s --gauss-append-head="head=sample:9 seed=-1" 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not pfp-opt %s --gauss-append-head="head=laplace noise-variance=1" 2>&1 | FileCheck %s --check-prefix=NOISE
// RUN: not pfp-opt %s --gauss-append-head="head=interval:0.5 reject-epistemic=1" 2>&1 | FileCheck %s --check-prefix=THRESHOLD
// RUN: not pfp-opt %s --gauss-append-head="head=sigmoid seed=1" 2>&1 | FileCheck %s --check-prefix=LABEL
// RUN: not pfp-opt %s --gauss-append-head="head=laplace function=other" 2>&1 | FileCheck %s --check-prefix=FUNCTION

// HEAD: error: 'builtin.module' op gauss-append-head needs head=HEAD
// KIND: error: 'builtin.module' op no head 'softmax'; known: mean-field, laplace, sample:DRAWS, sigmoid, interval:COVERAGE
// DRAWS: error: 'builtin.module' op the number of draws in 'sample:0' is not from 1 to 65536
// COVERAGE: error: 'builtin.module' op the coverage '1' is not a number between 0 and 1
// NATS: error: 'builtin.module' op reject-aleatoric: '-1' is not a finite number of at least 0
// SEED: error: 'builtin.module' op the head laplace takes no seed: it draws nothing
// NUMBER: error: 'builtin.module' op seed: '-1' is not a number below 2^64
// NOISE: error: 'builtin.module' op the head laplace takes no noise variance: it is for the interval of a regression
// THRESHOLD: error: 'builtin.module' op the head interval:0.5 takes no thresholds: it makes no decision
// LABEL: error: 'builtin.module' op the head sigmoid takes no seed: it draws nothing
// FUNCTION: error: 'builtin.module' op has no public function 'other' for the head

// expected-error @+1 {{returns 2 values; a head is for one}}
func.func @two(%x: tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  return %x, %x : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// expected-error @+1 {{returns tensor<1x2x2xf32>, which are no logits: a row of classes for each item}}
func.func @image(%x: tensor<1x2x2xf32>) -> tensor<1x2x2xf32> {
  return %x : tensor<1x2x2xf32>
}

// -----

// expected-error @+1 {{returns !gauss.tensor<?x1xf32>, 1 logit for each item: the head is for 2 or more classes; a binary classifier takes the head 'sigmoid'}}
func.func @one(%x: !gauss.tensor<?x1xf32>) -> !gauss.tensor<?x1xf32> {
  return %x : !gauss.tensor<?x1xf32>
}

// -----

func.func @callee(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  return %x : tensor<1x2xf32>
}

func.func private @caller(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  // expected-error @+1 {{calls a function that gets a head and more results with it}}
  %0 = call @callee(%x) : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}
