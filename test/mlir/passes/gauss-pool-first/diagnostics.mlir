// RUN: not pfp-opt %s --gauss-pool-first=order=last 2>&1 | FileCheck %s
// RUN: not pfp-opt %s --gauss-pool-first=values=some 2>&1 | FileCheck %s --check-prefix=VALUES

// CHECK: error: gauss-pool-first: no option 'order'; known: values
// VALUES: error: {{.*}}'values' is all or exact, not 'some'
