//===- Clauses.h - attributes behind keywords -----------------------------===//
//
// The directive `custom<Clauses>("names", $attributes...)` of td/Gauss.td: the
// attributes of an op as `strides [2, 2] padding [1, 1, 1, 1]`, in any order.
//
//===----------------------------------------------------------------------===//

#ifndef GAUSS_CLAUSES_H
#define GAUSS_CLAUSES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace pfp::gauss {

/// Parses the value of one clause.
inline mlir::ParseResult parseClauseValue(mlir::OpAsmParser &parser,
                                          mlir::DenseI64ArrayAttr &attribute) {
  return parser.parseCustomAttributeWithFallback(attribute, mlir::Type());
}

inline mlir::ParseResult parseClauseValue(mlir::OpAsmParser &parser, mlir::IntegerAttr &attribute) {
  return parser.parseCustomAttributeWithFallback(attribute, parser.getBuilder().getI64Type());
}

inline mlir::ParseResult parseClauseValue(mlir::OpAsmParser &parser, mlir::BoolAttr &attribute) {
  return parser.parseCustomAttributeWithFallback(attribute, parser.getBuilder().getI1Type());
}

inline mlir::ParseResult parseClauseValue(mlir::OpAsmParser &parser, mlir::StringAttr &attribute) {
  return parser.parseCustomAttributeWithFallback(attribute, parser.getBuilder().getNoneType());
}

/// A number. MLIR's lexer takes `1.0e-05` as one token, but splits `1e-05`, as Python prints it,
/// into `1`, `e`, `-` and `05`; and it takes no integer as a float. Here both are numbers. A
/// hexadecimal number is the bit pattern of one, as everywhere in MLIR.
inline mlir::ParseResult parseClauseValue(mlir::OpAsmParser &parser, mlir::FloatAttr &attribute) {
  // The text ends at a null byte: MLIR's buffers do.
  llvm::StringRef text(parser.getCurrentLocation().getPointer());
  size_t start = text.starts_with("-") ? 1 : 0;
  llvm::StringRef digits = text.drop_front(start).take_while(llvm::isDigit);
  llvm::StringRef rest = text.drop_front(start + digits.size());
  mlir::Type f64 = parser.getBuilder().getF64Type();
  bool isInteger = !digits.empty() && !rest.starts_with(".") && !rest.starts_with("x");
  if (!isInteger)
    return parser.parseCustomAttributeWithFallback(attribute, f64);

  llvm::StringRef exponent = rest.take_front(rest.starts_with_insensitive("e") ? 1 : 0);
  llvm::StringRef sign, power;
  if (!exponent.empty()) {
    sign = rest.drop_front(1).take_while([](char c) { return c == '+' || c == '-'; });
    power = rest.drop_front(1 + sign.size()).take_while(llvm::isDigit);
  }
  llvm::StringRef number =
      text.take_front(start + digits.size() + exponent.size() + sign.size() + power.size());
  llvm::SMLoc at = parser.getCurrentLocation();
  auto isNoNumber = [&] { return parser.emitError(at) << "'" << number << "' is not a number"; };
  double value;
  bool isComplete = exponent.empty() || !power.empty();
  if (!isComplete || number.getAsDouble(value))
    return isNoNumber();

  // The tokens of the number: `e5` is one word, `e-5` three tokens.
  llvm::APInt integer;
  auto parseDigits = [&] {
    mlir::OptionalParseResult parsed = parser.parseOptionalInteger(integer);
    return mlir::success(parsed.has_value() && succeeded(*parsed));
  };
  if ((start == 1 && parser.parseMinus()) || failed(parseDigits()))
    return isNoNumber();
  if (!exponent.empty()) {
    llvm::StringRef word;
    if (parser.parseKeyword(&word) || word.size() != (sign.empty() ? 1 + power.size() : 1))
      return isNoNumber();
    if ((sign == "-" && parser.parseMinus()) || (sign == "+" && parser.parseOptionalPlus()) ||
        (!sign.empty() && failed(parseDigits())))
      return isNoNumber();
  }
  attribute = mlir::FloatAttr::get(f64, value);
  return mlir::success();
}

/// Parses clauses until something else than a word follows. `names` are those of the attributes,
/// separated by spaces. An attribute that is not given stays null.
template <typename... Attributes>
mlir::ParseResult parseClauses(mlir::OpAsmParser &parser, llvm::StringRef names,
                               Attributes &...attributes) {
  llvm::SmallVector<llvm::StringRef> known;
  names.split(known, ' ');
  while (true) {
    llvm::SMLoc at = parser.getCurrentLocation();
    llvm::StringRef keyword;
    if (failed(parser.parseOptionalKeyword(&keyword)))
      return mlir::success();
    auto *found = llvm::find(known, keyword);
    if (found == known.end())
      return parser.emitError(at) << "no attribute '" << keyword
                                  << "'; known: " << llvm::join(known, ", ");
    size_t wanted = found - known.begin();
    size_t index = 0;
    auto parseOne = [&](auto &attribute) -> mlir::ParseResult {
      if (index++ != wanted)
        return mlir::success();
      if (attribute)
        return parser.emitError(at) << "'" << keyword << "' is given twice";
      return parseClauseValue(parser, attribute);
    };
    if ((failed(parseOne(attributes)) || ...))
      return mlir::failure();
  }
}

/// Prints the clauses of attributes that do not have their default, each after a space.
template <typename OpTy, typename... Attributes>
void printClauses(mlir::OpAsmPrinter &printer, OpTy op, llvm::StringRef names,
                  Attributes... attributes) {
  typename OpTy::Properties properties;
  OpTy::populateDefaultProperties(op->getName(), properties);
  auto defaults = llvm::dyn_cast_or_null<mlir::DictionaryAttr>(
      OpTy::getPropertiesAsAttr(op->getContext(), properties));
  auto printOne = [&](auto attribute) {
    auto [name, rest] = names.split(' ');
    names = rest;
    if (!attribute || (defaults && defaults.get(name) == attribute))
      return;
    printer << ' ' << name << ' ';
    if constexpr (std::is_same_v<decltype(attribute), mlir::DenseI64ArrayAttr>)
      printer.printStrippedAttrOrType(attribute);
    else
      printer.printAttributeWithoutType(attribute);
  };
  (printOne(attributes), ...);
}

} // namespace pfp::gauss

#endif // GAUSS_CLAUSES_H
