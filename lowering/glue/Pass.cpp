//===- Pass.cpp - passes and pipelines written in Rust --------------------===//
//
// One C++ class stands for every pass of src/passes; it forwards to Rust and
// makes the pass known to the command line and to textual pipelines.
//
//===----------------------------------------------------------------------===//

#include "mlir-c/IR.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace {

/// What Rust says of a pass. The strings and the functions live forever.
struct PassDescription {
  MlirStringRef argument;
  MlirStringRef description;
  MlirTypeID id;
  const void *pass;
};

} // namespace

extern "C" {
// Implemented in Rust (src/pass.rs).
bool gauss_pass_run(const void *pass, MlirOperation module, MlirStringRef options);
bool gauss_pass_check_options(const void *pass, MlirStringRef options, MlirStringCallback report,
                              void *state);
bool gauss_pipeline_build(const void *pipeline, MlirStringRef options, MlirStringCallback text,
                          void *state, MlirStringCallback report, void *reportState);
}

static void appendTo(MlirStringRef text, void *state) {
  static_cast<std::string *>(state)->append(text.data, text.length);
}

namespace {

class RustPass : public Pass {
public:
  explicit RustPass(const PassDescription &description)
      : Pass(unwrap(description.id), ModuleOp::getOperationName()), description(description) {}
  RustPass(const RustPass &other)
      : Pass(other), description(other.description), options(other.options) {}

  StringRef getName() const override { return unwrap(description.argument); }
  StringRef getArgument() const override { return unwrap(description.argument); }
  StringRef getDescription() const override { return unwrap(description.description); }

  LogicalResult
  initializeOptions(StringRef text,
                    function_ref<LogicalResult(const Twine &)> errorHandler) override {
    std::string message;
    if (!gauss_pass_check_options(description.pass, wrap(text), appendTo, &message))
      return errorHandler(message);
    options = text.str();
    return success();
  }

  bool canScheduleOn(RegisteredOperationName name) const override {
    return name.getStringRef() == ModuleOp::getOperationName();
  }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, bufferization::BufferizationDialect, func::FuncDialect,
                    linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect,
                    memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect, ub::UBDialect,
                    vector::VectorDialect>();
  }

  void runOnOperation() override {
    if (!gauss_pass_run(description.pass, wrap(getOperation()), wrap(StringRef(options))))
      signalPassFailure();
  }

  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<RustPass>(*this); }

private:
  PassDescription description;
  std::string options;
};

} // namespace

extern "C" {

void gauss_register_pass(MlirStringRef argument, MlirStringRef description, MlirTypeID id,
                         const void *pass) {
  PassDescription entry{argument, description, id, pass};
  registerPass([entry] { return std::make_unique<RustPass>(entry); });
}

void gauss_register_pipeline(MlirStringRef argument, MlirStringRef description,
                             const void *pipeline) {
  registerPassPipeline(
      unwrap(argument), unwrap(description),
      [pipeline](OpPassManager &manager, StringRef options,
                 function_ref<LogicalResult(const Twine &)> errorHandler) -> LogicalResult {
        std::string text, message;
        if (!gauss_pipeline_build(pipeline, wrap(options), appendTo, &text, appendTo, &message))
          return errorHandler(message);
        return parsePassPipeline(text, manager);
      },
      [](function_ref<void(const detail::PassOptions &)>) {});
}

} // extern "C"
