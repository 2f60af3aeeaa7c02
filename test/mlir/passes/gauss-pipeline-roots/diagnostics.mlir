// RUN: not pfp-opt %s --gauss-pipeline-roots=trips=1 2>&1 | FileCheck %s

// CHECK: error: gauss-pipeline-roots: no option 'trips'; known: ordered
