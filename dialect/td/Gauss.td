//===- Gauss.td - the gauss dialect: types and ops ------------------------===//
//
// The single source of the dialect: C++ op classes, the assembly format, the
// Rust builders and the op pages in docs/ops come from this file.
//
//===----------------------------------------------------------------------===//

#ifndef GAUSS_TD
#define GAUSS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Gauss_Dialect : Dialect {
  let name = "gauss";
  let cppNamespace = "::pfp::gauss";
  let summary = "Gaussian-distributed tensors and probabilistic layers";
  let description = [{
    A value of type `!gauss.tensor` is a tensor of independent Gaussians, known
    by mean and variance. The ops are the layers of a Bayesian neural network:
    each maps the moments of its operands to the moments of its result in
    closed form (the Probabilistic Forward Pass, arXiv 2511.23440).

    Independence of the elements is the approximation of the method: whatever
    correlation a layer creates between its outputs is dropped.

    Every operand of a layer is Gaussian (`!gauss.tensor`) or deterministic
    (`tensor`), in any combination. The result is Gaussian where an operand is.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Gauss_TensorType : TypeDef<Gauss_Dialect, "GaussTensor",
    [ShapedTypeInterface, ValueSemantics]> {
  let mnemonic = "tensor";
  let summary = "tensor of Gaussians, known by mean and variance";
  let description = [{
    Example: `!gauss.tensor<?x10xf32>`, a batch of ten Gaussian logits that are
    independent; `!gauss.tensor<?x10xf32, covariance>`, with the covariances
    of the ten logits of each item; and `!gauss.tensor<?x10xf32, covariance<5>>`,
    a mixture of five such Gaussians, the nodes of a scale that the ten share
    (`gauss.scale_mixture`). The element type is `f32`. Only the leading
    dimension, the batch, may be dynamic; no dimension is zero.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "int64_t":$nodes);
  let assemblyFormat = "`<` custom<Dimensions>($shape, $elementType, $nodes) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    bool hasRank() const { return true; }
    GaussTensorType cloneWith(std::optional<::llvm::ArrayRef<int64_t>> shape,
                              ::mlir::Type elementType) const {
      return get(getContext(), shape.value_or(getShape()), elementType, getNodes());
    }
  }];
}

def Gauss_Deterministic : RankedTensorOf<[F32]>;
def Gauss_Operand : AnyTypeOf<[Gauss_TensorType, Gauss_Deterministic],
    "f32 tensor, Gaussian (`!gauss.tensor`) or deterministic (`tensor`)">;

//===----------------------------------------------------------------------===//
// Op classes
//===----------------------------------------------------------------------===//

class Gauss_Op<string mnemonic, list<Trait> traits = []>
    : Op<Gauss_Dialect, mnemonic, traits # [Pure]>;

// A layer: its result type follows from operands and attributes. The shape rule
// is the Rust function of the op's name in src/shape.rs; it serves type
// inference and the verifier.
class Gauss_Layer<string mnemonic, list<Trait> traits = []>
    : Gauss_Op<mnemonic, traits # [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let results = (outs Gauss_Operand:$result);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr, ::mlir::OpaqueProperties properties,
        ::mlir::RegionRange, ::llvm::SmallVectorImpl<::mlir::Type> &inferred) {
      return inferReturnTypesOf<$cppClass>(context, location, operands, properties, inferred);
    }
    ::llvm::LogicalResult $cppClass::verify() { return verifyLayer(getOperation()); }
  }];
}

// A function of single elements, in src/ops/activation.
class Gauss_Activation<string mnemonic> : Gauss_Layer<mnemonic> {
  let arguments = (ins Gauss_Operand:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

// The same with attributes of its own, behind their names.
class Gauss_ActivationWith<string mnemonic, string names, string values, dag attributes>
    : Gauss_Activation<mnemonic> {
  let arguments = !con((ins Gauss_Operand:$input), attributes);
  let assemblyFormat = "$input `` custom<Clauses>(\"\\\"" # names # "\\\"\", " # values
    # ") attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Sources and components
//===----------------------------------------------------------------------===//

def Gauss_ParameterOp : Gauss_Op<"parameter"> {
  let summary = "a named tensor of the posterior";
  let description = [{
    Stands for a tensor that is trained, not written into the module.
    `--gauss-load-parameters` replaces it by the values of a parameter file:
    a Gaussian parameter `fc1.weight` by the tensors `fc1.weight.mean` and
    `fc1.weight.var` (a variance), a deterministic one by the tensor of its
    name. Where no file is given it lowers to an external `memref.global`.

    ```mlir
    %w = gauss.parameter "fc1.weight" : !gauss.tensor<120x400xf32>
    %g = gauss.parameter "bn1.gamma" : tensor<8xf32>
    ```

    Constraints: the name is not empty; the shape is static.
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs Gauss_Operand:$result);
  let assemblyFormat = "$name attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

def Gauss_ConstantOp : Gauss_Op<"constant"> {
  let summary = "a Gaussian tensor with known mean and variance";
  let description = [{
    ```mlir
    %b = gauss.constant mean(dense<[1.0, -2.0]> : tensor<2xf32>)
                        variance(dense<0.25> : tensor<2xf32>) : !gauss.tensor<2xf32>
    ```

    A deterministic constant is `arith.constant`.

    Constraints: both attributes are `dense` or `dense_resource`, of the result's
    shape and `f32`; every mean is finite; every variance is finite and not
    negative. A zero variance is an ordinary value.
  }];
  let arguments = (ins ElementsAttr:$mean, ElementsAttr:$variance);
  let results = (outs Gauss_TensorType:$result);
  let assemblyFormat = [{
    `mean` `(` $mean `)` `variance` `(` $variance `)` attr-dict `:` qualified(type($result))
  }];
  let hasVerifier = 1;
}

def Gauss_MakeOp : Gauss_Layer<"make", [AllTypesMatch<["mean", "variance"]>]> {
  let summary = "a Gaussian tensor from its mean and its variance";
  let description = [{
    ```mlir
    %x = gauss.make %mean, %variance : tensor<4x10xf32>
    ```

    The caller promises that no variance is negative. `gauss.make(gauss.mean(%x),
    gauss.variance(%x))` folds to `%x`.
  }];
  let arguments = (ins Gauss_Deterministic:$mean, Gauss_Deterministic:$variance);
  let results = (outs Gauss_TensorType:$result);
  let assemblyFormat = "$mean `,` $variance attr-dict `:` type($mean)";
  let hasFolder = 1;
}

class Gauss_ComponentOp<string mnemonic> : Gauss_Layer<mnemonic> {
  let arguments = (ins Gauss_TensorType:$input);
  let results = (outs Gauss_Deterministic:$result);
  let assemblyFormat = "$input attr-dict `:` qualified(type($input))";
  let hasFolder = 1;
}

def Gauss_MeanOp : Gauss_ComponentOp<"mean"> {
  let summary = "the mean of a Gaussian tensor";
  let description = [{
    ```mlir
    %m = gauss.mean %x : !gauss.tensor<4x10xf32>
    ```

    Folds on `gauss.make` and `gauss.constant`.
  }];
}

def Gauss_VarianceOp : Gauss_ComponentOp<"variance"> {
  let summary = "the variance of a Gaussian tensor";
  let description = [{
    ```mlir
    %v = gauss.variance %x : !gauss.tensor<4x10xf32>
    ```

    Folds on `gauss.make` and `gauss.constant`.
  }];
}

//===----------------------------------------------------------------------===//
// Covariances
//===----------------------------------------------------------------------===//

def Gauss_CorrelatedOp : Gauss_Layer<"correlated"> {
  let summary = "independent Gaussians as a tensor whose covariances are known, all 0";
  let description = [{
    ```mlir
    %y = gauss.correlated %x : (!gauss.tensor<?x84xf32>) -> !gauss.tensor<?x84xf32, covariance>
    ```

    From here on the layers that have a rule for them carry the covariances of
    the elements of each item along: `gauss.dense`, activations, `gauss.add`,
    `gauss.sub`, and `gauss.mul` and `gauss.div` by known numbers.

    Constraints: `input` is Gaussian and N×D, with D up to 4096.
  }];
  let arguments = (ins Gauss_TensorType:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Gauss_MarginalsOp : Gauss_Layer<"marginals"> {
  let summary = "mean and variance of each element, without covariances";
  let description = [{
    ```mlir
    %y = gauss.marginals %x : (!gauss.tensor<?x10xf32, covariance>) -> !gauss.tensor<?x10xf32>
    ```

    What ops without a rule for covariances take. Folds on `gauss.correlated`.

    Constraints: `input` has covariances.
  }];
  let arguments = (ins Gauss_TensorType:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Gauss_CovarianceOp : Gauss_Layer<"covariance"> {
  let summary = "the covariance matrix of each item";
  let description = [{
    `result[n, i, j] = Cov(input[n, i], input[n, j])`

    ```mlir
    %c = gauss.covariance %x : (!gauss.tensor<?x10xf32, covariance>) -> tensor<?x10x10xf32>
    %d = gauss.covariance %y of_nodes true
      : (!gauss.tensor<?x10xf32, covariance<5>>) -> tensor<?x5x10x10xf32>
    ```

    Symmetric and, up to rounding, positive semidefinite. The diagonal is
    `gauss.variance`. Of a mixture it is the covariance of the whole, or, with
    `of_nodes`, that of each node.

    Constraints: `input` has covariances; `of_nodes` is for mixtures.
  }];
  let arguments = (ins
    Gauss_TensorType:$input, DefaultValuedAttr<BoolAttr, "false">:$of_nodes);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"of_nodes\"", $of_nodes)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_NodesOp : Gauss_Layer<"nodes"> {
  let summary = "mean and variance of each element at each node of a mixture";
  let description = [{
    ```mlir
    %n = gauss.nodes %x : (!gauss.tensor<?x10xf32, covariance<5>>) -> !gauss.tensor<?x5x10xf32>
    ```

    What `gauss.mix` makes of them is `gauss.marginals`.

    Constraints: `input` is a mixture.
  }];
  let arguments = (ins Gauss_TensorType:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Gauss_MixOp : Gauss_Layer<"mix"> {
  let summary = "the mixture of nodes";
  let description = [{
    `mean = Σ_k w_k mean[n, k, ..]`,
    `variance = Σ_k w_k (variance[n, k, ..] + (mean[n, k, ..] - mean)²)`

    ```mlir
    %y = gauss.mix %x : (!gauss.tensor<?x5x10xf32>) -> !gauss.tensor<?x10xf32>
    ```

    The weights w are those of Gauss-Hermite quadrature with as many nodes. Of
    plain numbers, their weighted mean.

    Constraints: `input` has the nodes, 3, 5, 9, 15, 25, 45 or 75, as its second dimension.
  }];
  let arguments = (ins Gauss_Operand:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Gauss_SquareDeviationOp : Gauss_Layer<"square_deviation"> {
  let summary = "standard deviation of the square of a Gaussian, or of its positive part";
  let description = [{
    `√Var(input²)`, or with `rectified` `√Var(max(input, 0)²)`, both exact.

    ```mlir
    %d = gauss.square_deviation %x rectified true
      : (!gauss.tensor<?x400xf32>) -> tensor<?x400xf32>
    ```

    Of a deterministic input 0.
  }];
  let arguments = (ins
    Gauss_Operand:$input, DefaultValuedAttr<BoolAttr, "false">:$rectified);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"rectified\"", $rectified)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ScaleNodesOp : Gauss_Layer<"scale_nodes"> {
  let summary = "the nodes of a log-normal scale of mean 1";
  let description = [{
    With r = variance[n]/mean[n]² and l² = ln(1 + r),
    `result[n, k] = c·exp(l·x_k - l²/2)` at the nodes x of Gauss-Hermite
    quadrature, with c such that the weighted mean is 1.

    ```mlir
    %z = gauss.scale_nodes %variance, %mean nodes 5 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?x5xf32>
    ```

    Where the mean is 0 all nodes are 1.

    Constraints: `variance` and `mean` are of one dimension and not negative; `nodes` is 3 or 5.
  }];
  let arguments = (ins
    Gauss_Deterministic:$variance, Gauss_Deterministic:$mean, I64Attr:$nodes);
  let assemblyFormat = [{
    $variance `,` $mean `nodes` $nodes attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ScaleMixtureOp : Gauss_Layer<"scale_mixture"> {
  let summary = "dense layer whose outputs share a random scale, as a mixture over it";
  let description = [{
    The outputs of a dense layer, given its input, have the variance Σ_k s_k input_k²
    from its weights: one number, and random, for all of them. As `gauss.dense`, but
    the result is a mixture of `nodes` Gaussians, each with another scale of that
    variance; the scale is log-normal with the variance that follows from the squares
    of the input.

    ```mlir
    %y = gauss.scale_mixture %x, %z, %w, %b nodes 5 groups 16 rectified true
      : (!gauss.tensor<?x400xf32>, !gauss.tensor<?x400xf32>, !gauss.tensor<120x400xf32>,
         !gauss.tensor<120xf32>) -> !gauss.tensor<?x120xf32, covariance<5>>
    ```

    `before` is what the input is a square of which is taken: with `rectified` what
    the input is the positive part of, else the input itself. Its elements are
    `groups` of equally many; those of a group, the positions of a channel that share
    a kernel, are taken to rise and fall together, others as independent.

    A mixture as input makes a mixture of each of its nodes: of 5 and then 3, `covariance<15>`.

    Constraints: `input` and `before` are N×D and Gaussian, of the same nodes, `weight` is
    Gaussian; `groups` divides D; `nodes` is 3 or 5, and 3 within 3; there are up to 75 in all; all
    else as in `gauss.dense`.
  }];
  let arguments = (ins
    Gauss_TensorType:$input, Gauss_TensorType:$before, Gauss_TensorType:$weight,
    Optional<Gauss_Operand>:$bias, I64Attr:$nodes, I64Attr:$groups,
    DefaultValuedAttr<BoolAttr, "false">:$rectified);
  let assemblyFormat = [{
    $input `,` $before `,` $weight (`,` $bias^)? `` custom<Clauses>("\"nodes groups rectified\"", $nodes, $groups, $rectified)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_WithDiagonalOp : Gauss_Layer<"with_diagonal"> {
  let summary = "square matrices with another diagonal";
  let description = [{
    `result[n, i, j] = diagonal[n, i]` where i = j, else `matrices[n, i, j]`

    ```mlir
    %c = gauss.with_diagonal %m, %v : (tensor<?x10x10xf32>, tensor<?x10xf32>) -> tensor<?x10x10xf32>
    ```

    What `gauss.covariance` becomes.

    Constraints: `matrices` is N×D×D, `diagonal` N×D, both deterministic.
  }];
  let arguments = (ins Gauss_Deterministic:$matrices, Gauss_Deterministic:$diagonal);
  let assemblyFormat = "$matrices `,` $diagonal attr-dict `:` functional-type(operands, results)";
}

def Gauss_GainOp : Gauss_Layer<"gain"> {
  let summary = "the expected derivative of an activation of a Gaussian, E[f'(input)]";
  let description = [{
    ```mlir
    %g = gauss.gain %x function "leaky_relu" settings {slope = 0.1}
      : (!gauss.tensor<?x84xf32>) -> tensor<?x84xf32>
    ```

    The derivative of the mean of `gauss.leaky_relu` by the mean of its input;
    0 where the input has no variance. The covariance of f(x) and f(y) is the
    product of their gains with that of x and y, to first order of Price's
    theorem.

    Constraints: `function` is the name of an activation of the dialect, and
    `settings` are the attributes of it.
  }];
  let arguments = (ins
    Gauss_Operand:$input, StrAttr:$function, OptionalAttr<DictionaryAttr>:$settings);
  let assemblyFormat = [{
    $input `function` $function (`settings` $settings^)?
    attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

def Gauss_DenseOp : Gauss_Layer<"dense"> {
  let summary = "fully connected layer";
  let description = [{
    `result[n, o] = Σ_k input[n, k] · weight[o, k] + bias[o]`

    ```mlir
    %y = gauss.dense %x, %w, %b
      : (tensor<?x784xf32>, !gauss.tensor<100x784xf32>, !gauss.tensor<100xf32>)
      -> !gauss.tensor<?x100xf32>
    ```

    With input mean m, variance v and weight mean μ, variance s:
    mean = Σ mμ + E[b], variance = Σ (v(s + μ²) + m²s) + Var[b]. Exact if
    the operands are independent. A term vanishes where its operand is
    deterministic.

    Constraints: `input` is N×K, `weight` is O×K, `bias` (optional) is O.
  }];
  let arguments = (ins Gauss_Operand:$input, Gauss_Operand:$weight, Optional<Gauss_Operand>:$bias);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

// A convolution, in src/ops/contraction.rs; the defaults are those of its rank.
class Gauss_Convolution<string mnemonic, string ones, string zeros> : Gauss_Layer<mnemonic> {
  let arguments = (ins
    Gauss_Operand:$input, Gauss_Operand:$weight, Optional<Gauss_Operand>:$bias,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, zeros>:$padding,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$dilation,
    DefaultValuedAttr<I64Attr, "1">:$groups);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)?
    `` custom<Clauses>("\"strides padding dilation groups\"", $strides, $padding, $dilation, $groups)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_Conv1dOp : Gauss_Convolution<"conv1d", "{1}", "{0, 0}"> {
  let summary = "one-dimensional convolution (cross-correlation)";
  let description = [{
    `result[n, o, x] = Σ_{c,i} input[n, c, x·s + i·d − left] · weight[o, c, i] + bias[o]`,
    zero outside of the input.

    ```mlir
    %y = gauss.conv1d %x, %w, %b strides [2] padding [1, 1]
      : (!gauss.tensor<1x6x14xf32>, !gauss.tensor<16x6x3xf32>, !gauss.tensor<16xf32>)
      -> !gauss.tensor<1x16x7xf32>
    ```

    The moments are those of `gauss.dense`, over the window. Padding is the
    constant zero: mean 0, variance 0.

    Attributes: `strides` [s], `padding` [left, right], `dilation` [d], `groups`.

    Constraints: `input` is N×C×L, `weight` is O×(C/groups)×K, `bias` (optional)
    is O; all else as in `gauss.conv2d`.
  }];
}

def Gauss_Conv2dOp : Gauss_Convolution<"conv2d", "{1, 1}", "{0, 0, 0, 0}"> {
  let summary = "two-dimensional convolution (cross-correlation)";
  let description = [{
    `result[n, o, y, x] = Σ_{c,i,j} input[n, c, y·s₀ + i·d₀ − top, x·s₁ + j·d₁ − left] · weight[o, c, i, j] + bias[o]`,
    zero outside of the input.

    ```mlir
    %y = gauss.conv2d %x, %w, %b strides [2, 2] padding [1, 1, 1, 1]
      : (!gauss.tensor<1x6x14x14xf32>, !gauss.tensor<16x6x3x3xf32>, !gauss.tensor<16xf32>)
      -> !gauss.tensor<1x16x7x7xf32>
    ```

    The moments are those of `gauss.dense`, over the window. Padding is the
    constant zero: mean 0, variance 0.

    Attributes: `strides` [height, width], `padding` [top, left, bottom, right],
    `dilation` [height, width], `groups`.

    Constraints: `input` is N×C×H×W, `weight` is O×(C/groups)×KH×KW, `bias`
    (optional) is O; `groups` divides C and O; strides and dilations are
    positive, paddings are not negative; the window fits at least once. Output
    sizes round down.
  }];
}

def Gauss_Conv3dOp
    : Gauss_Convolution<"conv3d", "{1, 1, 1}", "{0, 0, 0, 0, 0, 0}"> {
  let summary = "three-dimensional convolution (cross-correlation)";
  let description = [{
    `result[n, o, z, y, x] = Σ_{c,h,i,j} input[n, c, z·s₀ + h·d₀ − front, y·s₁ + i·d₁ − top, x·s₂ + j·d₂ − left] · weight[o, c, h, i, j] + bias[o]`,
    zero outside of the input.

    ```mlir
    %y = gauss.conv3d %x, %w, %b padding [1, 1, 1, 1, 1, 1]
      : (!gauss.tensor<1x2x4x8x8xf32>, !gauss.tensor<6x2x3x3x3xf32>, !gauss.tensor<6xf32>)
      -> !gauss.tensor<1x6x4x8x8xf32>
    ```

    The moments are those of `gauss.dense`, over the window. Padding is the
    constant zero: mean 0, variance 0.

    Attributes: `strides` [depth, height, width], `padding` [front, top, left,
    back, bottom, right], `dilation` [depth, height, width], `groups`.

    Constraints: `input` is N×C×D×H×W, `weight` is O×(C/groups)×KD×KH×KW, `bias`
    (optional) is O; all else as in `gauss.conv2d`.
  }];
}

// A transposed convolution, in src/ops/contraction.rs; the defaults are those of its rank.
class Gauss_ConvTranspose<string mnemonic, string ones, string zeros, string paddings>
    : Gauss_Layer<mnemonic> {
  let arguments = (ins
    Gauss_Operand:$input, Gauss_Operand:$weight, Optional<Gauss_Operand>:$bias,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, paddings>:$padding,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$dilation,
    DefaultValuedAttr<DenseI64ArrayAttr, zeros>:$output_padding,
    DefaultValuedAttr<I64Attr, "1">:$groups);
  let assemblyFormat = [{
    $input `,` $weight (`,` $bias^)?
    `` custom<Clauses>("\"strides padding dilation output_padding groups\"", $strides, $padding, $dilation, $output_padding, $groups)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_MatmulOp : Gauss_Layer<"matmul"> {
  let summary = "product of matrices, one for each leading index";
  let description = [{
    `result[…, i, j] = Σ_k lhs[…, i, k] · rhs[…, k, j]`

    ```mlir
    %y = gauss.matmul %q, %k transpose_rhs true
      : (!gauss.tensor<?x4x16x8xf32>, !gauss.tensor<?x4x16x8xf32>) -> !gauss.tensor<?x4x16x16xf32>
    ```

    The moments are those of `gauss.dense`: exact for independent elements.
    Elements of one result row share those of `lhs`; that covariance is dropped.

    Attributes: `transpose_lhs`, for …×K×M; `transpose_rhs`, for …×N×K.

    Constraints: both operands have rank 2 or more, and the same K. Leading
    dimensions of size 1, or that one operand does not have, are repeated. A batch
    that is not fixed is not summed.
  }];
  let arguments = (ins Gauss_Operand:$lhs, Gauss_Operand:$rhs,
    DefaultValuedAttr<BoolAttr, "false">:$transpose_lhs,
    DefaultValuedAttr<BoolAttr, "false">:$transpose_rhs);
  let assemblyFormat = [{
    $lhs `,` $rhs `` custom<Clauses>("\"transpose_lhs transpose_rhs\"", $transpose_lhs, $transpose_rhs)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ConvTranspose1dOp
    : Gauss_ConvTranspose<"conv_transpose1d", "{1}", "{0}", "{0, 0}"> {
  let summary = "one-dimensional transposed convolution";
  let description = [{
    `result[n, o, x·s + i·d − left] += input[n, c, x] · weight[c, o, i]` over all
    c, x and i, from `bias[o]`.

    ```mlir
    %y = gauss.conv_transpose1d %x, %w strides [2] padding [1, 1]
      : (!gauss.tensor<1x16x7xf32>, !gauss.tensor<16x6x4xf32>) -> !gauss.tensor<1x6x14xf32>
    ```

    Attributes: `strides` [s], `padding` [left, right], `dilation` [d],
    `output_padding` [right], `groups`.

    Constraints: `input` is N×C×L, `weight` is C×(O/groups)×K, `bias` (optional) is
    O; all else as in `gauss.conv_transpose2d`.
  }];
}

def Gauss_ConvTranspose2dOp
    : Gauss_ConvTranspose<"conv_transpose2d", "{1, 1}", "{0, 0}", "{0, 0, 0, 0}"> {
  let summary = "two-dimensional transposed convolution";
  let description = [{
    `result[n, o, y·s₀ + i·d₀ − top, x·s₁ + j·d₁ − left] += input[n, c, y, x] · weight[c, o, i, j]`
    over all c, y, x, i and j, from `bias[o]`: the transpose of the linear map that
    `gauss.conv2d` is.

    ```mlir
    %y = gauss.conv_transpose2d %x, %w, %b strides [2, 2] padding [1, 1, 1, 1]
      : (!gauss.tensor<1x16x7x7xf32>, !gauss.tensor<16x6x4x4xf32>, !gauss.tensor<6xf32>)
      -> !gauss.tensor<1x6x14x14xf32>
    ```

    The moments are those of `gauss.dense`, over the products that fall on a place.
    No product with a zero between elements of the input is computed.

    Attributes: `strides` [height, width], `padding` [top, left, bottom, right], cut
    off the result, `dilation` [height, width], `output_padding` [bottom, right],
    places that are not cut off or that hold the bias alone, `groups`.

    Constraints: `input` is N×C×H×W, `weight` is C×(O/groups)×KH×KW, `bias`
    (optional) is O; `groups` divides C; strides and dilations are positive,
    paddings are not negative; an `output_padding` is smaller than the stride or the
    dilation; something is left of the result. The layout of the weight and the
    sizes are those of PyTorch and ONNX.
  }];
}

def Gauss_ConvTranspose3dOp
    : Gauss_ConvTranspose<"conv_transpose3d", "{1, 1, 1}", "{0, 0, 0}", "{0, 0, 0, 0, 0, 0}"> {
  let summary = "three-dimensional transposed convolution";
  let description = [{
    `result[n, o, z·s₀ + h·d₀ − front, y·s₁ + i·d₁ − top, x·s₂ + j·d₂ − left] += input[n, c, z, y, x] · weight[c, o, h, i, j]`
    over all c, z, y, x, h, i and j, from `bias[o]`.

    ```mlir
    %y = gauss.conv_transpose3d %x, %w strides [2, 2, 2]
      : (!gauss.tensor<1x6x2x4x4xf32>, !gauss.tensor<6x2x2x2x2xf32>) -> !gauss.tensor<1x2x4x8x8xf32>
    ```

    Attributes: `strides` [depth, height, width], `padding` [front, top, left, back,
    bottom, right], `dilation` [depth, height, width], `output_padding` [back,
    bottom, right], `groups`.

    Constraints: `input` is N×C×D×H×W, `weight` is C×(O/groups)×KD×KH×KW, `bias`
    (optional) is O; all else as in `gauss.conv_transpose2d`.
  }];
}

def Gauss_BatchNormOp : Gauss_Layer<"batch_norm"> {
  let summary = "batch normalisation at inference";
  let description = [{
    `result = (input − running_mean) / √(running_variance + epsilon) · gamma + beta`,
    per channel (dimension 1).

    ```mlir
    %y = gauss.batch_norm %x, %gamma, %beta, %running_mean, %running_variance epsilon 1.0e-05
      : (!gauss.tensor<?x8x8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> !gauss.tensor<?x8x8x8xf32>
    ```

    With a deterministic gamma an affine map, exact; a Gaussian gamma or beta is
    an independent factor or summand as in `gauss.dense`.
    `--gauss-fold-batch-norm` folds it into a preceding linear layer.

    Constraints: `input` has rank 2 or more, N×C×…; the other operands are C;
    the running statistics are deterministic; `epsilon` is finite and not
    negative.
  }];
  let arguments = (ins
    Gauss_Operand:$input, Gauss_Operand:$gamma, Gauss_Operand:$beta,
    Gauss_Deterministic:$running_mean, Gauss_Deterministic:$running_variance,
    DefaultValuedAttr<F64Attr, "1.0e-05">:$epsilon);
  let assemblyFormat = [{
    $input `,` $gamma `,` $beta `,` $running_mean `,` $running_variance
    `` custom<Clauses>("\"epsilon\"", $epsilon) attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Normalisation by the values, in src/ops/norm.rs
//===----------------------------------------------------------------------===//

def Gauss_LayerNormOp : Gauss_Layer<"layer_norm"> {
  let summary = "normalisation over the last dimensions";
  let description = [{
    ```mlir
    %y = gauss.layer_norm %x, %gamma, %beta
      : (!gauss.tensor<?x16x64xf32>, tensor<64xf32>, tensor<64xf32>) -> !gauss.tensor<?x16x64xf32>
    ```

    `result = (input − mean) / √(variance + epsilon) · gamma + beta`, mean and variance
    over the last `dimensions` of each item.

    The statistics are those of the values, which vary with them. Around their
    expectations the moments are those of the Taylor polynomial of degree 2, in terms
    of which none is negative: an approximation, exact at zero variance.

    Constraints: `parameters` are none, gamma, or gamma and beta, each of the last
    `dimensions` of the input; `epsilon` is finite and not negative; no batch that is
    not fixed is normalised over.
  }];
  let arguments = (ins Gauss_Operand:$input, Variadic<Gauss_Operand>:$parameters,
    DefaultValuedAttr<I64Attr, "1">:$dimensions,
    DefaultValuedAttr<F64Attr, "1.0e-05">:$epsilon);
  let assemblyFormat = [{
    $input (`,` $parameters^)? `` custom<Clauses>("\"dimensions epsilon\"", $dimensions, $epsilon)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_RmsNormOp : Gauss_Layer<"rms_norm"> {
  let summary = "division by the root mean square over the last dimensions";
  let description = [{
    ```mlir
    %y = gauss.rms_norm %x, %gamma
      : (!gauss.tensor<?x16x64xf32>, tensor<64xf32>) -> !gauss.tensor<?x16x64xf32>
    ```

    `result = input / √(mean of squares + epsilon) · gamma`, over the last `dimensions`
    of each item.

    The statistics are those of the values, which vary with them. Around their
    expectations the moments are those of the Taylor polynomial of degree 2, in terms
    of which none is negative: an approximation, exact at zero variance.

    Constraints: `parameters` is gamma or nothing, of the last `dimensions` of the
    input; `epsilon` is finite and not negative; no batch that is not fixed is
    normalised over.
  }];
  let arguments = (ins Gauss_Operand:$input, Variadic<Gauss_Operand>:$parameters,
    DefaultValuedAttr<I64Attr, "1">:$dimensions,
    DefaultValuedAttr<F64Attr, "1.0e-05">:$epsilon);
  let assemblyFormat = [{
    $input (`,` $parameters^)? `` custom<Clauses>("\"dimensions epsilon\"", $dimensions, $epsilon)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_GroupNormOp : Gauss_Layer<"group_norm"> {
  let summary = "normalisation over groups of channels";
  let description = [{
    ```mlir
    %y = gauss.group_norm %x, %gamma, %beta groups 4
      : (!gauss.tensor<?x8x6x6xf32>, tensor<8xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x6x6xf32>
    ```

    As `gauss.layer_norm`, over all elements of an item in each of `groups` groups of
    channels (dimension 1). gamma and beta are per channel.

    Constraints: `input` has rank 2 or more, N×C×…; `groups` divides C; `parameters`
    are none, gamma, or gamma and beta, each C; `epsilon` is finite and not negative.
  }];
  let arguments = (ins Gauss_Operand:$input, Variadic<Gauss_Operand>:$parameters,
    I64Attr:$groups,
    DefaultValuedAttr<F64Attr, "1.0e-05">:$epsilon);
  let assemblyFormat = [{
    $input (`,` $parameters^)? `` custom<Clauses>("\"groups epsilon\"", $groups, $epsilon)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_InstanceNormOp : Gauss_Layer<"instance_norm"> {
  let summary = "normalisation over each channel of each item";
  let description = [{
    ```mlir
    %y = gauss.instance_norm %x, %gamma, %beta
      : (!gauss.tensor<?x8x6x6xf32>, tensor<8xf32>, tensor<8xf32>) -> !gauss.tensor<?x8x6x6xf32>
    ```

    As `gauss.group_norm` with a group for each channel.

    Constraints: `input` has rank 2 or more, N×C×…; `parameters` are none, gamma, or
    gamma and beta, each C; `epsilon` is finite and not negative.
  }];
  let arguments = (ins Gauss_Operand:$input, Variadic<Gauss_Operand>:$parameters,
    DefaultValuedAttr<F64Attr, "1.0e-05">:$epsilon);
  let assemblyFormat = [{
    $input (`,` $parameters^)? `` custom<Clauses>("\"epsilon\"", $epsilon)
    attr-dict `:` functional-type(operands, results)
  }];
}

// A function of two tensors, in src/ops/binary.rs.
class Gauss_Binary<string mnemonic> : Gauss_Layer<mnemonic> {
  let arguments = (ins Gauss_Operand:$lhs, Gauss_Operand:$rhs);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Gauss_AddOp : Gauss_Binary<"add"> {
  let summary = "sum of two independent tensors";
  let description = [{
    Means add, variances add.

    ```mlir
    %y = gauss.add %a, %b : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
    ```

    The two operands are taken as independent: in a residual block they share
    their input, and the covariance is dropped. `gauss.add %a, %a` is the sum of
    two independent copies of `%a`.

    Constraints: both operands have the same shape, but for dimensions of size 1,
    which are repeated.
  }];
}

def Gauss_SubOp : Gauss_Binary<"sub"> {
  let summary = "difference of two independent tensors";
  let description = [{
    ```mlir
    %y = gauss.sub %a, %b : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
    ```

    Means subtract, variances add. The two operands are taken as independent:
    `gauss.sub %a, %a` is not 0, but the difference of two independent copies.

    Constraints: both operands have the same shape, but for dimensions of size 1,
    which are repeated.
  }];
}

def Gauss_MulOp : Gauss_Binary<"mul"> {
  let summary = "product of two independent tensors";
  let description = [{
    ```mlir
    %y = gauss.mul %a, %b : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
    ```

    With means m and μ, variances v and s: mean = mμ, variance = v(s + μ²) + m²s,
    exact. The two operands are taken as independent: in a gate that is computed
    from what it scales, as in squeeze-and-excitation, the covariance is dropped.

    Constraints: both operands have the same shape, but for dimensions of size 1,
    which are repeated.
  }];
}

def Gauss_PreluOp : Gauss_Binary<"prelu"> {
  let summary = "parametric rectified linear unit: x above 0, slope·x below";
  let description = [{
    ```mlir
    %y = gauss.prelu %x, %slope
      : (!gauss.tensor<?x8x4x4xf32>, tensor<1x8x1x1xf32>) -> !gauss.tensor<?x8x4x4xf32>
    ```

    The moments of the bent Gaussian, exact, as of `gauss.leaky_relu`.

    Constraints: both operands have the same shape, but for dimensions of size 1,
    which are repeated. `rhs`, the slope, is deterministic.
  }];
}

def Gauss_DivOp : Gauss_Binary<"div"> {
  let summary = "quotient of a tensor by a deterministic one";
  let description = [{
    ```mlir
    %y = gauss.div %a, %b : (!gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
    ```

    mean = m/d, variance = v/d², exact. Division by a Gaussian is refused: its
    reciprocal has no moments.

    Constraints: both operands have the same shape, but for dimensions of size 1,
    which are repeated. `rhs` is deterministic.
  }];
}

//===----------------------------------------------------------------------===//
// Activations and pooling
//===----------------------------------------------------------------------===//

def Gauss_ReluOp : Gauss_Activation<"relu"> {
  let summary = "rectified linear unit, max(x, 0)";
  let description = [{
    ```mlir
    %y = gauss.relu %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    With σ² the variance of the input, α = mean/σ, Φ and φ the standard normal
    CDF and PDF: mean = σ(αΦ + φ), variance = σ²(Φ − I₁(α)·I₁(−α)) with
    I₁(α) = αΦ(α) + φ(α). The moments are those of the rectified Gaussian,
    exact; the result is then taken as Gaussian again, so
    `gauss.relu(gauss.relu(%x))` is not `gauss.relu(%x)`.

    Numerics: both moments keep their relative accuracy in the left tail, where
    the unit is nearly off: a few 1e-6 down to a mean of -6σ, 1e-5 at -11σ. At
    zero variance the plain maximum.
  }];
  let hasFolder = 1;
}

def Gauss_LeakyReluOp
    : Gauss_ActivationWith<"leaky_relu", "slope", "$slope",
        (ins DefaultValuedAttr<F64Attr, "0.01">:$slope)> {
  let summary = "leaky rectified linear unit: x above 0, slope·x below";
  let description = [{
    ```mlir
    %y = gauss.leaky_relu %x slope 0.1 : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the bent Gaussian, exact.

    Constraints: `slope` is finite.
  }];
}

def Gauss_ClipOp
    : Gauss_ActivationWith<"clip", "min max", "$min, $max",
        (ins F64Attr:$min, F64Attr:$max)> {
  let summary = "a number held between two others: ReLU6, hard tanh";
  let description = [{
    ```mlir
    %y = gauss.clip %x min 0.0 max 6.0 : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the censored Gaussian, exact. `min 0.0 max 6.0` is ReLU6,
    `min -1.0 max 1.0` the hard tanh.

    Constraints: `min` is below `max`, both are at most 1e18 in size.
  }];
}

def Gauss_HardSigmoidOp
    : Gauss_ActivationWith<"hard_sigmoid", "alpha beta", "$alpha, $beta",
        (ins DefaultValuedAttr<F64Attr, "0.16666666666666666">:$alpha,
             DefaultValuedAttr<F64Attr, "0.5">:$beta)> {
  let summary = "the sigmoid as a ramp: alpha·x + beta, held between 0 and 1";
  let description = [{
    ```mlir
    %y = gauss.hard_sigmoid %x alpha 0.2 : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the censored Gaussian, exact. The default of `alpha` is that of
    PyTorch, 1/6; ONNX has 0.2.

    Constraints: `alpha` and `beta` are at most 1e18 in size.
  }];
}

def Gauss_HardSwishOp : Gauss_Activation<"hard_swish"> {
  let summary = "hard swish, x·min(max(x + 3, 0), 6)/6";
  let description = [{
    ```mlir
    %y = gauss.hard_swish %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the censored parabola of a Gaussian, exact.
  }];
}

def Gauss_EluOp
    : Gauss_ActivationWith<"elu", "alpha", "$alpha",
        (ins DefaultValuedAttr<F64Attr, "1.0">:$alpha)> {
  let summary = "exponential linear unit: x above 0, alpha·(e^x − 1) below";
  let description = [{
    ```mlir
    %y = gauss.elu %x alpha 0.5 : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of a truncated Gaussian and a truncated log-normal distribution,
    exact. A saturated unit, whose variance is tiny, keeps the digits of it.

    Constraints: `alpha` is from 0 to 1e6.
  }];
}

def Gauss_CeluOp
    : Gauss_ActivationWith<"celu", "alpha", "$alpha",
        (ins DefaultValuedAttr<F64Attr, "1.0">:$alpha)> {
  let summary = "exponential linear unit of slope 1 at 0: alpha·(e^(x/alpha) − 1) below 0";
  let description = [{
    ```mlir
    %y = gauss.celu %x alpha 0.5 : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments are those of `gauss.elu` of x/alpha, times alpha, exact.

    Constraints: `alpha` is from 1e-6 to 1e6.
  }];
}

def Gauss_SeluOp : Gauss_Activation<"selu"> {
  let summary = "scaled exponential linear unit";
  let description = [{
    ```mlir
    %y = gauss.selu %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    1.0507009873554805 times `gauss.elu` with `alpha` 1.6732632423543772, exact.
  }];
}

def Gauss_DropoutOp
    : Gauss_ActivationWith<"dropout", "rate", "$rate",
        (ins DefaultValuedAttr<F64Attr, "0.5">:$rate)> {
  let summary = "dropout that stays at inference: elements become 0 at random";
  let description = [{
    ```mlir
    %y = gauss.dropout %x rate 0.1 : (tensor<?x10xf32>) -> !gauss.tensor<?x10xf32>
    ```

    An element becomes 0 with probability p = `rate`, and is else divided by 1 − p.
    Each element of each item has a draw of its own. mean = m,
    variance = v/(1 − p) + m²·p/(1 − p), exact. The result is Gaussian, of a
    deterministic input too.

    Constraints: `rate` is at least 0 and, rounded to float32, below 1.
  }];
}

def Gauss_NoiseOp
    : Gauss_ActivationWith<"noise", "variance", "$variance", (ins F64Attr:$variance)> {
  let summary = "Gaussian noise that is added to every element";
  let description = [{
    ```mlir
    %y = gauss.noise %x variance 0.25 : (tensor<?x10xf32>) -> !gauss.tensor<?x10xf32>
    ```

    mean = m, variance = v + `variance`, exact. Each element of each item has a draw
    of its own. The result is Gaussian, of a deterministic input too.

    Constraints: `variance` is finite and not negative.
  }];
}

def Gauss_AbsOp : Gauss_Activation<"abs"> {
  let summary = "absolute value";
  let description = [{
    ```mlir
    %y = gauss.abs %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the folded normal distribution, exact.
  }];
}

def Gauss_SquareOp : Gauss_Activation<"square"> {
  let summary = "square, x·x";
  let description = [{
    ```mlir
    %y = gauss.square %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    mean = m² + v, variance = 2v(v + 2m²), exact.
  }];
}

def Gauss_ExpOp : Gauss_Activation<"exp"> {
  let summary = "exponential function";
  let description = [{
    ```mlir
    %y = gauss.exp %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    The moments of the log-normal distribution, exact: mean = e^(m + v/2),
    variance = mean²·(e^v − 1). They are infinite above the largest number of
    float32.
  }];
}

def Gauss_SinOp : Gauss_Activation<"sin"> {
  let summary = "sine";
  let description = [{
    ```mlir
    %y = gauss.sin %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    mean = e^(−v/2)·sin m, variance = r(r/2 + e^(−v)cos²m) with r = 1 − e^(−v), exact.

    Numerics: sine and cosine of a mean are within 1.2e-7 in float32 up to a size of
    1e6, without fused multiply-add up to 12867; beyond 6588397 they count as 0.
  }];
}

def Gauss_SignOp : Gauss_Activation<"sign"> {
  let summary = "sign: -1, 0 or 1";
  let description = [{
    ```mlir
    %y = gauss.sign %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    With Φ the standard normal CDF and p = Φ(m/σ): mean = 2p − 1, variance =
    4p(1 − p), exact. Of a number without variance the sign, 0 at 0.
  }];
}

def Gauss_HeavisideOp : Gauss_Activation<"heaviside"> {
  let summary = "unit step: 0 below 0, else 1";
  let description = [{
    ```mlir
    %y = gauss.heaviside %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    With Φ the standard normal CDF and p = Φ(m/σ): mean = p, variance =
    p(1 − p), exact. Of a number without variance the step, 1 at 0.
  }];
}

def Gauss_SigmoidOp : Gauss_Activation<"sigmoid"> {
  let summary = "logistic function, 1/(1 + e^(−x))";
  let description = [{
    ```mlir
    %y = gauss.sigmoid %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ or of 1, whichever is less, and the variance to 2e-4 of itself beside the smaller of σ² and 1 over 1000.
  }];
}

def Gauss_TanhOp : Gauss_Activation<"tanh"> {
  let summary = "hyperbolic tangent";
  let description = [{
    ```mlir
    %y = gauss.tanh %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ or of 1, whichever is less, and the variance to 2e-4 of itself beside the smaller of σ² and 1 over 1000.
  }];
}

def Gauss_SiluOp : Gauss_Activation<"silu"> {
  let summary = "sigmoid linear unit (swish), x/(1 + e^(−x))";
  let description = [{
    ```mlir
    %y = gauss.silu %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ and the variance to 2e-4 of itself beside σ²/1000.
  }];
}

def Gauss_GeluOp
    : Gauss_ActivationWith<"gelu", "approximate", "$approximate",
        (ins DefaultValuedAttr<StrAttr, "\"none\"">:$approximate)> {
  let summary = "Gaussian error linear unit, x·Φ(x)";
  let description = [{
    ```mlir
    %y = gauss.gelu %x approximate "tanh" : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ and the variance to 2e-4 of itself beside σ²/1000.

    `approximate "tanh"` is x·(1 + tanh(√(2/π)·(x + 0.044715x³)))/2.

    Constraints: `approximate` is "none" or "tanh".
  }];
}

def Gauss_MishOp : Gauss_Activation<"mish"> {
  let summary = "mish, x·tanh(ln(1 + e^x))";
  let description = [{
    ```mlir
    %y = gauss.mish %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ and the variance to 2e-4 of itself beside σ²/1000.
  }];
}

def Gauss_SoftplusOp : Gauss_Activation<"softplus"> {
  let summary = "smooth rectified linear unit, ln(1 + e^x)";
  let description = [{
    ```mlir
    %y = gauss.softplus %x : (!gauss.tensor<4x10xf32>) -> !gauss.tensor<4x10xf32>
    ```

    Mean and variance are by quadrature: of a Gaussian with a standard deviation
    σ the mean to 3e-5 of σ and the variance to 2e-4 of itself beside σ²/1000.
  }];
}

// Pools, in src/ops/pool.rs; the defaults are those of their rank.
class Gauss_MaxPool<string mnemonic, string ones, string zeros> : Gauss_Layer<mnemonic> {
  let arguments = (ins
    Gauss_Operand:$input, Variadic<Gauss_Deterministic>:$covariances,
    DenseI64ArrayAttr:$kernel,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, zeros>:$padding,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$dilation,
    DefaultValuedAttr<BoolAttr, "false">:$ceil);
  let assemblyFormat = [{
    $input (`,` $covariances^)?
    `` custom<Clauses>("\"kernel strides padding dilation ceil\"", $kernel, $strides, $padding, $dilation, $ceil)
    attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

class Gauss_AvgPool<string mnemonic, string ones, string zeros> : Gauss_Layer<mnemonic> {
  let arguments = (ins
    Gauss_Operand:$input, DenseI64ArrayAttr:$kernel,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, zeros>:$padding,
    DefaultValuedAttr<DenseI64ArrayAttr, ones>:$dilation,
    DefaultValuedAttr<BoolAttr, "false">:$ceil,
    DefaultValuedAttr<BoolAttr, "true">:$count_include_pad);
  let assemblyFormat = [{
    $input
    `` custom<Clauses>("\"kernel strides padding dilation ceil count_include_pad\"", $kernel, $strides, $padding, $dilation, $ceil, $count_include_pad)
    attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def Gauss_MaxPool1dOp : Gauss_MaxPool<"max_pool1d", "{1}", "{0, 0}"> {
  let summary = "maximum over a window along a line";
  let description = [{
    ```mlir
    %y = gauss.max_pool1d %x kernel [2] strides [2]
      : (!gauss.tensor<1x6x28xf32>) -> !gauss.tensor<1x6x14xf32>
    ```

    A chain of maxima of two independent Gaussians (Clark 1961), each result
    taken as Gaussian again, from left to right. Padding takes no part in the
    maximum. `covariances` as in `gauss.max_pool2d`.

    Attributes: `kernel` [width], `strides` [width], `padding` [left, right],
    `dilation` [width], `ceil`.

    Constraints: `input` is N×C×L; all else as in `gauss.max_pool2d`.
  }];
}

def Gauss_MaxPool2dOp : Gauss_MaxPool<"max_pool2d", "{1, 1}", "{0, 0, 0, 0}"> {
  let summary = "maximum over a window";
  let description = [{
    ```mlir
    %y = gauss.max_pool2d %x kernel [2, 2] strides [2, 2]
      : (!gauss.tensor<1x6x28x28xf32>) -> !gauss.tensor<1x6x14x14xf32>
    ```

    A chain of maxima of two independent Gaussians (Clark 1961), each result
    taken as Gaussian again: first along each row from left to right, then over
    the rows from top to bottom. Padding takes no part in the maximum.

    With `covariances` the elements of a window are not independent. They are
    those of its pairs (0,1), (0,2), .., (1,2), .. of elements that are numbered
    row by row, each a tensor of the result's shape:

    ```mlir
    %y = gauss.max_pool2d %x, %c01 kernel [1, 2] strides [1, 2]
      : (!gauss.tensor<1x6x28x28xf32>, tensor<1x6x28x14xf32>) -> !gauss.tensor<1x6x28x14xf32>
    ```

    Attributes: `kernel` [height, width], `strides` [height, width], `padding`
    [top, left, bottom, right], `dilation` [height, width], `ceil`.

    Constraints: `input` is N×C×H×W; kernel, strides and dilations are positive;
    paddings are not negative and smaller than the kernel; no window holds nothing
    but padding; the window fits at least once. Output sizes round down; with `ceil`
    a last window that begins inside of the input and its padding counts too.
    `covariances` are there for all pairs or none, of a Gaussian input, of windows of
    2 to 4 elements, without padding and without `ceil`.
  }];
}

def Gauss_MaxPool3dOp
    : Gauss_MaxPool<"max_pool3d", "{1, 1, 1}", "{0, 0, 0, 0, 0, 0}"> {
  let summary = "maximum over a window of a volume";
  let description = [{
    ```mlir
    %y = gauss.max_pool3d %x kernel [2, 2, 2] strides [2, 2, 2]
      : (!gauss.tensor<1x6x4x8x8xf32>) -> !gauss.tensor<1x6x2x4x4xf32>
    ```

    A chain of maxima of two independent Gaussians (Clark 1961), each result
    taken as Gaussian again: first along each row from left to right, then over
    the rows from top to bottom, then over the slices from front to back. Padding
    takes no part in the maximum. `covariances` as in `gauss.max_pool2d`.

    Attributes: `kernel` [depth, height, width], `strides` [depth, height, width],
    `padding` [front, top, left, back, bottom, right], `dilation` [depth, height,
    width], `ceil`.

    Constraints: `input` is N×C×D×H×W; all else as in `gauss.max_pool2d`.
  }];
}

def Gauss_AvgPool1dOp : Gauss_AvgPool<"avg_pool1d", "{1}", "{0, 0}"> {
  let summary = "average over a window along a line";
  let description = [{
    ```mlir
    %y = gauss.avg_pool1d %x kernel [2] strides [2]
      : (!gauss.tensor<1x6x28xf32>) -> !gauss.tensor<1x6x14xf32>
    ```

    The moments are those of `gauss.avg_pool2d`; attributes and constraints as in
    `gauss.max_pool1d`, with `count_include_pad` beside them.
  }];
}

def Gauss_AvgPool2dOp : Gauss_AvgPool<"avg_pool2d", "{1, 1}", "{0, 0, 0, 0}"> {
  let summary = "average over a window";
  let description = [{
    ```mlir
    %y = gauss.avg_pool2d %x kernel [2, 2] strides [2, 2]
      : (!gauss.tensor<1x6x28x28xf32>) -> !gauss.tensor<1x6x14x14xf32>
    ```

    mean = Σ m / n, variance = Σ v / n² over the window; exact if the elements
    are independent. n is the number of window elements inside the input and its
    padding, or, with `count_include_pad false`, inside the input.

    Attributes and constraints as in `gauss.max_pool2d`.
  }];
}

def Gauss_AvgPool3dOp
    : Gauss_AvgPool<"avg_pool3d", "{1, 1, 1}", "{0, 0, 0, 0, 0, 0}"> {
  let summary = "average over a window of a volume";
  let description = [{
    ```mlir
    %y = gauss.avg_pool3d %x kernel [2, 2, 2] strides [2, 2, 2]
      : (!gauss.tensor<1x6x4x8x8xf32>) -> !gauss.tensor<1x6x2x4x4xf32>
    ```

    The moments are those of `gauss.avg_pool2d`; attributes and constraints as in
    `gauss.max_pool3d`, with `count_include_pad` beside them.
  }];
}

def Gauss_GlobalMaxPoolOp : Gauss_Layer<"global_max_pool"> {
  let summary = "maximum of each channel";
  let description = [{
    ```mlir
    %y = gauss.global_max_pool %x
      : (!gauss.tensor<1x6x28x28xf32>) -> !gauss.tensor<1x6x1x1xf32>
    ```

    The maximum that `gauss.max_pool2d` and its like of other ranks give for a
    window that is the whole image, whose size is not bounded here. The average
    of each channel is `gauss.reduce_mean`.

    Constraints: `input` has rank 3 or more, N×C×…; the result has as many
    dimensions.
  }];
  let arguments = (ins Gauss_Operand:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

def Gauss_ReshapeOp : Gauss_Op<"reshape"> {
  let summary = "the same elements, row-major, in another shape";
  let description = [{
    ```mlir
    %y = gauss.reshape %x : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
    ```

    Constraints: result and input are both Gaussian or both deterministic and
    have the same number of elements. A dynamic batch stays the leading
    dimension, and the other dimensions then hold equally many elements.
  }];
  let arguments = (ins Gauss_Operand:$input);
  let results = (outs Gauss_Operand:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Gauss_FlattenOp : Gauss_Layer<"flatten"> {
  let summary = "all dimensions but the batch as one";
  let description = [{
    ```mlir
    %y = gauss.flatten %x : (!gauss.tensor<?x16x5x5xf32>) -> !gauss.tensor<?x400xf32>
    ```

    Canonicalises to `gauss.reshape`.

    Constraints: `input` has rank 1 or more.
  }];
  let arguments = (ins Gauss_Operand:$input);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

//===----------------------------------------------------------------------===//
// Elements in other places, in src/ops/movement.rs
//===----------------------------------------------------------------------===//

def Gauss_TransposeOp : Gauss_Layer<"transpose"> {
  let summary = "dimensions in another order";
  let description = [{
    ```mlir
    %y = gauss.transpose %x permutation [0, 2, 1]
      : (!gauss.tensor<?x8x3xf32>) -> !gauss.tensor<?x3x8xf32>
    ```

    Dimension d of the result is dimension `permutation[d]` of the input. Exact.

    Constraints: `permutation` is one of the dimensions; a batch that is not
    fixed stays in its place.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$permutation);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"permutation\"", $permutation)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_SliceOp : Gauss_Layer<"slice"> {
  let summary = "a part of a tensor along one axis";
  let description = [{
    ```mlir
    %y = gauss.slice %x axis 1 start 2 size 3
      : (!gauss.tensor<?x8x3xf32>) -> !gauss.tensor<?x3x3xf32>
    ```

    The elements `start`, `start + step`, .. along `axis`, `size` of them. Exact.

    Constraints: all of them are there; a batch that is not fixed is not divided.
  }];
  let arguments = (ins Gauss_Operand:$input,
    I64Attr:$axis, DefaultValuedAttr<I64Attr, "0">:$start, I64Attr:$size,
    DefaultValuedAttr<I64Attr, "1">:$step);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"axis start size step\"", $axis, $start, $size, $step)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ConcatOp : Gauss_Layer<"concat"> {
  let summary = "tensors one behind the other along an axis";
  let description = [{
    ```mlir
    %y = gauss.concat %a, %b axis 1
      : (!gauss.tensor<?x8x4x4xf32>, tensor<?x2x4x4xf32>) -> !gauss.tensor<?x10x4x4xf32>
    ```

    Exact. Where one operand is Gaussian, the elements of a deterministic one get
    the variance 0.

    Constraints: the sizes of all other dimensions agree.
  }];
  let arguments = (ins Variadic<Gauss_Operand>:$inputs,
    I64Attr:$axis);
  let assemblyFormat = [{
    $inputs `` custom<Clauses>("\"axis\"", $axis)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_PadOp : Gauss_Layer<"pad"> {
  let summary = "elements around a tensor";
  let description = [{
    ```mlir
    %y = gauss.pad %x low [0, 0, 1, 1] high [0, 0, 1, 1] mode "reflect"
      : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x6x6xf32>
    ```

    `mode` says which: "constant" (`value`, without variance), "reflect" (the
    elements on the other side of the outermost ones) or "edge" (the outermost
    ones). Exact for each element; copies are taken as independent.

    Constraints: `low` and `high` have a number for each dimension, none negative;
    reflection adds less than a dimension has; at most 256 elements are reflected
    or repeated on a side.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
    DefaultValuedAttr<StrAttr, "\"constant\"">:$mode, DefaultValuedAttr<F64Attr, "0.0">:$value);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"low high mode value\"", $low, $high, $mode, $value)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ExpandOp : Gauss_Layer<"expand"> {
  let summary = "dimensions of size 1 repeated";
  let description = [{
    ```mlir
    %y = gauss.expand %x shape [-1, 8, 3]
      : (!gauss.tensor<?x8x1xf32>) -> !gauss.tensor<?x8x3xf32>
    ```

    −1 in `shape` leaves a dimension as it is, and 0 as its first size repeats it
    for each item of a batch that is not fixed. Exact for each element; copies are
    taken as independent.

    Constraints: only dimensions of size 1 are repeated.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$shape);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"shape\"", $shape)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_UpsampleOp : Gauss_Layer<"upsample"> {
  let summary = "every element repeated, nearest neighbours";
  let description = [{
    ```mlir
    %y = gauss.upsample %x factors [1, 1, 2, 2]
      : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x8x8xf32>
    ```

    Element i of the result is element ⌊i/factor⌋ of the input, along each
    dimension. Exact for each element; copies are taken as independent.

    Constraints: `factors` has a positive number for each dimension; a batch that
    is not fixed is not repeated.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$factors);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"factors\"", $factors)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_GatherOp : Gauss_Layer<"gather"> {
  let summary = "elements by their numbers along an axis";
  let description = [{
    ```mlir
    %y = gauss.gather %x axis 1 indices [2, 0, 2]
      : (!gauss.tensor<?x3x4xf32>) -> !gauss.tensor<?x3x4xf32>
    ```

    Element i along the axis is element `indices[i]` of the input. Exact for each
    element; copies are taken as independent.

    Constraints: the axis is there and no batch that is not fixed; there is an
    index; each is from 0 to the size less 1.
  }];
  let arguments = (ins Gauss_Operand:$input, I64Attr:$axis, DenseI64ArrayAttr:$indices);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"axis indices\"", $axis, $indices)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_EmbeddingOp : Gauss_Layer<"embedding"> {
  let summary = "rows of a table by computed numbers";
  let description = [{
    ```mlir
    %y = gauss.embedding %tokens, %table
      : (tensor<?x16xf32>, !gauss.tensor<1000x64xf32>) -> !gauss.tensor<?x16x64xf32>
    ```

    `indices` holds whole numbers as `f32`. A number below 0 is taken as 0, one
    above the last row as the last row, what is not a number as 0, and a fraction
    is cut off. Exact for each element; rows that are read more than once are taken
    as independent.

    Constraints: `indices` is deterministic, of any shape; `table` is V×E with up
    to 2^24 rows.
  }];
  let arguments = (ins Gauss_Operand:$indices, Gauss_Operand:$table);
  let assemblyFormat = "$indices `,` $table attr-dict `:` functional-type(operands, results)";
}

def Gauss_ResizeOp : Gauss_Layer<"resize"> {
  let summary = "linear interpolation along dimensions";
  let description = [{
    ```mlir
    %y = gauss.resize %x sizes [-1, -1, 8, 8]
      : (!gauss.tensor<?x3x4x4xf32>) -> !gauss.tensor<?x3x8x8xf32>
    ```

    Along each dimension whose size changes an element is (1 − w)·a + w·b of two
    neighbours; over height and width that is bilinear. Variances are summed with
    (1 − w)² and w²: exact for independent elements. Results that share elements are
    taken as independent. Nearest neighbours are `gauss.upsample`.

    Attributes: `sizes` of the result, −1 for one that stays; or else `numerators`
    and `denominators`, by whose quotient sizes and distances grow, sizes rounded
    down. `coordinates`: "half_pixel", where the outer edges of the outermost
    elements stay, or "align_corners", where their centres do.

    Constraints: lists have a number for each dimension; a batch that is not fixed
    stays; no result is empty.
  }];
  let arguments = (ins Gauss_Operand:$input,
    OptionalAttr<DenseI64ArrayAttr>:$sizes,
    OptionalAttr<DenseI64ArrayAttr>:$numerators, OptionalAttr<DenseI64ArrayAttr>:$denominators,
    DefaultValuedAttr<StrAttr, "\"half_pixel\"">:$coordinates);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"sizes numerators denominators coordinates\"", $sizes, $numerators, $denominators, $coordinates)
    attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Sums over dimensions, in src/ops/reduction.rs
//===----------------------------------------------------------------------===//

def Gauss_ReduceSumOp : Gauss_Layer<"reduce_sum"> {
  let summary = "sum over dimensions";
  let description = [{
    ```mlir
    %y = gauss.reduce_sum %x axes [2, 3]
      : (!gauss.tensor<?x8x4x4xf32>) -> !gauss.tensor<?x8xf32>
    ```

    Means add, variances add; exact for independent elements. Over height and
    width it is the sum of each channel.

    Attributes: `axes`, ascending; `keep_dims`, to leave them with size 1.

    Constraints: the axes are there; a batch that is not fixed is not summed.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep_dims);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"axes keep_dims\"", $axes, $keep_dims)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_ReduceMeanOp : Gauss_Layer<"reduce_mean"> {
  let summary = "mean over dimensions";
  let description = [{
    ```mlir
    %y = gauss.reduce_mean %x axes [2, 3]
      : (!gauss.tensor<?x8x4x4xf32>) -> !gauss.tensor<?x8xf32>
    ```

    With n elements in a sum: the mean of the means, and the sum of the
    variances over n²; exact for independent elements. Over height and
    width it is global average pooling.

    Attributes: `axes`, ascending; `keep_dims`, to leave them with size 1.

    Constraints: the axes are there; a batch that is not fixed is not summed.
  }];
  let arguments = (ins Gauss_Operand:$input,
    DenseI64ArrayAttr:$axes, DefaultValuedAttr<BoolAttr, "false">:$keep_dims);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"axes keep_dims\"", $axes, $keep_dims)
    attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Recurrent layers and attention, in src/ops/composite.rs: experimental
//===----------------------------------------------------------------------===//

def Gauss_BlendOp : Gauss_Layer<"blend"> {
  let summary = "mean of two tensors, weighted by a third";
  let description = [{
    `result = z·x + (1 − z)·y`, element by element.

    ```mlir
    %h = gauss.blend %z, %x, %y
      : (!gauss.tensor<1x10xf32>, !gauss.tensor<1x10xf32>, tensor<1x10xf32>) -> !gauss.tensor<1x10xf32>
    ```

    With means ζ, m, μ and variances s, v, w: mean = ζm + (1 − ζ)μ, variance =
    s(m − μ)² + v(ζ² + s) + w((1 − ζ)² + s), exact. The operands are taken as
    independent.

    Constraints: all operands have the same shape, but for dimensions of size 1,
    which are repeated.
  }];
  let arguments = (ins Gauss_Operand:$weight, Gauss_Operand:$lhs, Gauss_Operand:$rhs);
  let assemblyFormat = "$weight `,` $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Gauss_AttentionWeightsOp : Gauss_Layer<"attention_weights"> {
  let summary = "softmax along the last dimension, as Gaussians";
  let description = [{
    ```mlir
    %w = gauss.attention_weights %logits scale 0.125 causal true
      : (!gauss.tensor<?x4x16x16xf32>) -> !gauss.tensor<?x4x16x16xf32>
    ```

    Experimental. A weight is the logistic function of its log-odds, whose mean and
    variance are taken to the second order; weights of a row are divided by the sum
    of their means. An approximation, the softmax at zero variance.

    Attributes: `scale`, by which logits are multiplied; `causal`: row i sees
    columns up to i, counted from the last of both.

    Constraints: `logits` has rank 2 or more; with `causal` not more rows than
    columns.
  }];
  let arguments = (ins Gauss_Operand:$logits,
    DefaultValuedAttr<F64Attr, "1.0">:$scale, DefaultValuedAttr<BoolAttr, "false">:$causal);
  let assemblyFormat = [{
    $logits `` custom<Clauses>("\"scale causal\"", $scale, $causal)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_AttentionOp : Gauss_Layer<"attention"> {
  let summary = "scaled dot-product attention";
  let description = [{
    `result = softmax(scale · queries · keysᵀ) · values`

    ```mlir
    %y = gauss.attention %q, %k, %v
      : (!gauss.tensor<?x4x16x8xf32>, !gauss.tensor<?x4x16x8xf32>, !gauss.tensor<?x4x16x8xf32>)
      -> !gauss.tensor<?x4x16x8xf32>
    ```

    Experimental. Two products of `gauss.matmul` around `gauss.attention_weights`; what
    all values have in common does not vary with the weights, which add up to 1.

    Attributes: `scale`, one over the root of the length of a query where it is left
    out; `causal`, as in `gauss.attention_weights`.

    Constraints: `queries` is …×T×D, `keys` …×S×D, `values` …×S×E; leading
    dimensions are those of `gauss.matmul`.
  }];
  let arguments = (ins Gauss_Operand:$queries, Gauss_Operand:$keys, Gauss_Operand:$values,
    OptionalAttr<F64Attr>:$scale, DefaultValuedAttr<BoolAttr, "false">:$causal);
  let assemblyFormat = [{
    $queries `,` $keys `,` $values `` custom<Clauses>("\"scale causal\"", $scale, $causal)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_LstmOp : Gauss_Layer<"lstm"> {
  let summary = "long short-term memory over a known number of steps";
  let description = [{
    ```mlir
    %y = gauss.lstm %x, %w, %r, %b direction "bidirectional"
      : (!gauss.tensor<?x7x3xf32>, !gauss.tensor<2x16x3xf32>, !gauss.tensor<2x16x4xf32>,
         !gauss.tensor<2x16xf32>) -> !gauss.tensor<?x7x8xf32>
    ```

    Experimental. Every step is written out of dense layers, activations, products
    and sums, whose operands are taken as independent; steps share their weights.
    States begin with 0. The result is the hidden state of every step, directions
    behind each other.

    Attributes: `direction`, "forward", "reverse" or "bidirectional"; `gates`, their
    order: "ifgo" as in PyTorch or "iofc" as in ONNX.

    Constraints: `input` is N×T×I with T up to 512, `weight` D×4H×I, `recurrence`
    D×4H×H for D directions; `biases` are none, one of the input, or that and one of
    the state, each D×4H.
  }];
  let arguments = (ins Gauss_Operand:$input, Gauss_Operand:$weight, Gauss_Operand:$recurrence,
    Variadic<Gauss_Operand>:$biases,
    DefaultValuedAttr<StrAttr, "\"forward\"">:$direction, DefaultValuedAttr<StrAttr, "\"ifgo\"">:$gates);
  let assemblyFormat = [{
    $input `,` $weight `,` $recurrence (`,` $biases^)?
    `` custom<Clauses>("\"direction gates\"", $direction, $gates)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_GruOp : Gauss_Layer<"gru"> {
  let summary = "gated recurrent unit over a known number of steps";
  let description = [{
    ```mlir
    %y = gauss.gru %x, %w, %r, %b, %rb
      : (!gauss.tensor<?x7x3xf32>, !gauss.tensor<1x12x3xf32>, !gauss.tensor<1x12x4xf32>,
         !gauss.tensor<1x12xf32>, !gauss.tensor<1x12xf32>) -> !gauss.tensor<?x7x4xf32>
    ```

    Experimental. As `gauss.lstm`, of three gates.

    Attributes: `direction`, "forward", "reverse" or "bidirectional"; `gates`, their
    order: "rzn" as in PyTorch or "zrh" as in ONNX; `linear_before_reset`: whether the
    reset gate is a factor of the product with the recurrent weights and its bias, as
    in PyTorch, or else of the state, as in ONNX where nothing is said.

    Constraints: `input` is N×T×I with T up to 512, `weight` D×3H×I, `recurrence`
    D×3H×H for D directions; `biases` are none, one of the input, or that and one of
    the state, each D×3H.
  }];
  let arguments = (ins Gauss_Operand:$input, Gauss_Operand:$weight, Gauss_Operand:$recurrence,
    Variadic<Gauss_Operand>:$biases,
    DefaultValuedAttr<StrAttr, "\"forward\"">:$direction, DefaultValuedAttr<StrAttr, "\"rzn\"">:$gates,
    DefaultValuedAttr<BoolAttr, "true">:$linear_before_reset);
  let assemblyFormat = [{
    $input `,` $weight `,` $recurrence (`,` $biases^)?
    `` custom<Clauses>("\"direction gates linear_before_reset\"", $direction, $gates, $linear_before_reset)
    attr-dict `:` functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Predictions
//===----------------------------------------------------------------------===//

def Gauss_SoftmaxOp : Gauss_Layer<"softmax"> {
  let summary = "class probabilities of Gaussian logits, E[softmax(logits)]";
  let description = [{
    ```mlir
    %p = gauss.softmax %logits method "mean-field"
      : (!gauss.tensor<?x10xf32>) -> tensor<?x10xf32>
    ```

    The expectation has no closed form; `method` names its approximation:
    `"mean-field"`, by pairs of classes, `"laplace"`, the mean of the
    Dirichlet distribution of the Laplace bridge, or `"sample"`, the mean over
    `draws` of the logits, which follow from `seed` (0 where it is left out). On
    deterministic logits the softmax.

    The covariances of the logits are used where the type has them, or where
    they follow as a tensor of matrices with the variances on their diagonals.
    Of a mixture, by its type or as logits N×K×C of K nodes, the probabilities are the
    weighted mean over the nodes, and each node has its share of the draws.

    Constraints: `logits` is N×C, or N×K×C with the K nodes of a mixture, and C of 2 or more; `draws`, from 1 to
    65536, and `seed` are given with the method `"sample"` only, `draws` always; `covariance` (optional)
    is N×C×C, or N×K×C×C, and C at most 64 with the method `"sample"`.
  }];
  let arguments = (ins
    Gauss_Operand:$logits, Optional<Gauss_Deterministic>:$covariance, StrAttr:$method,
    OptionalAttr<I64Attr>:$draws, OptionalAttr<I64Attr>:$seed);
  let assemblyFormat = [{
    $logits (`,` $covariance^)? `` custom<Clauses>("\"method draws seed\"", $method, $draws, $seed)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_UncertaintyOp : Gauss_Layer<"uncertainty"> {
  let summary = "total, aleatoric and epistemic uncertainty of Gaussian logits";
  let description = [{
    ```mlir
    %u = gauss.uncertainty %logits method "mean-field"
      : (!gauss.tensor<?x10xf32>) -> tensor<?x3xf32>
    ```

    Three numbers for each item, in nats: the predictive entropy H(E[p]), the
    expected entropy E[H(p)] and the mutual information of class and logits,
    which is their difference. On deterministic logits nothing is epistemic.

    Constraints: all operands and attributes are as in `gauss.softmax`.
  }];
  let arguments = (ins
    Gauss_Operand:$logits, Optional<Gauss_Deterministic>:$covariance, StrAttr:$method,
    OptionalAttr<I64Attr>:$draws, OptionalAttr<I64Attr>:$seed);
  let assemblyFormat = [{
    $logits (`,` $covariance^)? `` custom<Clauses>("\"method draws seed\"", $method, $draws, $seed)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_DecideOp : Gauss_Layer<"decide"> {
  let summary = "the most probable class, or that there is no answer";
  let description = [{
    ```mlir
    %d = gauss.decide %p, %u epistemic 0.3 aleatoric 0.7
      : (tensor<?x10xf32>, tensor<?x3xf32>) -> tensor<?xf32>
    ```

    One number for each item: the class from 0, or -1, ambiguous, where the
    aleatoric uncertainty is above `aleatoric`, or -2, unknown, where the
    epistemic uncertainty is above `epistemic` or something is not a number. An
    item that is both is unknown. A threshold that is left out rejects nothing.

    Constraints: `probabilities` is N×C with C of 2 or more, `uncertainty` N×3
    as `gauss.uncertainty` gives it, both deterministic; thresholds are finite
    and not negative, in nats.
  }];
  let arguments = (ins
    Gauss_Deterministic:$probabilities, Gauss_Deterministic:$uncertainty,
    OptionalAttr<F64Attr>:$epistemic, OptionalAttr<F64Attr>:$aleatoric);
  let assemblyFormat = [{
    $probabilities `,` $uncertainty `` custom<Clauses>("\"epistemic aleatoric\"", $epistemic, $aleatoric)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_BinaryProbabilityOp : Gauss_Layer<"binary_probability"> {
  let summary = "probability that a binary label is 1, E[sigmoid(logit)]";
  let description = [{
    ```mlir
    %p = gauss.binary_probability %logits
      : (!gauss.tensor<?x1xf32>) -> tensor<?x1xf32>
    ```

    Each logit is that of a label of its own, 0 or 1: one for each item of a
    binary classifier, several where an item may have several properties. The
    expectation is computed from a mixture of normal distributions, to 1e-6. On
    deterministic logits the sigmoid.

    Constraints: `logits` is N×K.
  }];
  let arguments = (ins Gauss_Operand:$logits);
  let assemblyFormat = "$logits attr-dict `:` functional-type(operands, results)";
}

def Gauss_BinaryUncertaintyOp : Gauss_Layer<"binary_uncertainty"> {
  let summary = "total, aleatoric and epistemic uncertainty of binary labels";
  let description = [{
    ```mlir
    %u = gauss.binary_uncertainty %logits
      : (!gauss.tensor<?x1xf32>) -> tensor<?x1x3xf32>
    ```

    Three numbers for each label, in nats: the entropy of the probability that
    `gauss.binary_probability` gives, the expected entropy E[H(sigmoid(logit))]
    and their difference, the mutual information of label and logit. On
    deterministic logits nothing is epistemic.

    Constraints: `logits` is N×K.
  }];
  let arguments = (ins Gauss_Operand:$logits);
  let assemblyFormat = "$logits attr-dict `:` functional-type(operands, results)";
}

def Gauss_BinaryDecideOp : Gauss_Layer<"binary_decide"> {
  let summary = "the more probable value of binary labels, or that there is no answer";
  let description = [{
    ```mlir
    %d = gauss.binary_decide %p, %u epistemic 0.1 aleatoric 0.5
      : (tensor<?x1xf32>, tensor<?x1x3xf32>) -> tensor<?x1xf32>
    ```

    One number for each label: 1 where its probability is at least ½, else 0;
    or -1, ambiguous, where the aleatoric uncertainty is above `aleatoric`, or
    -2, unknown, where the epistemic uncertainty is above `epistemic` or
    something is not a number. A label that is both is unknown. A threshold that
    is left out rejects nothing.

    Constraints: `probability` is N×K, `uncertainty` N×K×3 as
    `gauss.binary_uncertainty` gives it, both deterministic; thresholds are
    finite and not negative, in nats.
  }];
  let arguments = (ins
    Gauss_Deterministic:$probability, Gauss_Deterministic:$uncertainty,
    OptionalAttr<F64Attr>:$epistemic, OptionalAttr<F64Attr>:$aleatoric);
  let assemblyFormat = [{
    $probability `,` $uncertainty `` custom<Clauses>("\"epistemic aleatoric\"", $epistemic, $aleatoric)
    attr-dict `:` functional-type(operands, results)
  }];
}

def Gauss_IntervalOp : Gauss_Layer<"interval"> {
  let summary = "central predictive interval of each element";
  let description = [{
    ```mlir
    %i = gauss.interval %y coverage 0.95 noise 0.01
      : (!gauss.tensor<?x1xf32>) -> tensor<?x1x2xf32>
    ```

    The lower and the upper end, mean ∓ z·√(variance + noise), of the interval
    that holds an observation with probability `coverage`; z is the quantile of
    the standard normal distribution at (1 + coverage)/2. `noise` is the
    variance of observations around the function that the network learnt.

    Constraints: `coverage` is between 0 and 1, both excluded; `noise` (0 where
    it is left out) is finite and not negative.
  }];
  let arguments = (ins
    Gauss_Operand:$input, F64Attr:$coverage, DefaultValuedAttr<F64Attr, "0.0">:$noise);
  let assemblyFormat = [{
    $input `` custom<Clauses>("\"coverage noise\"", $coverage, $noise)
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // GAUSS_TD
