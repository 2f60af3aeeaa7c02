// RUN: not pfp-opt %s --gauss-winograd=channels=0 2>&1 | FileCheck %s

// CHECK: error: 'builtin.module' op 'channels' is a number from 1 on, not '0'
func.func @net() {
  return
}
