//===- Gauss.h - C++ classes of the gauss dialect ---------------*- C++ -*-===//
//
// Generated from td/Gauss.td; see Gauss.cpp for what is written by hand.
//
//===----------------------------------------------------------------------===//

#ifndef PFP_GAUSS_H
#define PFP_GAUSS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "GaussDialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "GaussTypes.h.inc"

#define GET_OP_CLASSES
#include "GaussOps.h.inc"

#endif // PFP_GAUSS_H
