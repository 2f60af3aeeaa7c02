// Signatures, calls and returns: a Gaussian is two tensors, mean first, in the
// place where it stood.

// RUN: pfp-opt %s --lower-gauss | FileCheck %s --implicit-check-not=gauss

// CHECK-LABEL: func.func private @swap
// CHECK-SAME: (%[[XM:.*]]: tensor<2xf32>, %[[XV:.*]]: tensor<2xf32>, %[[Y:.*]]: tensor<3xf32>) -> (tensor<3xf32>, tensor<2xf32>, tensor<2xf32>)
// CHECK-NEXT: return %[[Y]], %[[XM]], %[[XV]]
func.func private @swap(%x: !gauss.tensor<2xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, !gauss.tensor<2xf32>) {
  return %y, %x : tensor<3xf32>, !gauss.tensor<2xf32>
}

// CHECK: func.func private @declared(tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
func.func private @declared(!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>

// CHECK-LABEL: func.func @calls
// CHECK-SAME: (%[[Y:.*]]: tensor<3xf32>, %[[XM:.*]]: tensor<2xf32>, %[[XV:.*]]: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<3xf32>)
// CHECK-NEXT: %[[SWAPPED:.*]]:3 = call @swap(%[[XM]], %[[XV]], %[[Y]])
// CHECK-NEXT: %[[MORE:.*]]:2 = call @declared(%[[SWAPPED]]#1, %[[SWAPPED]]#2)
// CHECK-NEXT: return %[[MORE]]#0, %[[MORE]]#1, %[[SWAPPED]]#0
func.func @calls(%y: tensor<3xf32>, %x: !gauss.tensor<2xf32>) -> (!gauss.tensor<2xf32>, tensor<3xf32>) {
  %0:2 = call @swap(%x, %y) : (!gauss.tensor<2xf32>, tensor<3xf32>) -> (tensor<3xf32>, !gauss.tensor<2xf32>)
  %1 = call @declared(%0#1) : (!gauss.tensor<2xf32>) -> !gauss.tensor<2xf32>
  return %1, %0#0 : !gauss.tensor<2xf32>, tensor<3xf32>
}

// A component that is read is the component that was made.
// CHECK-LABEL: func.func @components
// CHECK-SAME: (%[[M:.*]]: tensor<2xf32>, %[[V:.*]]: tensor<2xf32>)
// CHECK-NEXT: return %[[V]], %[[M]]
func.func @components(%m: tensor<2xf32>, %v: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %x = gauss.make %m, %v : tensor<2xf32>
  %mean = gauss.mean %x : !gauss.tensor<2xf32>
  %variance = gauss.variance %x : !gauss.tensor<2xf32>
  return %variance, %mean : tensor<2xf32>, tensor<2xf32>
}

// What is not of gauss is not touched, argument attributes included.
// CHECK-LABEL: func.func @plain
// CHECK-SAME: (%{{.*}}: tensor<2xf32> {bufferization.writable = false}) -> tensor<2xf32>
// CHECK-NEXT: math.tanh
func.func @plain(%x: tensor<2xf32> {bufferization.writable = false}) -> tensor<2xf32> {
  %0 = math.tanh %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
