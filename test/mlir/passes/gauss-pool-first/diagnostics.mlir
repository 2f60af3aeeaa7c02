// RUN: not pfp-opt %s --gauss-pool-first=order=last 2>&1 | FileCheck %s

// CHECK: error: gauss-pool-first: no option 'order'; it takes none
