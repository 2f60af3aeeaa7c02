// Functions of gauss ops are inlined like any other.

// RUN: pfp-opt %s --inline --symbol-dce | FileCheck %s --implicit-check-not=call --implicit-check-not=@activation

// CHECK-LABEL: func.func @net
// CHECK-SAME: (%[[X:.*]]: !gauss.tensor<?x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = gauss.relu %[[X]]
// CHECK-NEXT: %[[Z:.*]] = gauss.relu %[[Y]]
// CHECK-NEXT: return %[[Z]]
func.func @net(%x: !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = call @activation(%x) : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = call @activation(%0) : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %1 : !gauss.tensor<?x4xf32>
}

func.func private @activation(%x: !gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32> {
  %0 = gauss.relu %x : (!gauss.tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return %0 : !gauss.tensor<?x4xf32>
}
