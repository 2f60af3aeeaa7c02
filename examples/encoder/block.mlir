// A block of a transformer's encoder: 16 tokens of 32 features, 4 heads of 8, normalisation first.
// Compiled code against the reference: driver/tests/compiled/encoder.rs; both against Monte Carlo:
// dialect/tests/approximations.rs.

func.func @block(%x: tensor<?x16x32xf32>) -> !gauss.tensor<?x16x32xf32> {
  %gamma1 = gauss.parameter "norm1.gamma" : tensor<32xf32>
  %beta1 = gauss.parameter "norm1.beta" : tensor<32xf32>
  %query = gauss.parameter "query.weight" : !gauss.tensor<32x32xf32>
  %key = gauss.parameter "key.weight" : !gauss.tensor<32x32xf32>
  %value = gauss.parameter "value.weight" : !gauss.tensor<32x32xf32>
  %out = gauss.parameter "out.weight" : !gauss.tensor<32x32xf32>
  %gamma2 = gauss.parameter "norm2.gamma" : tensor<32xf32>
  %beta2 = gauss.parameter "norm2.beta" : tensor<32xf32>
  %up = gauss.parameter "up.weight" : !gauss.tensor<64x32xf32>
  %up_bias = gauss.parameter "up.bias" : !gauss.tensor<64xf32>
  %down = gauss.parameter "down.weight" : !gauss.tensor<32x64xf32>

  %n = gauss.layer_norm %x, %gamma1, %beta1 : (tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> tensor<?x16x32xf32>
  %q = gauss.matmul %n, %query transpose_rhs true : (tensor<?x16x32xf32>, !gauss.tensor<32x32xf32>) -> !gauss.tensor<?x16x32xf32>
  %k = gauss.matmul %n, %key transpose_rhs true : (tensor<?x16x32xf32>, !gauss.tensor<32x32xf32>) -> !gauss.tensor<?x16x32xf32>
  %v = gauss.matmul %n, %value transpose_rhs true : (tensor<?x16x32xf32>, !gauss.tensor<32x32xf32>) -> !gauss.tensor<?x16x32xf32>

  %qs = gauss.reshape %q : (!gauss.tensor<?x16x32xf32>) -> !gauss.tensor<?x16x4x8xf32>
  %ks = gauss.reshape %k : (!gauss.tensor<?x16x32xf32>) -> !gauss.tensor<?x16x4x8xf32>
  %vs = gauss.reshape %v : (!gauss.tensor<?x16x32xf32>) -> !gauss.tensor<?x16x4x8xf32>
  %qh = gauss.transpose %qs permutation [0, 2, 1, 3] : (!gauss.tensor<?x16x4x8xf32>) -> !gauss.tensor<?x4x16x8xf32>
  %kh = gauss.transpose %ks permutation [0, 2, 1, 3] : (!gauss.tensor<?x16x4x8xf32>) -> !gauss.tensor<?x4x16x8xf32>
  %vh = gauss.transpose %vs permutation [0, 2, 1, 3] : (!gauss.tensor<?x16x4x8xf32>) -> !gauss.tensor<?x4x16x8xf32>
  %ah = gauss.attention %qh, %kh, %vh : (!gauss.tensor<?x4x16x8xf32>, !gauss.tensor<?x4x16x8xf32>, !gauss.tensor<?x4x16x8xf32>) -> !gauss.tensor<?x4x16x8xf32>
  %as = gauss.transpose %ah permutation [0, 2, 1, 3] : (!gauss.tensor<?x4x16x8xf32>) -> !gauss.tensor<?x16x4x8xf32>
  %a = gauss.reshape %as : (!gauss.tensor<?x16x4x8xf32>) -> !gauss.tensor<?x16x32xf32>
  %o = gauss.matmul %a, %out transpose_rhs true : (!gauss.tensor<?x16x32xf32>, !gauss.tensor<32x32xf32>) -> !gauss.tensor<?x16x32xf32>
  %h = gauss.add %x, %o : (tensor<?x16x32xf32>, !gauss.tensor<?x16x32xf32>) -> !gauss.tensor<?x16x32xf32>

  %m = gauss.layer_norm %h, %gamma2, %beta2 : (!gauss.tensor<?x16x32xf32>, tensor<32xf32>, tensor<32xf32>) -> !gauss.tensor<?x16x32xf32>
  %u = gauss.matmul %m, %up transpose_rhs true : (!gauss.tensor<?x16x32xf32>, !gauss.tensor<64x32xf32>) -> !gauss.tensor<?x16x64xf32>
  %bias = gauss.reshape %up_bias : (!gauss.tensor<64xf32>) -> !gauss.tensor<1x1x64xf32>
  %b = gauss.add %u, %bias : (!gauss.tensor<?x16x64xf32>, !gauss.tensor<1x1x64xf32>) -> !gauss.tensor<?x16x64xf32>
  %g = gauss.gelu %b : (!gauss.tensor<?x16x64xf32>) -> !gauss.tensor<?x16x64xf32>
  %d = gauss.matmul %g, %down transpose_rhs true : (!gauss.tensor<?x16x64xf32>, !gauss.tensor<32x64xf32>) -> !gauss.tensor<?x16x32xf32>
  %y = gauss.add %h, %d : (!gauss.tensor<?x16x32xf32>, !gauss.tensor<?x16x32xf32>) -> !gauss.tensor<?x16x32xf32>
  return %y : !gauss.tensor<?x16x32xf32>
}
