// RUN: not pfp-opt %s --gauss-expand-math=precision=1 2>&1 | FileCheck %s

// CHECK: error: gauss-expand-math: no option 'precision'; known: fma
