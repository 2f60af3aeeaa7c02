// RUN: not pfp-opt %s --gauss-set-batch 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not pfp-opt %s --gauss-set-batch=n=0 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not pfp-opt %s --gauss-set-batch=n=-4 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not pfp-opt %s --gauss-set-batch=n=four 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not pfp-opt %s --gauss-set-batch=n=1073741825 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not pfp-opt %s --gauss-set-batch=batch=4 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// MISSING: error: {{.*}}gauss-set-batch needs n=SIZE
// ZERO: error: {{.*}}the batch '0' is not a number in 1..=2^30
// NEGATIVE: error: {{.*}}the batch '-4' is not a number in 1..=2^30
// WORD: error: {{.*}}the batch 'four' is not a number in 1..=2^30
// LARGE: error: {{.*}}the batch '1073741825' is not a number in 1..=2^30
// UNKNOWN: error: gauss-set-batch: no option 'batch'; known: n

func.func @net(%x: !gauss.tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  return %x : !gauss.tensor<?x2xf32>
}
