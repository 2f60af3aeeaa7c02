//! Values, blocks, regions and operations: how they hang together, and changes of that.

use super::{Attribute, Block, Context, Location, Op, Region, Type, Value, string_ref, to_string};
use crate::ffi;

impl Value {
    /// The type of the value.
    pub fn ty(self) -> Type {
        Type(mlir!(mlirValueGetType(self.0)))
    }

    /// Gives the value another type. The caller keeps its users valid.
    pub fn set_type(self, ty: Type) {
        mlir!(mlirValueSetType(self.0, ty.0));
    }

    /// The operation whose result this is; `None` for a block argument.
    pub fn defining_op(self) -> Option<Op> {
        mlir!(mlirValueIsAOpResult(self.0)).then(|| Op(mlir!(mlirOpResultGetOwner(self.0))))
    }

    /// The block whose argument this is; `None` for the result of an operation.
    pub fn owner_block(self) -> Option<Block> {
        mlir!(mlirValueIsABlockArgument(self.0))
            .then(|| Block(mlir!(mlirBlockArgumentGetOwner(self.0))))
    }

    /// Which result of its operation, or which argument of its block, the value is.
    pub fn number(self) -> usize {
        let number = match mlir!(mlirValueIsAOpResult(self.0)) {
            true => mlir!(mlirOpResultGetResultNumber(self.0)),
            false => mlir!(mlirBlockArgumentGetArgNumber(self.0)),
        };
        number as usize
    }

    /// The operations that use the value, once for each use.
    pub fn users(self) -> Vec<Op> {
        let mut users = Vec::new();
        let mut usage = mlir!(mlirValueGetFirstUse(self.0));
        while !mlir!(mlirOpOperandIsNull(usage)) {
            users.push(Op(mlir!(mlirOpOperandGetOwner(usage))));
            usage = mlir!(mlirOpOperandGetNextUse(usage));
        }
        users
    }

    /// Makes every user of the value use `other`.
    pub fn replace_all_uses_with(self, other: Value) {
        mlir!(mlirValueReplaceAllUsesOfWith(self.0, other.0));
    }
}

impl Block {
    /// An unattached block with arguments of these types.
    pub fn new(arguments: &[Type], location: Location) -> Block {
        let types: Vec<_> = arguments.iter().map(|t| t.0).collect();
        let locations = vec![location.0; types.len()];
        Block(mlir!(mlirBlockCreate(types.len() as isize, types.as_ptr(), locations.as_ptr())))
    }

    /// Removes a block that is in no region, with all that it holds.
    pub fn destroy(self) {
        mlir!(mlirBlockDestroy(self.0));
    }

    /// The arguments of the block.
    pub fn arguments(self) -> Vec<Value> {
        (0..mlir!(mlirBlockGetNumArguments(self.0))).map(|i| self.argument(i as usize)).collect()
    }

    /// One argument of the block.
    pub fn argument(self, number: usize) -> Value {
        Value(mlir!(mlirBlockGetArgument(self.0, number as isize)))
    }

    /// Inserts an argument and returns it.
    pub fn insert_argument(self, number: usize, ty: Type, location: Location) -> Value {
        Value(mlir!(mlirBlockInsertArgument(self.0, number as isize, ty.0, location.0)))
    }

    /// Removes an argument that has no users.
    pub fn erase_argument(self, number: usize) {
        mlir!(mlirBlockEraseArgument(self.0, number as u32));
    }

    /// The operations of the block, in order, as they are now.
    pub fn ops(self) -> Vec<Op> {
        let mut ops = Vec::new();
        let mut next = Op::from_nullable(mlir!(mlirBlockGetFirstOperation(self.0)));
        while let Some(op) = next {
            ops.push(op);
            next = Op::from_nullable(mlir!(mlirOperationGetNextInBlock(op.0)));
        }
        ops
    }

    /// The first operation of the block.
    pub fn first_op(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetFirstOperation(self.0)))
    }

    /// The last operation of the block, if it is a terminator.
    pub fn terminator(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetTerminator(self.0)))
    }

    /// The operation whose region holds the block.
    pub fn parent_op(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirBlockGetParentOperation(self.0)))
    }
}

impl Region {
    /// Adds a block, which the region takes over.
    pub fn append(self, block: Block) {
        mlir!(mlirRegionAppendOwnedBlock(self.0, block.0));
    }

    /// The blocks of the region.
    pub fn blocks(self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut next = Block::from_nullable(mlir!(mlirRegionGetFirstBlock(self.0)));
        while let Some(block) = next {
            blocks.push(block);
            next = Block::from_nullable(mlir!(mlirBlockGetNextInRegion(block.0)));
        }
        blocks
    }
}

impl Op {
    /// The context of the operation.
    pub fn context(self) -> Context {
        Context(mlir!(mlirOperationGetContext(self.0)))
    }

    /// The full name, such as `gauss.dense`.
    pub fn name(self) -> String {
        let identifier = mlir!(mlirOperationGetName(self.0));
        to_string(mlir!(mlirIdentifierStr(identifier)))
    }

    /// Has the operation this name?
    pub fn is(self, name: &str) -> bool {
        self.name() == name
    }

    /// The location of the operation.
    pub fn location(self) -> Location {
        Location(mlir!(mlirOperationGetLocation(self.0)))
    }

    /// The operands.
    pub fn operands(self) -> Vec<Value> {
        (0..mlir!(mlirOperationGetNumOperands(self.0))).map(|i| self.operand(i as usize)).collect()
    }

    /// One operand.
    pub fn operand(self, number: usize) -> Value {
        Value(mlir!(mlirOperationGetOperand(self.0, number as isize)))
    }

    /// Replaces one operand.
    pub fn set_operand(self, number: usize, value: Value) {
        mlir!(mlirOperationSetOperand(self.0, number as isize, value.0));
    }

    /// Replaces all operands.
    pub fn set_operands(self, values: &[Value]) {
        let raw: Vec<_> = values.iter().map(|v| v.0).collect();
        mlir!(mlirOperationSetOperands(self.0, raw.len() as isize, raw.as_ptr()));
    }

    /// The results.
    pub fn results(self) -> Vec<Value> {
        (0..mlir!(mlirOperationGetNumResults(self.0))).map(|i| self.result(i as usize)).collect()
    }

    /// One result.
    pub fn result(self, number: usize) -> Value {
        Value(mlir!(mlirOperationGetResult(self.0, number as isize)))
    }

    /// An inherent or discardable attribute.
    pub fn attribute(self, name: &str) -> Option<Attribute> {
        Attribute::from_nullable(mlir!(mlirOperationGetAttributeByName(self.0, string_ref(name))))
    }

    /// Sets an attribute.
    pub fn set_attribute(self, name: &str, value: Attribute) {
        mlir!(mlirOperationSetAttributeByName(self.0, string_ref(name), value.0));
    }

    /// Removes an attribute.
    pub fn remove_attribute(self, name: &str) {
        mlir!(mlirOperationRemoveAttributeByName(self.0, string_ref(name)));
    }

    /// The name that the operation defines as a symbol.
    pub fn symbol(self) -> Option<String> {
        self.attribute("sym_name")?.as_string()
    }

    /// One region.
    pub fn region(self, number: usize) -> Region {
        Region(mlir!(mlirOperationGetRegion(self.0, number as isize)))
    }

    /// The regions.
    pub fn regions(self) -> Vec<Region> {
        (0..mlir!(mlirOperationGetNumRegions(self.0))).map(|i| self.region(i as usize)).collect()
    }

    /// The only block of the first region.
    pub fn body(self) -> Option<Block> {
        if mlir!(mlirOperationGetNumRegions(self.0)) == 0 {
            return None;
        }
        Block::from_nullable(mlir!(mlirRegionGetFirstBlock(self.region(0).0)))
    }

    /// The block that holds the operation.
    pub fn block(self) -> Block {
        Block(mlir!(mlirOperationGetBlock(self.0)))
    }

    /// The operation around this one.
    pub fn parent(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirOperationGetParentOperation(self.0)))
    }

    /// The next operation of the block.
    pub fn next(self) -> Option<Op> {
        Op::from_nullable(mlir!(mlirOperationGetNextInBlock(self.0)))
    }

    /// Has any result a user?
    pub fn is_used(self) -> bool {
        self.results().into_iter().any(|result| !result.users().is_empty())
    }

    /// Removes the operation, whose results have no users, from the IR.
    pub fn erase(self) {
        mlir!(mlirOperationDestroy(self.0));
    }

    /// Moves the operation before `other`.
    pub fn move_before(self, other: Op) {
        mlir!(mlirOperationMoveBefore(self.0, other.0));
    }

    /// A copy of the operation, not yet in a block.
    pub fn clone_detached(self) -> Op {
        Op(mlir!(mlirOperationClone(self.0)))
    }

    /// Every operation below this one, outer before inner, as they are now.
    pub fn descendants(self) -> Vec<Op> {
        let mut found = Vec::new();
        let mut regions = self.regions();
        regions.reverse();
        while let Some(region) = regions.pop() {
            for op in region.blocks().into_iter().flat_map(Block::ops) {
                found.push(op);
                found.extend(op.descendants());
            }
        }
        found
    }

    /// Reports an error of this operation, in the words `'name' op message`.
    pub fn emit_error(self, message: &str) {
        self.emit_error_with_note(message, self.location(), "");
    }

    /// Reports an error of this operation, and a note at a place where the note is not empty.
    pub fn emit_error_with_note(self, message: &str, at: Location, note: &str) {
        // SAFETY: a live operation and location; the texts are valid during the call.
        unsafe {
            ffi::gauss_emit_op_error(self.0, string_ref(message), at.0, string_ref(note));
        }
    }

    /// Remarks on this operation, with a note at a place.
    pub fn emit_remark(self, message: &str, at: Location, note: &str) {
        // SAFETY: a live operation and location; the texts are valid during the call.
        unsafe {
            ffi::gauss_emit_op_remark(self.0, string_ref(message), at.0, string_ref(note));
        }
    }

    /// Checks the operation and all below it; errors go to the context's handlers.
    pub fn verify(self) -> bool {
        mlir!(mlirOperationVerify(self.0))
    }
}
