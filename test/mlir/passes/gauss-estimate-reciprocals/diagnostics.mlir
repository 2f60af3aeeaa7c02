// RUN: not pfp-opt %s --gauss-estimate-reciprocals=steps=1 2>&1 | FileCheck %s

// CHECK: error: gauss-estimate-reciprocals: no option 'steps'; it takes none
