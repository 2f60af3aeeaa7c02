// RUN: not pfp-opt %s --gauss-draw-locally 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: not pfp-opt %s --gauss-to-gradient="loss=gaussian:1 local=true" 2>&1 | FileCheck %s --check-prefix=PLAIN

// BATCH: error: 'func.func' op needs a batch that is fixed: --gauss-set-batch
// PLAIN: local=true is for mean=true: the plain network
func.func @open(%x: tensor<?x2xf32>) -> !gauss.tensor<?x2xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<2x2xf32>
  %0 = gauss.dense %x, %w : (tensor<?x2xf32>, !gauss.tensor<2x2xf32>) -> !gauss.tensor<?x2xf32>
  return %0 : !gauss.tensor<?x2xf32>
}
