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
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static DialectRegistry &withEverything(MlirDialectRegistry registry) {
  DialectRegistry &dialects = *unwrap(registry);
  registerAllDialects(dialects);
  registerAllExtensions(dialects);
  registerAllToLLVMIRTranslations(dialects);
  return dialects;
}

extern "C" {

using StringFn = void (*)(MlirStringRef, void *);

static MlirStringRef wrapped(llvm::StringRef text) { return {text.data(), text.size()}; }

/// What the command line of `pfp-opt` asks for.
struct PfpOptRequest {
  /// Does it ask for a list, which needs no input?
  bool lists;
};

/// Reads the command line, and tells the files: input, output, the marker at which the input is
/// split, and a file of dialects; empty where there is none.
PfpOptRequest pfp_opt_parse(int argc, char **argv, MlirDialectRegistry registry, StringFn tell,
                            void *state) {
  static llvm::InitLLVM init(argc, argv);
  registerAllPasses();
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "pfp optimizer driver\n", withEverything(registry));
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  for (llvm::StringRef text :
       {llvm::StringRef(input), llvm::StringRef(output), llvm::StringRef(config.inputSplitMarker()),
        llvm::StringRef(config.getIrdlFile())})
    tell(wrapped(text), state);
  return {config.shouldShowDialects() || config.shouldListPasses()};
}

/// Prints the list that the command line asks for.
bool pfp_opt_list(int argc, char **argv, MlirDialectRegistry registry) {
  return succeeded(MlirOptMain(argc, argv, "-", "-", *unwrap(registry)));
}

/// Runs the passes that the command line asks for. The result goes to `write` once it is whole,
/// or to standard output where `write` is null.
bool pfp_opt_run(MlirDialectRegistry registry, MlirStringRef text, MlirStringRef name,
                 StringFn write, void *state) {
  std::string printed;
  llvm::raw_string_ostream whole(printed);
  bool done = succeeded(MlirOptMain(
      write ? static_cast<llvm::raw_ostream &>(whole) : llvm::outs(),
      llvm::MemoryBuffer::getMemBufferCopy(unwrap(text), unwrap(name)), *unwrap(registry),
      MlirOptMainConfig::createFromCLOptions()));
  if (done && write)
    write(wrapped(printed), state);
  return done;
}

int pfp_lsp_main(int argc, char **argv, MlirDialectRegistry registry) {
  return asMainReturnCode(MlirLspServerMain(argc, argv, withEverything(registry)));
}

} // extern "C"
