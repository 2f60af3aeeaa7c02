//===- Gauss.cpp - the gauss dialect --------------------------------------===//
//
// What TableGen cannot express: the type's syntax, the calls into the Rust
// shape rules and verifiers (src/verify.rs), folds and canonicalisations, and
// the C functions that src/ffi.rs declares.
//
//===----------------------------------------------------------------------===//

#include "Gauss.h"

#include "Clauses.h"

#include "mlir-c/IR.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace pfp::gauss;

// Implemented in Rust (src/verify.rs). Each reports at most one message.
extern "C" {
bool gauss_infer_result(MlirStringRef op, const MlirType *operands, intptr_t count,
                        MlirAttribute attributes, MlirType *result, MlirStringCallback report,
                        void *state);
bool gauss_verify_source(MlirOperation op, MlirStringCallback report, void *state);
}

static void appendTo(MlirStringRef text, void *state) {
  static_cast<std::string *>(state)->append(text.data, text.length);
}

//===----------------------------------------------------------------------===//
// Type
//===----------------------------------------------------------------------===//

static ParseResult parseDimensions(AsmParser &parser, SmallVectorImpl<int64_t> &shape,
                                   Type &element, int64_t &nodes) {
  nodes = 0;
  if (parser.parseDimensionList(shape) || parser.parseType(element))
    return failure();
  if (failed(parser.parseOptionalComma()))
    return success();
  nodes = 1;
  if (parser.parseKeyword("covariance"))
    return failure();
  if (failed(parser.parseOptionalLess()))
    return success();
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseInteger(nodes) || parser.parseGreater())
    return failure();
  // Of 0 and 1 the type is another one.
  if (nodes < 2)
    return parser.emitError(at) << "a gauss.tensor with covariances is a mixture of 3, 5, 9, 15, 25, 45 or 75 nodes, not "
                                << nodes;
  return success();
}

static void printDimensions(AsmPrinter &printer, ArrayRef<int64_t> shape, Type element,
                            int64_t nodes) {
  for (int64_t size : shape) {
    if (ShapedType::isDynamic(size))
      printer << "?";
    else
      printer << size;
    printer << "x";
  }
  printer << element;
  if (nodes > 0)
    printer << ", covariance";
  if (nodes > 1)
    printer << "<" << nodes << ">";
}

LogicalResult GaussTensorType::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                                      ArrayRef<int64_t> shape, Type element, int64_t nodes) {
  if (!element.isF32())
    return emitError() << "gauss.tensor has element type f32, not " << element;
  int64_t elements = 1;
  for (auto [index, size] : llvm::enumerate(shape)) {
    if (ShapedType::isDynamic(size)) {
      if (index != 0)
        return emitError() << "only the leading dimension of a gauss.tensor, the batch, may be "
                              "dynamic; dimension "
                           << index << " is";
      continue;
    }
    if (size <= 0)
      return emitError() << "dimension " << index << " of a gauss.tensor has size " << size;
    if (llvm::MulOverflow(elements, size, elements) || elements > (int64_t(1) << 28))
      return emitError() << "gauss.tensor has more than 2^28 elements";
  }
  if (!llvm::is_contained({0, 1, 3, 5, 9, 15, 25, 45, 75}, nodes))
    return emitError() << "a gauss.tensor with covariances is a mixture of 3, 5, 9, 15, 25, 45 or 75 nodes, not "
                       << nodes;
  if (nodes > 0 && shape.size() != 2)
    return emitError() << "a gauss.tensor with covariances has the items and their elements as "
                          "dimensions, not "
                       << shape.size();
  if (nodes > 0 && shape.back() > 4096)
    return emitError() << "a gauss.tensor with covariances has up to 4096 elements an item, not "
                       << shape.back();
  return success();
}

//===----------------------------------------------------------------------===//
// Type inference and verifiers
//===----------------------------------------------------------------------===//

/// Asks the Rust shape rule of `name` for the result type; a null type and a
/// message where the operands do not fit.
static Type inferResult(StringRef name, ValueRange operands, Attribute attributes,
                        std::string &message) {
  SmallVector<MlirType> types;
  for (Value operand : operands)
    types.push_back(wrap(operand.getType()));
  MlirType result = {nullptr};
  if (!gauss_infer_result(wrap(name), types.data(), types.size(), wrap(attributes), &result,
                          appendTo, &message))
    return Type();
  return unwrap(result);
}

template <typename OpTy>
static LogicalResult inferReturnTypesOf(MLIRContext *context, std::optional<Location> location,
                                        ValueRange operands, OpaqueProperties properties,
                                        SmallVectorImpl<Type> &inferred) {
  Attribute attributes;
  if constexpr (!std::is_same_v<typename OpTy::Properties, EmptyProperties>)
    attributes = OpTy::getPropertiesAsAttr(context, *properties.as<typename OpTy::Properties *>());
  std::string message;
  Type result = inferResult(OpTy::getOperationName(), operands, attributes, message);
  if (!result)
    return emitOptionalError(location, "'", OpTy::getOperationName(), "' op ", message);
  inferred.push_back(result);
  return success();
}

static LogicalResult verifyLayer(Operation *op) {
  std::string message;
  Attribute attributes = op->getPropertiesAsAttribute();
  Type expected = inferResult(op->getName().getStringRef(), op->getOperands(), attributes, message);
  if (!expected)
    return op->emitOpError() << message;
  if (op->getResult(0).getType() != expected)
    return op->emitOpError() << "has result type " << op->getResult(0).getType()
                             << ", but its operands and attributes give " << expected;
  return success();
}

static LogicalResult verifySource(Operation *op) {
  std::string message;
  if (gauss_verify_source(wrap(op), appendTo, &message))
    return success();
  return op->emitOpError() << message;
}

LogicalResult ParameterOp::verify() { return verifySource(getOperation()); }
LogicalResult ConstantOp::verify() { return verifySource(getOperation()); }
LogicalResult ReshapeOp::verify() { return verifySource(getOperation()); }

//===----------------------------------------------------------------------===//
// Folds and canonicalisations
//===----------------------------------------------------------------------===//

OpFoldResult MakeOp::fold(FoldAdaptor) {
  auto mean = getMean().getDefiningOp<MeanOp>();
  auto variance = getVariance().getDefiningOp<VarianceOp>();
  if (mean && variance && mean.getInput() == variance.getInput())
    return mean.getInput();
  return {};
}

OpFoldResult MeanOp::fold(FoldAdaptor) {
  if (auto make = getInput().getDefiningOp<MakeOp>())
    return make.getMean();
  if (auto constant = getInput().getDefiningOp<ConstantOp>())
    return constant.getMeanAttr();
  return {};
}

OpFoldResult VarianceOp::fold(FoldAdaptor) {
  if (auto make = getInput().getDefiningOp<MakeOp>())
    return make.getVariance();
  if (auto constant = getInput().getDefiningOp<ConstantOp>())
    return constant.getVarianceAttr();
  return {};
}

OpFoldResult MarginalsOp::fold(FoldAdaptor) {
  auto correlated = getInput().getDefiningOp<CorrelatedOp>();
  return correlated ? OpFoldResult(correlated.getInput()) : OpFoldResult();
}

OpFoldResult ReluOp::fold(FoldAdaptor) {
  // Only a deterministic maximum is idempotent: the moments of a rectified
  // Gaussian are not those of a rectified Gaussian again.
  bool deterministic = isa<RankedTensorType>(getInput().getType());
  if (deterministic && getInput().getDefiningOp<ReluOp>())
    return getInput();
  return {};
}

/// A window of one element that moves by 1 and is not padded is the identity.
template <typename PoolOp> static OpFoldResult foldUnitWindow(PoolOp op) {
  auto isOne = [](int64_t size) { return size == 1; };
  if (op.getInput().getType() == op.getType() && llvm::all_of(op.getKernel(), isOne) &&
      llvm::all_of(op.getStrides(), isOne))
    return op.getInput();
  return {};
}

OpFoldResult MaxPool1dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }
OpFoldResult MaxPool2dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }
OpFoldResult MaxPool3dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }
OpFoldResult AvgPool1dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }
OpFoldResult AvgPool2dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }
OpFoldResult AvgPool3dOp::fold(FoldAdaptor) { return foldUnitWindow(*this); }

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

OpFoldResult FlattenOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

LogicalResult ReshapeOp::canonicalize(ReshapeOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<ReshapeOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput());
  return success();
}

LogicalResult FlattenOp::canonicalize(FlattenOp op, PatternRewriter &rewriter) {
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
  return success();
}

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

#include "GaussDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "GaussTypes.cpp.inc"

#define GET_OP_CLASSES
#include "GaussOps.cpp.inc"

namespace {

/// Every op is a pure function of its operands, so it may stand anywhere.
struct GaussInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;

  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
};

} // namespace

void GaussDialect::initialize() {
  addInterfaces<GaussInlinerInterface>();
  addTypes<
#define GET_TYPEDEF_LIST
#include "GaussTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "GaussOps.cpp.inc"
      >();
}

Operation *GaussDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                             Location location) {
  return arith::ConstantOp::materialize(builder, value, type, location);
}

//===----------------------------------------------------------------------===//
// C functions for src/ffi.rs
//===----------------------------------------------------------------------===//

extern "C" {

void gauss_register_dialect(MlirDialectRegistry registry) {
  unwrap(registry)->insert<GaussDialect>();
}

bool gauss_type_is_tensor(MlirType type) { return isa<GaussTensorType>(unwrap(type)); }

/// How many Gaussians with covariances are mixed, 0 where no covariances are known.
int64_t gauss_type_nodes(MlirType type) {
  auto tensor = dyn_cast<GaussTensorType>(unwrap(type));
  return tensor ? tensor.getNodes() : 0;
}

/// The Gaussian tensor type of this shape, or a null type and a diagnostic at
/// `location`.
MlirType gauss_tensor_type_get_checked(MlirLocation location, intptr_t rank, const int64_t *shape,
                                       MlirType element, int64_t nodes) {
  Location at = unwrap(location);
  return wrap(Type(GaussTensorType::getChecked([at] { return emitError(at); }, at.getContext(),
                                               ArrayRef<int64_t>(shape, rank), unwrap(element),
                                               nodes)));
}

/// The number of elements of an elements attribute with static shape, or -1.
int64_t gauss_elements_count(MlirAttribute attribute) {
  auto elements = dyn_cast<ElementsAttr>(unwrap(attribute));
  if (!elements || !elements.getShapedType().hasStaticShape())
    return -1;
  return elements.getShapedType().getNumElements();
}

/// Copies a `dense` or `dense_resource` attribute of f32 into `out`, which holds
/// gauss_elements_count floats. False where the attribute has no such data.
bool gauss_elements_read_f32(MlirAttribute attribute, float *out) {
  Attribute raw = unwrap(attribute);
  if (auto dense = dyn_cast<DenseElementsAttr>(raw)) {
    if (!dense.getElementType().isF32())
      return false;
    llvm::copy(dense.getValues<float>(), out);
    return true;
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(raw)) {
    if (!resource.getType().getElementType().isF32())
      return false;
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    size_t bytes = resource.getType().getNumElements() * sizeof(float);
    if (!blob || blob->getData().size() != bytes)
      return false;
    std::memcpy(out, blob->getData().data(), bytes);
    return true;
  }
  return false;
}

/// Reports an error of an operation, and where `note` is not empty a note at `at`.
void gauss_emit_op_error(MlirOperation op, MlirStringRef message, MlirLocation at,
                         MlirStringRef note) {
  InFlightDiagnostic error = unwrap(op)->emitOpError() << unwrap(message);
  if (note.length != 0)
    error.attachNote(unwrap(at)) << unwrap(note);
}

/// Remarks on an operation, with a note at `at`.
void gauss_emit_op_remark(MlirOperation op, MlirStringRef message, MlirLocation at,
                          MlirStringRef note) {
  InFlightDiagnostic remark = unwrap(op)->emitRemark();
  remark << "'" << unwrap(op)->getName() << "' op " << unwrap(message);
  remark.attachNote(unwrap(at)) << unwrap(note);
}

/// Reports an error at a location, and where `note` is not empty a note there.
void gauss_emit_error(MlirLocation at, MlirStringRef message, MlirStringRef note) {
  InFlightDiagnostic error = emitError(unwrap(at)) << unwrap(message);
  if (note.length != 0)
    error.attachNote() << unwrap(note);
}

} // extern "C"
