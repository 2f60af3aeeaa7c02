// RUN: not pfp-opt %s --gauss-fold-batch-norm=epsilon=1 2>&1 | FileCheck %s

// CHECK: error: gauss-fold-batch-norm: no option 'epsilon'; it takes none
