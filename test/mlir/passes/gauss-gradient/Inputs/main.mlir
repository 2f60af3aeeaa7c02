func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}
func.func @main() {
  %mean = arith.constant dense<[[3.0, 1.0]]> : tensor<1x2xf32>
  %variance = arith.constant dense<[[0.0, 2.0]]> : tensor<1x2xf32>
  %target = arith.constant dense<1.0> : tensor<1x1xf32>
  %weight = arith.constant dense<1.0> : tensor<1xf32>
  %w = arith.constant dense<[[2.0, 5.0]]> : tensor<1x2xf32>
  %s = arith.constant dense<[[4.0, 1.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<-11.0> : tensor<1xf32>
  %0:5 = call @net(%mean, %variance, %target, %weight, %w, %s, %b)
    : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x1xf32>, tensor<1xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>)
    -> (tensor<1xf32>, tensor<1x1xf32>, tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>)
  %loss = tensor.cast %0#0 : tensor<1xf32> to tensor<*xf32>
  call @printMemrefF32(%loss) : (tensor<*xf32>) -> ()
  %dw = tensor.cast %0#2 : tensor<1x2xf32> to tensor<*xf32>
  call @printMemrefF32(%dw) : (tensor<*xf32>) -> ()
  %ds = tensor.cast %0#3 : tensor<1x2xf32> to tensor<*xf32>
  call @printMemrefF32(%ds) : (tensor<*xf32>) -> ()
  %db = tensor.cast %0#4 : tensor<1xf32> to tensor<*xf32>
  call @printMemrefF32(%db) : (tensor<*xf32>) -> ()
  return
}
