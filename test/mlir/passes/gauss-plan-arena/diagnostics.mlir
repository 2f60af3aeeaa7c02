// RUN: pfp-opt %s --gauss-plan-arena -split-input-file -verify-diagnostics
// RUN: not pfp-opt %s --gauss-plan-arena=alignment=16 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: error: gauss-plan-arena: no option 'alignment'; it takes none

func.func @in_a_branch(%n: i1) {
  scf.if %n {
    // expected-error @+1 {{'memref.alloc' op allocates inside of a branch or a task, where no place can be planned}}
    %a = memref.alloc() : memref<64xf32>
    memref.copy %a, %a : memref<64xf32> to memref<64xf32>
  }
  return
}

// -----

func.func @dynamic(%n: index) {
  // expected-error @+1 {{'memref.alloc' op allocates a buffer that is not of fixed size and f32}}
  %a = memref.alloc(%n) : memref<?xf32>
  memref.copy %a, %a : memref<?xf32> to memref<?xf32>
  return
}

// -----

func.func @double() {
  // expected-error @+1 {{'memref.alloc' op allocates a buffer that is not of fixed size and f32}}
  %a = memref.alloc() : memref<4xf64>
  memref.copy %a, %a : memref<4xf64> to memref<4xf64>
  return
}

// -----

func.func @overflow() {
  // expected-error @+1 {{'memref.alloc' op allocates more than an arena can hold}}
  %a = memref.alloc() : memref<4611686018427387904x2xf32>
  memref.copy %a, %a : memref<4611686018427387904x2xf32> to memref<4611686018427387904x2xf32>
  return
}
