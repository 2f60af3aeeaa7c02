//! Making operations.

use std::collections::HashMap;

use mlir_sys::{MlirNamedAttribute, MlirRegion, MlirType, MlirValue};

use super::{Attribute, Block, Context, Location, Op, Type, Value, string_ref};

/// Where a [`Builder`] inserts.
#[derive(Clone, Copy)]
enum Position {
    Before(Op),
    End(Block),
}

/// Creates operations at one place.
#[derive(Clone, Copy)]
pub struct Builder {
    context: Context,
    location: Location,
    position: Position,
}

impl Builder {
    /// Inserts before `op`, at its location.
    pub fn before(op: Op) -> Self {
        Self { context: op.context(), location: op.location(), position: Position::Before(op) }
    }

    /// Inserts at the end of `block`.
    pub fn at_end(context: Context, block: Block, location: Location) -> Self {
        Self { context, location, position: Position::End(block) }
    }

    /// The same location, at the end of another block.
    pub fn in_block(self, block: Block) -> Self {
        Self { position: Position::End(block), ..self }
    }

    /// The same place, at the location of an operation.
    pub fn at_location_of(self, op: Op) -> Self {
        Self { location: op.location(), ..self }
    }

    /// The context of the IR.
    pub fn context(self) -> Context {
        self.context
    }

    /// The location that new operations get.
    pub fn location(self) -> Location {
        self.location
    }

    /// Starts an operation.
    pub fn op(self, name: &str) -> OpBuilder<'_> {
        OpBuilder {
            builder: self,
            name,
            operands: Vec::new(),
            results: Vec::new(),
            attributes: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// An operation with one result.
    pub fn value(self, name: &str, operands: &[Value], ty: Type) -> Value {
        self.op(name).operands(operands).results(&[ty]).build().result(0)
    }

    /// `arith.constant` of type `index`.
    pub fn index_constant(self, value: i64) -> Value {
        let ty = self.context.index();
        self.constant(ty.integer_attr(value), ty)
    }

    /// `arith.constant`.
    pub fn constant(self, value: Attribute, ty: Type) -> Value {
        self.op("arith.constant").attr("value", value).results(&[ty]).build().result(0)
    }

    /// Inserts a copy of an operation that takes what stands for its operands; `values` learns what
    /// stands for its results.
    pub fn copy(self, op: Op, values: &mut HashMap<Value, Value>) -> Op {
        let copy = op.clone_detached();
        self.insert(copy);
        for (number, operand) in op.operands().into_iter().enumerate() {
            copy.set_operand(number, *values.get(&operand).unwrap_or(&operand));
        }
        values.extend(op.results().into_iter().zip(copy.results()));
        copy
    }

    /// Inserts a detached operation.
    pub fn insert(self, op: Op) {
        match self.position {
            Position::Before(next) => {
                mlir!(mlirBlockInsertOwnedOperationBefore(next.block().0, next.0, op.0));
            }
            Position::End(block) => mlir!(mlirBlockAppendOwnedOperation(block.0, op.0)),
        }
    }
}

/// An operation in the making.
pub struct OpBuilder<'a> {
    builder: Builder,
    name: &'a str,
    operands: Vec<MlirValue>,
    results: Vec<MlirType>,
    attributes: Vec<MlirNamedAttribute>,
    regions: Vec<MlirRegion>,
}

impl OpBuilder<'_> {
    /// Adds operands.
    pub fn operands(mut self, operands: &[Value]) -> Self {
        self.operands.extend(operands.iter().map(|v| v.0));
        self
    }

    /// Adds results.
    pub fn results(mut self, types: &[Type]) -> Self {
        self.results.extend(types.iter().map(|t| t.0));
        self
    }

    /// Adds an attribute.
    pub fn attr(mut self, name: &str, value: Attribute) -> Self {
        let identifier = mlir!(mlirIdentifierGet(self.builder.context.0, string_ref(name)));
        self.attributes.push(mlir!(mlirNamedAttributeGet(identifier, value.0)));
        self
    }

    /// Adds a region with one block, which it takes over.
    pub fn region(mut self, block: Block) -> Self {
        let region = mlir!(mlirRegionCreate());
        mlir!(mlirRegionAppendOwnedBlock(region, block.0));
        self.regions.push(region);
        self
    }

    /// Adds a region without blocks.
    pub fn empty_region(mut self) -> Self {
        self.regions.push(mlir!(mlirRegionCreate()));
        self
    }

    /// Creates and inserts the operation.
    ///
    /// # Panics
    ///
    /// Where MLIR cannot create the operation: an operation of this name is not
    /// registered, a fault of the caller and not of any input.
    pub fn build(self) -> Op {
        let mut state =
            mlir!(mlirOperationStateGet(string_ref(self.name), self.builder.location.0));

        mlir!(mlirOperationStateAddOperands(
            &raw mut state,
            self.operands.len() as isize,
            self.operands.as_ptr()
        ));
        mlir!(mlirOperationStateAddResults(
            &raw mut state,
            self.results.len() as isize,
            self.results.as_ptr()
        ));
        mlir!(mlirOperationStateAddAttributes(
            &raw mut state,
            self.attributes.len() as isize,
            self.attributes.as_ptr()
        ));
        mlir!(mlirOperationStateAddOwnedRegions(
            &raw mut state,
            self.regions.len() as isize,
            self.regions.as_ptr()
        ));
        let op = Op::from_nullable(mlir!(mlirOperationCreate(&raw mut state)))
            .unwrap_or_else(|| panic!("MLIR cannot create {}", self.name));
        self.builder.insert(op);
        op
    }
}
