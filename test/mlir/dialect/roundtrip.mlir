// Every op of the dialect in its pretty assembly. What is printed parses again,
// in the generic form too, and prints the same.

// RUN: pfp-opt %s > %t && pfp-opt %t | diff %t -
// RUN: pfp-opt %s --mlir-print-op-generic | pfp-opt | diff %t -
// RUN: pfp-opt %s --emit-bytecode | pfp-opt | diff %t -
// RUN: FileCheck %s < %t

// CHECK-LABEL: func.func @sources()
func.func @sources() {
  // CHECK: gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  %0 = gauss.parameter "fc.weight" : !gauss.tensor<2x3xf32>
  // CHECK: gauss.parameter "bn.gamma" : tensor<3xf32>
  %1 = gauss.parameter "bn.gamma" : tensor<3xf32>
  // CHECK: gauss.constant mean(dense<[1.000000e+00, -2.000000e+00]> : tensor<2xf32>) variance(dense<2.500000e-01> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %2 = gauss.constant mean(dense<[1.0, -2.0]> : tensor<2xf32>)
                      variance(dense<0.25> : tensor<2xf32>) : !gauss.tensor<2xf32>
  // CHECK: gauss.constant mean(dense_resource<m> : tensor<2xf32>) variance(dense_resource<v> : tensor<2xf32>) : !gauss.tensor<2xf32>
  %3 = gauss.constant mean(dense_resource<m> : tensor<2xf32>)
                      variance(dense_resource<v> : tensor<2xf32>) : !gauss.tensor<2xf32>
  return
}

// CHECK-LABEL: func.func @components
func.func @components(%mean: tensor<4x10xf32>, %variance: tensor<4x10xf32>) {
  // CHECK: %[[X:.*]] = gauss.make %{{.*}}, %{{.*}} : tensor<4x10xf32>
  %x = gauss.make %mean, %variance : tensor<4x10xf32>
  // CHECK: gauss.mean %[[X]] : !gauss.tensor<4x10xf32>
  %0 = gauss.mean %x : !gauss.tensor<4x10xf32>
  // CHECK: gauss.variance %[[X]] : !gauss.tensor<4x10xf32>
  %1 = gauss.variance %x : !gauss.tensor<4x10xf32>
  return
}

// CHECK-LABEL: func.func @dense
func.func @dense(%x: tensor<?x3xf32>, %w: !gauss.tensor<2x3xf32>, %b: !gauss.tensor<2xf32>) {
  // CHECK: gauss.dense %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  %0 = gauss.dense %x, %w, %b
    : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>, !gauss.tensor<2xf32>) -> !gauss.tensor<?x2xf32>
  // CHECK: gauss.dense %{{.*}}, %{{.*}} {layer = "fc"} : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<?x2xf32>
  %1 = gauss.dense %x, %w {layer = "fc"}
    : (tensor<?x3xf32>, !gauss.tensor<2x3xf32>) -> !gauss.tensor<?x2xf32>
  return
}

// Attributes that have their default value are not printed.
// CHECK-LABEL: func.func @conv2d
func.func @conv2d(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>,
                  %d: tensor<4x4x1x1xf32>, %b: tensor<4xf32>) {
  // CHECK: gauss.conv2d %{{.*}}, %{{.*}} strides [2, 1] padding [1, 0, 2, 1] dilation [1, 2] groups 2 :
  %0 = gauss.conv2d %x, %w strides [2, 1] padding [1, 0, 2, 1] dilation [1, 2] groups 2
    : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x4x5x5xf32>
  // CHECK: gauss.conv2d %{{.*}}, %{{.*}}, %{{[^ ]*}} :
  %1 = gauss.conv2d %x, %d, %b strides [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
    : (!gauss.tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32>, tensor<4xf32>) -> !gauss.tensor<1x4x8x8xf32>
  return
}

// CHECK-LABEL: func.func @other_ranks
func.func @other_ranks(%l: !gauss.tensor<1x4x8xf32>, %a: tensor<4x2x3xf32>,
                       %v: !gauss.tensor<1x4x2x4x8xf32>, %c: tensor<4x2x1x3x3xf32>) {
  // CHECK: gauss.conv1d %{{.*}}, %{{.*}} strides [2] padding [1, 0] dilation [2] groups 2 :
  %0 = gauss.conv1d %l, %a strides [2] padding [1, 0] dilation [2] groups 2
    : (!gauss.tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> !gauss.tensor<1x4x3xf32>
  // CHECK: gauss.conv3d %{{.*}}, %{{.*}} strides [1, 1, 2] padding [0, 1, 1, 0, 0, 1] groups 2 :
  %1 = gauss.conv3d %v, %c strides [1, 1, 2] padding [0, 1, 1, 0, 0, 1] dilation [1, 1, 1] groups 2
    : (!gauss.tensor<1x4x2x4x8xf32>, tensor<4x2x1x3x3xf32>) -> !gauss.tensor<1x4x2x3x4xf32>
  // CHECK: gauss.max_pool1d %{{[^ ]*}} kernel [2] strides [2] ceil true :
  %2 = gauss.max_pool1d %l kernel [2] strides [2] padding [0, 0] ceil true
    : (!gauss.tensor<1x4x8xf32>) -> !gauss.tensor<1x4x4xf32>
  // CHECK: gauss.max_pool3d %{{[^ ]*}} kernel [2, 2, 2] padding [0, 0, 1, 0, 0, 0] dilation [1, 2, 1] :
  %3 = gauss.max_pool3d %v kernel [2, 2, 2] padding [0, 0, 1, 0, 0, 0] dilation [1, 2, 1]
    : (!gauss.tensor<1x4x2x4x8xf32>) -> !gauss.tensor<1x4x1x2x8xf32>
  // CHECK: gauss.avg_pool1d %{{[^ ]*}} kernel [3] count_include_pad false :
  %4 = gauss.avg_pool1d %l kernel [3] count_include_pad false
    : (!gauss.tensor<1x4x8xf32>) -> !gauss.tensor<1x4x6xf32>
  // CHECK: gauss.avg_pool3d %{{[^ ]*}} kernel [1, 2, 2] strides [1, 2, 2] :
  %5 = gauss.avg_pool3d %v kernel [1, 2, 2] strides [1, 2, 2]
    : (!gauss.tensor<1x4x2x4x8xf32>) -> !gauss.tensor<1x4x2x2x4xf32>
  // CHECK: gauss.global_max_pool %{{[^ ]*}} : (!gauss.tensor<1x4x2x4x8xf32>) -> !gauss.tensor<1x4x1x1x1xf32>
  %6 = gauss.global_max_pool %v : (!gauss.tensor<1x4x2x4x8xf32>) -> !gauss.tensor<1x4x1x1x1xf32>
  return
}

// CHECK-LABEL: func.func @transposed
func.func @transposed(%l: tensor<?x4x8xf32>, %a: !gauss.tensor<4x2x3xf32>, %b: tensor<6xf32>,
                      %x: tensor<1x4x8x8xf32>, %w: tensor<4x3x2x2xf32>,
                      %v: !gauss.tensor<1x4x2x4x8xf32>, %c: tensor<4x2x1x3x3xf32>) {
  // CHECK: gauss.conv_transpose1d %{{.*}}, %{{.*}} strides [2] padding [1, 0] dilation [2] output_padding [1] :
  %0 = gauss.conv_transpose1d %l, %a strides [2] output_padding [1] padding [1, 0] dilation [2]
    : (tensor<?x4x8xf32>, !gauss.tensor<4x2x3xf32>) -> !gauss.tensor<?x2x19xf32>
  // CHECK: gauss.conv_transpose2d %{{.*}}, %{{.*}}, %{{.*}} strides [2, 2] groups 2 :
  %1 = gauss.conv_transpose2d %x, %w, %b strides [2, 2] groups 2 output_padding [0, 0]
    : (tensor<1x4x8x8xf32>, tensor<4x3x2x2xf32>, tensor<6xf32>) -> tensor<1x6x16x16xf32>
  // CHECK: gauss.conv_transpose3d %{{.*}}, %{{[^ ]*}} :
  %2 = gauss.conv_transpose3d %v, %c
    : (!gauss.tensor<1x4x2x4x8xf32>, tensor<4x2x1x3x3xf32>) -> !gauss.tensor<1x2x2x6x10xf32>
  return
}

// The order of attributes is free; one is printed.
// CHECK-LABEL: func.func @orders
func.func @orders(%x: !gauss.tensor<1x4x8x8xf32>, %w: !gauss.tensor<4x2x3x3xf32>,
                  %z: !gauss.tensor<1x10xf32>) {
  // CHECK: gauss.conv2d %{{.*}}, %{{[^ ]*}} strides [2, 1] padding [1, 0, 2, 1] groups 2 :
  %0 = gauss.conv2d %x, %w groups 2 padding [1, 0, 2, 1] strides [2, 1]
    : (!gauss.tensor<1x4x8x8xf32>, !gauss.tensor<4x2x3x3xf32>) -> !gauss.tensor<1x4x5x7xf32>
  // CHECK: gauss.max_pool2d %{{[^ ]*}} kernel [2, 2] strides [2, 2] padding [1, 1, 1, 1] :
  %1 = gauss.max_pool2d %x padding [1, 1, 1, 1] strides [2, 2] kernel [2, 2]
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x5x5xf32>
  // CHECK: gauss.avg_pool2d %{{[^ ]*}} kernel [2, 2] strides [2, 2] count_include_pad false :
  %2 = gauss.avg_pool2d %x count_include_pad false strides [2, 2] kernel [2, 2]
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x4x4xf32>
  // CHECK: %[[P:.*]] = gauss.softmax %{{[^ ]*}} method "sample" draws 10 seed 3 :
  %3 = gauss.softmax %z seed 3 draws 10 method "sample"
    : (!gauss.tensor<1x10xf32>) -> tensor<1x10xf32>
  return
}

// Floats as people and Python write them.
// CHECK-LABEL: func.func @numbers
func.func @numbers(%x: !gauss.tensor<?x4xf32>, %c: tensor<4xf32>, %p: tensor<2x4xf32>,
                   %u: tensor<2x3xf32>, %y: !gauss.tensor<1x3xf32>) {
  // CHECK: epsilon 1.000000e-03 :
  %0 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 1e-03
    : (!gauss.tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> !gauss.tensor<?x4xf32>
  // CHECK: epsilon 0.000000e+00 :
  %1 = gauss.batch_norm %x, %c, %c, %c, %c epsilon 0
    : (!gauss.tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> !gauss.tensor<?x4xf32>
  // CHECK: epistemic 2.000000e+01 aleatoric 3.000000e-01 :
  %2 = gauss.decide %p, %u aleatoric 3E-1 epistemic 2e+1
    : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<2xf32>
  // CHECK: coverage 5.000000e-01 noise 1.000000e+05 :
  %3 = gauss.interval %y noise 1e5 coverage 5e-01 : (!gauss.tensor<1x3xf32>) -> tensor<1x3x2xf32>
  return
}

// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%x: !gauss.tensor<?x4xf32>, %gamma: !gauss.tensor<4xf32>, %c: tensor<4xf32>) {
  // CHECK: gauss.batch_norm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} epsilon 1.000000e-03 : (!gauss.tensor<?x4xf32>, !gauss.tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> !gauss.tensor<?x4xf32>
  %0 = gauss.batch_norm %x, %gamma, %c, %c, %c epsilon 1.0e-3
    : (!gauss.tensor<?x4xf32>, !gauss.tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> !gauss.tensor<?x4xf32>
  // CHECK-NOT: epsilon
  %1 = gauss.batch_norm %x, %gamma, %c, %c, %c epsilon 1.0e-5
    : (!gauss.tensor<?x4xf32>, !gauss.tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
    -> !gauss.tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: !gauss.tensor<1x10xf32>, %y: tensor<1x10xf32>) {
  // CHECK: gauss.add %{{.*}}, %{{.*}} : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
  %0 = gauss.add %x, %y : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
  // CHECK: gauss.relu %{{.*}} : (!gauss.tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
  %1 = gauss.relu %0 : (!gauss.tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
  return
}

// CHECK-LABEL: func.func @pools
func.func @pools(%x: !gauss.tensor<1x4x8x8xf32>) {
  // CHECK: gauss.max_pool2d %{{.*}} kernel [2, 2] strides [2, 2] :
  %0 = gauss.max_pool2d %x kernel [2, 2] strides [2, 2] padding [0, 0, 0, 0]
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x4x4xf32>
  // CHECK: gauss.max_pool2d %{{.*}} kernel [3, 3] padding [1, 0, 1, 2] :
  %1 = gauss.max_pool2d %x kernel [3, 3] padding [1, 0, 1, 2]
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x8x8xf32>
  // CHECK: gauss.avg_pool2d %{{.*}} kernel [2, 2] :
  %2 = gauss.avg_pool2d %x kernel [2, 2] count_include_pad true
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x7x7xf32>
  // CHECK: gauss.avg_pool2d %{{.*}} kernel [2, 2] padding [1, 1, 1, 1] count_include_pad false :
  %3 = gauss.avg_pool2d %x kernel [2, 2] padding [1, 1, 1, 1] count_include_pad false
    : (!gauss.tensor<1x4x8x8xf32>) -> !gauss.tensor<1x4x9x9xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: !gauss.tensor<?x16x5x5xf32>, %scalar: tensor<f32>) {
  // CHECK: gauss.flatten %{{.*}} : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
  %0 = gauss.flatten %x : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
  // CHECK: gauss.reshape %{{.*}} : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x25x16xf32>
  %1 = gauss.reshape %x : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x25x16xf32>
  // CHECK: gauss.reshape %{{.*}} : (tensor<f32>) -> tensor<1x1xf32>
  %2 = gauss.reshape %scalar : (tensor<f32>) -> tensor<1x1xf32>
  return
}

{-#
  dialect_resources: {
    builtin: {
      m: "0x040000000000803F00000040",
      v: "0x040000000000803F00000040"
    }
  }
#-}

// CHECK-LABEL: func.func @predictions
func.func @predictions(%z: !gauss.tensor<?x10xf32>, %y: tensor<4xf32>) -> tensor<?xf32> {
  // CHECK: %[[P:.*]] = gauss.softmax %{{.*}} method "mean-field" : (!gauss.tensor<?x10xf32>) -> tensor<?x10xf32>
  %0 = gauss.softmax %z method "mean-field" : (!gauss.tensor<?x10xf32>) -> tensor<?x10xf32>
  // CHECK: %[[U:.*]] = gauss.uncertainty %{{.*}} method "sample" draws 100 seed -7 : (!gauss.tensor<?x10xf32>) -> tensor<?x3xf32>
  %1 = gauss.uncertainty %z method "sample" draws 100 seed -7 : (!gauss.tensor<?x10xf32>) -> tensor<?x3xf32>
  // CHECK: gauss.decide %[[P]], %[[U]] epistemic 2.500000e-01 aleatoric 5.000000e-01 : (tensor<?x10xf32>, tensor<?x3xf32>) -> tensor<?xf32>
  %2 = gauss.decide %0, %1 epistemic 0.25 aleatoric 0.5 : (tensor<?x10xf32>, tensor<?x3xf32>) -> tensor<?xf32>
  // CHECK: gauss.decide %[[P]], %[[U]] aleatoric 5.000000e-01 : (tensor<?x10xf32>, tensor<?x3xf32>) -> tensor<?xf32>
  %3 = gauss.decide %0, %1 aleatoric 0.5 : (tensor<?x10xf32>, tensor<?x3xf32>) -> tensor<?xf32>
  // CHECK: gauss.interval %{{.*}} coverage 5.000000e-01 noise 2.000000e+00 : (tensor<4xf32>) -> tensor<4x2xf32>
  %4 = gauss.interval %y coverage 0.5 noise 2.0 : (tensor<4xf32>) -> tensor<4x2xf32>
  return %2 : tensor<?xf32>
}

// CHECK-LABEL: func.func @activations
func.func @activations(%x: !gauss.tensor<4xf32>, %d: tensor<4xf32>) {
  // CHECK: gauss.abs %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %0 = gauss.abs %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.clip %{{.*}} min 0.000000e+00 max 6.000000e+00 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %1 = gauss.clip %x min 0.0 max 6.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.clip %{{.*}} min 0.000000e+00 max 6.000000e+00 : (tensor<4xf32>) -> tensor<4xf32>
  %2 = gauss.clip %d min 0.0 max 6.0 : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.clip %{{.*}} min -1.000000e+00 max 1.000000e+00 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %3 = gauss.clip %x max 1.0 min -1.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.exp %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %4 = gauss.exp %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.gelu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %5 = gauss.gelu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.gelu %{{.*}} : (tensor<4xf32>) -> tensor<4xf32>
  %6 = gauss.gelu %d : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.gelu %{{.*}} approximate "tanh" : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %7 = gauss.gelu %x approximate "tanh" : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.hard_sigmoid %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %8 = gauss.hard_sigmoid %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.hard_sigmoid %{{.*}} alpha 2.000000e-01 beta 2.500000e-01 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %9 = gauss.hard_sigmoid %x alpha 0.2 beta 0.25 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.hard_sigmoid %{{.*}} alpha 2.000000e-01 beta 2.500000e-01 : (tensor<4xf32>) -> tensor<4xf32>
  %10 = gauss.hard_sigmoid %d alpha 0.2 beta 0.25 : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.heaviside %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %11 = gauss.heaviside %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.leaky_relu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %12 = gauss.leaky_relu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.leaky_relu %{{.*}} slope 1.000000e-01 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %13 = gauss.leaky_relu %x slope 0.1 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.leaky_relu %{{.*}} slope 1.000000e-01 : (tensor<4xf32>) -> tensor<4xf32>
  %14 = gauss.leaky_relu %d slope 0.1 : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.mish %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %15 = gauss.mish %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.relu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %16 = gauss.relu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.sigmoid %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %17 = gauss.sigmoid %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.sigmoid %{{.*}} : (tensor<4xf32>) -> tensor<4xf32>
  %18 = gauss.sigmoid %d : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.sign %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %19 = gauss.sign %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.silu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %20 = gauss.silu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.softplus %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %21 = gauss.softplus %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.softplus %{{.*}} : (tensor<4xf32>) -> tensor<4xf32>
  %22 = gauss.softplus %d : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: gauss.square %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %23 = gauss.square %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.tanh %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %24 = gauss.tanh %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.hard_swish %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %25 = gauss.hard_swish %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.elu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %26 = gauss.elu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.elu %{{.*}} alpha 5.000000e-01 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %27 = gauss.elu %x alpha 0.5 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.celu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %28 = gauss.celu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.celu %{{.*}} alpha 2.000000e+00 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %29 = gauss.celu %x alpha 2.0 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.selu %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %30 = gauss.selu %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.sin %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %31 = gauss.sin %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.elu %{{.*}} alpha 5.000000e-01 : (tensor<4xf32>) -> tensor<4xf32>
  %32 = gauss.elu %d alpha 0.5 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @noise
func.func @noise(%x: !gauss.tensor<4xf32>, %d: tensor<?x4xf32>) {
  // CHECK: gauss.dropout %{{.*}} : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %0 = gauss.dropout %x : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.dropout %{{.*}} rate 1.000000e-01 : (tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %1 = gauss.dropout %d rate 0.1 : (tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  // CHECK: gauss.noise %{{.*}} variance 2.500000e-01 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  %2 = gauss.noise %x variance 0.25 : (!gauss.tensor<4xf32>) -> !gauss.tensor<4xf32>
  // CHECK: gauss.noise %{{.*}} variance 2.500000e-01 : (tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  %3 = gauss.noise %d variance 0.25 : (tensor<?x4xf32>) -> !gauss.tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @movements
func.func @movements(%x: !gauss.tensor<?x3x4xf32>, %d: tensor<?x3x4xf32>, %one: !gauss.tensor<?x1x4xf32>) {
  // CHECK: gauss.transpose %{{.*}} permutation [0, 2, 1] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x3xf32>
  %0 = gauss.transpose %x permutation [0, 2, 1] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x3xf32>
  // CHECK: gauss.slice %{{.*}} axis 2 start 1 size 2 step 2 : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x3x2xf32>
  %1 = gauss.slice %x axis 2 start 1 size 2 step 2 : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x3x2xf32>
  // CHECK: gauss.slice %{{.*}} axis 1 size 1 : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x1x4xf32>
  %2 = gauss.slice %x size 1 axis 1 : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x1x4xf32>
  // CHECK: gauss.concat %{{.*}}, %{{.*}} axis 1 : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x6x4xf32>
  %3 = gauss.concat %x, %d axis 1 : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x6x4xf32>
  // CHECK: gauss.pad %{{.*}} low [0, 1, 0] high [0, 0, 2] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x6xf32>
  %4 = gauss.pad %x low [0, 1, 0] high [0, 0, 2] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x6xf32>
  // CHECK: gauss.pad %{{.*}} low [0, 1, 0] high [0, 0, 2] mode "reflect" : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x6xf32>
  %5 = gauss.pad %x low [0, 1, 0] high [0, 0, 2] mode "reflect" : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x4x6xf32>
  // CHECK: gauss.pad %{{.*}} low [0, 1, 0] high [0, 0, 2] value -1.000000e+00 : (tensor<?x3x4xf32>) -> tensor<?x4x6xf32>
  %6 = gauss.pad %d low [0, 1, 0] high [0, 0, 2] value -1.0 : (tensor<?x3x4xf32>) -> tensor<?x4x6xf32>
  // CHECK: gauss.upsample %{{.*}} factors [1, 2, 1] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x6x4xf32>
  %7 = gauss.upsample %x factors [1, 2, 1] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x6x4xf32>
  // CHECK: gauss.reduce_sum %{{.*}} axes [1, 2] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?xf32>
  %8 = gauss.reduce_sum %x axes [1, 2] : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?xf32>
  // CHECK: gauss.reduce_mean %{{.*}} axes [2] keep_dims true : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x3x1xf32>
  %9 = gauss.reduce_mean %x axes [2] keep_dims true : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x3x1xf32>
  // CHECK: gauss.expand %{{.*}} shape [-1, 3, -1] : (!gauss.tensor<?x1x4xf32>) -> !gauss.tensor<?x3x4xf32>
  %10 = gauss.expand %one shape [-1, 3, -1] : (!gauss.tensor<?x1x4xf32>) -> !gauss.tensor<?x3x4xf32>
  // CHECK: gauss.expand %{{.*}} shape [0, 3] : (tensor<1x3xf32>) -> tensor<?x3xf32>
  %row = arith.constant dense<1.0> : tensor<1x3xf32>
  %rows = gauss.expand %row shape [0, 3] : (tensor<1x3xf32>) -> tensor<?x3xf32>
  // CHECK: gauss.sub %{{.*}}, %{{.*}} : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  %11 = gauss.sub %x, %d : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  // CHECK: gauss.mul %{{.*}}, %{{.*}} : (!gauss.tensor<?x3x4xf32>, !gauss.tensor<?x1x4xf32>) -> !gauss.tensor<?x3x4xf32>
  %12 = gauss.mul %x, %one : (!gauss.tensor<?x3x4xf32>, !gauss.tensor<?x1x4xf32>) -> !gauss.tensor<?x3x4xf32>
  // CHECK: gauss.prelu %{{.*}}, %{{.*}} : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  %prelu = gauss.prelu %x, %d : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  // CHECK: gauss.div %{{.*}}, %{{.*}} : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  %13 = gauss.div %x, %d : (!gauss.tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
  return
}

// CHECK-LABEL: func.func @pools
func.func @pools_apart_and_cut(%x: !gauss.tensor<?x3x8x8xf32>) {
  // CHECK: gauss.max_pool2d %{{.*}} kernel [2, 2] dilation [2, 1] : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x6x7xf32>
  %0 = gauss.max_pool2d %x kernel [2, 2] dilation [2, 1] : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x6x7xf32>
  // CHECK: gauss.max_pool2d %{{.*}} kernel [3, 3] strides [2, 2] ceil true : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x4x4xf32>
  %1 = gauss.max_pool2d %x kernel [3, 3] strides [2, 2] ceil true : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x4x4xf32>
  // CHECK: gauss.avg_pool2d %{{.*}} kernel [3, 3] strides [2, 2] ceil true count_include_pad false : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x4x4xf32>
  %2 = gauss.avg_pool2d %x kernel [3, 3] strides [2, 2] ceil true count_include_pad false : (!gauss.tensor<?x3x8x8xf32>) -> !gauss.tensor<?x3x4x4xf32>
  return
}

// CHECK-LABEL: func.func @labels
func.func @labels(%z: !gauss.tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[P:.*]] = gauss.binary_probability %{{.*}} : (!gauss.tensor<?x2xf32>) -> tensor<?x2xf32>
  %0 = gauss.binary_probability %z : (!gauss.tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: %[[U:.*]] = gauss.binary_uncertainty %{{.*}} : (!gauss.tensor<?x2xf32>) -> tensor<?x2x3xf32>
  %1 = gauss.binary_uncertainty %z : (!gauss.tensor<?x2xf32>) -> tensor<?x2x3xf32>
  // CHECK: gauss.binary_decide %[[P]], %[[U]] epistemic 1.250000e-01 : (tensor<?x2xf32>, tensor<?x2x3xf32>) -> tensor<?x2xf32>
  %2 = gauss.binary_decide %0, %1 epistemic 0.125 : (tensor<?x2xf32>, tensor<?x2x3xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK-LABEL: func.func @matrices_and_rows
func.func @matrices_and_rows(%q: !gauss.tensor<?x4x5x3xf32>, %w: tensor<5x3xf32>, %i: tensor<?x7xf32>, %t: !gauss.tensor<9x2xf32>, %x: !gauss.tensor<?x3x4x4xf32>) {
  // CHECK: gauss.matmul %{{.*}}, %{{.*}} transpose_rhs true : (!gauss.tensor<?x4x5x3xf32>, tensor<5x3xf32>) -> !gauss.tensor<?x4x5x5xf32>
  %0 = gauss.matmul %q, %w transpose_rhs true : (!gauss.tensor<?x4x5x3xf32>, tensor<5x3xf32>) -> !gauss.tensor<?x4x5x5xf32>
  // CHECK: gauss.matmul %{{.*}}, %{{.*}} transpose_lhs true : (!gauss.tensor<?x4x5x3xf32>, tensor<5x3xf32>) -> !gauss.tensor<?x4x3x3xf32>
  %1 = gauss.matmul %q, %w transpose_lhs true transpose_rhs false : (!gauss.tensor<?x4x5x3xf32>, tensor<5x3xf32>) -> !gauss.tensor<?x4x3x3xf32>
  // CHECK: gauss.gather %{{.*}} axis 1 indices [2, 0, 0, 1] : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x4x4x4xf32>
  %2 = gauss.gather %x indices [2, 0, 0, 1] axis 1 : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x4x4x4xf32>
  // CHECK: gauss.embedding %{{.*}}, %{{.*}} : (tensor<?x7xf32>, !gauss.tensor<9x2xf32>) -> !gauss.tensor<?x7x2xf32>
  %3 = gauss.embedding %i, %t : (tensor<?x7xf32>, !gauss.tensor<9x2xf32>) -> !gauss.tensor<?x7x2xf32>
  // CHECK: gauss.resize %{{.*}} sizes [-1, -1, 8, 6] : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x8x6xf32>
  %4 = gauss.resize %x sizes [-1, -1, 8, 6] coordinates "half_pixel" : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x8x6xf32>
  // CHECK: gauss.resize %{{.*}} numerators [1, 1, 3, 3] denominators [1, 1, 2, 2] coordinates "align_corners" : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x6x6xf32>
  %5 = gauss.resize %x numerators [1, 1, 3, 3] denominators [1, 1, 2, 2] coordinates "align_corners" : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x6x6xf32>
  return
}

// CHECK-LABEL: func.func @normalisations
func.func @normalisations(%x: !gauss.tensor<?x8x4x4xf32>, %d: tensor<?x8x4x4xf32>, %c: tensor<8xf32>, %g: !gauss.tensor<4xf32>, %m: tensor<4x4xf32>) {
  // CHECK: gauss.layer_norm %{{.*}} : (!gauss.tensor<?x8x4x4xf32>) -> !gauss.tensor<?x8x4x4xf32>
  %0 = gauss.layer_norm %x dimensions 1 : (!gauss.tensor<?x8x4x4xf32>) -> !gauss.tensor<?x8x4x4xf32>
  // CHECK: gauss.layer_norm %{{.*}}, %{{.*}}, %{{.*}} dimensions 2 : (tensor<?x8x4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<?x8x4x4xf32>
  %1 = gauss.layer_norm %d, %m, %m epsilon 1e-5 dimensions 2 : (tensor<?x8x4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<?x8x4x4xf32>
  // CHECK: gauss.rms_norm %{{.*}}, %{{.*}} epsilon 5.000000e-01 : (tensor<?x8x4x4xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<?x8x4x4xf32>
  %2 = gauss.rms_norm %d, %g epsilon 0.5 : (tensor<?x8x4x4xf32>, !gauss.tensor<4xf32>) -> !gauss.tensor<?x8x4x4xf32>
  // CHECK: gauss.group_norm %{{.*}}, %{{.*}}, %{{.*}} groups 2 : (!gauss.tensor<?x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x4x4xf32>
  %3 = gauss.group_norm %x, %c, %c groups 2 : (!gauss.tensor<?x8x4x4xf32>, tensor<8xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x4x4xf32>
  // CHECK: gauss.instance_norm %{{.*}}, %{{.*}} : (!gauss.tensor<?x8x4x4xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x4x4xf32>
  %4 = gauss.instance_norm %x, %c : (!gauss.tensor<?x8x4x4xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x4x4xf32>
  return
}

// CHECK-LABEL: func.func @composites
func.func @composites(%q: !gauss.tensor<?x2x5x3xf32>, %x: !gauss.tensor<?x5x3xf32>, %z: tensor<?x5x3xf32>, %w: !gauss.tensor<2x16x3xf32>, %r: tensor<2x16x4xf32>, %b: tensor<2x16xf32>, %gw: !gauss.tensor<1x12x3xf32>, %gr: !gauss.tensor<1x12x4xf32>) {
  // CHECK: gauss.blend %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x5x3xf32>, !gauss.tensor<?x5x3xf32>, tensor<?x5x3xf32>) -> !gauss.tensor<?x5x3xf32>
  %0 = gauss.blend %z, %x, %z : (tensor<?x5x3xf32>, !gauss.tensor<?x5x3xf32>, tensor<?x5x3xf32>) -> !gauss.tensor<?x5x3xf32>
  // CHECK: gauss.attention_weights %{{.*}} scale 5.000000e-01 : (!gauss.tensor<?x2x5x3xf32>) -> !gauss.tensor<?x2x5x3xf32>
  %1 = gauss.attention_weights %q causal false scale 0.5 : (!gauss.tensor<?x2x5x3xf32>) -> !gauss.tensor<?x2x5x3xf32>
  // CHECK: gauss.attention %{{.*}}, %{{.*}}, %{{.*}} causal true : (!gauss.tensor<?x2x5x3xf32>, !gauss.tensor<?x2x5x3xf32>, !gauss.tensor<?x2x5x3xf32>) -> !gauss.tensor<?x2x5x3xf32>
  %2 = gauss.attention %q, %q, %q causal true : (!gauss.tensor<?x2x5x3xf32>, !gauss.tensor<?x2x5x3xf32>, !gauss.tensor<?x2x5x3xf32>) -> !gauss.tensor<?x2x5x3xf32>
  // CHECK: gauss.lstm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} direction "bidirectional" gates "iofc" : (!gauss.tensor<?x5x3xf32>, !gauss.tensor<2x16x3xf32>, tensor<2x16x4xf32>, tensor<2x16xf32>) -> !gauss.tensor<?x5x8xf32>
  %3 = gauss.lstm %x, %w, %r, %b gates "iofc" direction "bidirectional" : (!gauss.tensor<?x5x3xf32>, !gauss.tensor<2x16x3xf32>, tensor<2x16x4xf32>, tensor<2x16xf32>) -> !gauss.tensor<?x5x8xf32>
  // CHECK: gauss.gru %{{.*}}, %{{.*}}, %{{.*}} direction "reverse" linear_before_reset false : (tensor<?x5x3xf32>, !gauss.tensor<1x12x3xf32>, !gauss.tensor<1x12x4xf32>) -> !gauss.tensor<?x5x4xf32>
  %4 = gauss.gru %z, %gw, %gr direction "reverse" gates "rzn" linear_before_reset false : (tensor<?x5x3xf32>, !gauss.tensor<1x12x3xf32>, !gauss.tensor<1x12x4xf32>) -> !gauss.tensor<?x5x4xf32>
  return
}

// Covariances of windows stand behind the input.
// CHECK-LABEL: func.func @windows
func.func @windows(%x: !gauss.tensor<?x2x4x6xf32>, %y: !gauss.tensor<1x2x4xf32>, %z: !gauss.tensor<1x1x2x2x2xf32>,
                   %c: tensor<?x2x2x3xf32>, %d: tensor<1x2x3xf32>, %e: tensor<1x1x1x2x2xf32>) {
  // CHECK: gauss.max_pool2d %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}}, %{{[^ ]*}} kernel [2, 2] strides [2, 2] : (!gauss.tensor<?x2x4x6xf32>, tensor<?x2x2x3xf32>,
  %0 = gauss.max_pool2d %x, %c, %c, %c, %c, %c, %c kernel [2, 2] strides [2, 2]
    : (!gauss.tensor<?x2x4x6xf32>, tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>,
       tensor<?x2x2x3xf32>, tensor<?x2x2x3xf32>) -> !gauss.tensor<?x2x2x3xf32>
  // CHECK: gauss.max_pool1d %{{[^ ]*}}, %{{[^ ]*}} kernel [2] : (!gauss.tensor<1x2x4xf32>, tensor<1x2x3xf32>) -> !gauss.tensor<1x2x3xf32>
  %1 = gauss.max_pool1d %y, %d kernel [2] : (!gauss.tensor<1x2x4xf32>, tensor<1x2x3xf32>) -> !gauss.tensor<1x2x3xf32>
  // CHECK: gauss.max_pool3d %{{[^ ]*}}, %{{[^ ]*}} kernel [2, 1, 1] :
  %2 = gauss.max_pool3d %z, %e kernel [2, 1, 1]
    : (!gauss.tensor<1x1x2x2x2xf32>, tensor<1x1x1x2x2xf32>) -> !gauss.tensor<1x1x1x2x2xf32>
  return
}

// CHECK-LABEL: func.func @mixtures
func.func @mixtures(%x: !gauss.tensor<?x6xf32>, %c: !gauss.tensor<?x6xf32, covariance>, %w: !gauss.tensor<3x6xf32>, %b: tensor<3xf32>, %v: tensor<?xf32>) {
  // CHECK: gauss.covariance %{{.*}} : (!gauss.tensor<?x6xf32, covariance>) -> tensor<?x6x6xf32>
  %0 = gauss.covariance %c of_nodes false : (!gauss.tensor<?x6xf32, covariance>) -> tensor<?x6x6xf32>
  // CHECK: gauss.scale_mixture %{{.*}}, %{{.*}}, %{{.*}} nodes 3 groups 2 : (!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<?x3xf32, covariance<3>>
  %1 = gauss.scale_mixture %x, %x, %w groups 2 nodes 3 : (!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>, !gauss.tensor<3x6xf32>) -> !gauss.tensor<?x3xf32, covariance<3>>
  // CHECK: gauss.scale_mixture %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} nodes 5 groups 6 rectified true
  %2 = gauss.scale_mixture %x, %x, %w, %b nodes 5 groups 6 rectified true : (!gauss.tensor<?x6xf32>, !gauss.tensor<?x6xf32>, !gauss.tensor<3x6xf32>, tensor<3xf32>) -> !gauss.tensor<?x3xf32, covariance<5>>
  // CHECK: gauss.covariance %{{.*}} of_nodes true : (!gauss.tensor<?x3xf32, covariance<5>>) -> tensor<?x5x3x3xf32>
  %3 = gauss.covariance %2 of_nodes true : (!gauss.tensor<?x3xf32, covariance<5>>) -> tensor<?x5x3x3xf32>
  // CHECK: gauss.nodes %{{.*}} : (!gauss.tensor<?x3xf32, covariance<5>>) -> !gauss.tensor<?x5x3xf32>
  %4 = gauss.nodes %2 : (!gauss.tensor<?x3xf32, covariance<5>>) -> !gauss.tensor<?x5x3xf32>
  // CHECK: gauss.mix %{{.*}} : (!gauss.tensor<?x5x3xf32>) -> !gauss.tensor<?x3xf32>
  %5 = gauss.mix %4 : (!gauss.tensor<?x5x3xf32>) -> !gauss.tensor<?x3xf32>
  // CHECK: gauss.square_deviation %{{.*}} rectified true : (!gauss.tensor<?x6xf32>) -> tensor<?x6xf32>
  %6 = gauss.square_deviation %x rectified true : (!gauss.tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK: gauss.scale_nodes %{{.*}}, %{{.*}} nodes 5 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?x5xf32>
  %7 = gauss.scale_nodes %v, %v nodes 5 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?x5xf32>
  // CHECK: gauss.softmax %{{.*}}, %{{.*}} method "mean-field" : (!gauss.tensor<?x5x3xf32>, tensor<?x5x3x3xf32>) -> tensor<?x3xf32>
  %8 = gauss.softmax %4, %3 method "mean-field" : (!gauss.tensor<?x5x3xf32>, tensor<?x5x3x3xf32>) -> tensor<?x3xf32>
  return
}
