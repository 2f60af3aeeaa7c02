// RUN: not pfp-opt %s --gauss-unscale-offsets=lanes=4 2>&1 | FileCheck %s

// CHECK: error: gauss-unscale-offsets: no option 'lanes'; it takes none
