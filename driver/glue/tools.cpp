//===- tools.cpp - the stock MLIR tools with the gauss dialect ------------===//
//
// These register everything that MLIR has, which is why they are programs of
// their own: `pfp` registers what it uses (glue/registry.cpp).
//
//===----------------------------------------------------------------------===//

#include "mlir-c/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

static DialectRegistry &withEverything(MlirDialectRegistry registry) {
  DialectRegistry &dialects = *unwrap(registry);
  registerAllDialects(dialects);
  registerAllExtensions(dialects);
  registerAllToLLVMIRTranslations(dialects);
  return dialects;
}

extern "C" {

int pfp_opt_main(int argc, char **argv, MlirDialectRegistry registry) {
  registerAllPasses();
  return asMainReturnCode(
      MlirOptMain(argc, argv, "pfp optimizer driver\n", withEverything(registry)));
}

int pfp_lsp_main(int argc, char **argv, MlirDialectRegistry registry) {
  return asMainReturnCode(MlirLspServerMain(argc, argv, withEverything(registry)));
}

} // extern "C"
