//! Networks that are written as one op, by the ops that they are made of.

use gauss_dialect::{
    ir::{Attribute, Builder, Op, Type, Value},
    layer::Layer,
    ops::build::{Build, Part},
    shape::{self, TensorType},
};

use crate::pass::{Outcome, fail};

/// Writes out every composite of a module.
pub(super) fn expand(module: Op) -> Outcome {
    for op in module.descendants() {
        if let Some(Layer::Composite(composite)) = Layer::of(op).map_err(|error| fail(op, error))? {
            let mut ops = Ops::at(Builder::before(op));
            let result = composite.build(&mut ops, &op.operands());
            op.result(0).replace_all_uses_with(result.map_err(|error| fail(op, error))?);
            op.erase();
        }
    }
    Ok(())
}

/// Builds ops of the dialect at one place.
pub(crate) struct Ops {
    builder: Builder,
}

impl Ops {
    pub(crate) fn at(builder: Builder) -> Self {
        Self { builder }
    }

    /// The result of a layer on these operands.
    ///
    /// # Errors
    ///
    /// Where they do not fit.
    pub(crate) fn emit(&self, layer: &Layer, operands: &[Value]) -> Result<Value, String> {
        let types: Vec<_> = operands.iter().map(|operand| self.ty(operand)).collect();
        let ty = self.type_of(&shape::infer(layer, &types)?)?;
        let name = format!("gauss.{}", layer.name());
        let op = self.builder.op(&name).operands(operands).results(&[ty]);
        let attributes = layer.write();
        let entries = attributes.entries(self.builder.context());
        let op = entries.fold(op, |op, (name, value)| op.attr(name, value));
        Ok(op.build().result(0))
    }

    /// The type of a tensor as MLIR has it.
    fn type_of(&self, ty: &TensorType) -> Result<Type, String> {
        let like = Type::tensor(self.builder.context().f32(), &[1]);
        ty.to_type(like).ok_or_else(|| format!("is made of {ty}, which does not exist"))
    }
}

impl Build for Ops {
    type Value = Value;

    fn ty(&self, value: &Value) -> TensorType {
        // Operands of the dialect are tensors.
        TensorType::of(value.ty()).unwrap_or(TensorType::new(vec![], false))
    }

    fn layer(&mut self, part: Part, operands: &[&Value]) -> Result<Value, String> {
        let operands: Vec<_> = operands.iter().map(|&&operand| operand).collect();
        self.emit(&part.into(), &operands)
    }

    fn reshape(&mut self, value: &Value, shape: &[i64]) -> Result<Value, String> {
        let ty = TensorType { shape: shape.to_vec(), ..self.ty(value) };
        shape::check_reshape(&self.ty(value), &ty)?;
        Ok(self.builder.value("gauss.reshape", &[*value], self.type_of(&ty)?))
    }

    fn zero(&mut self, rank: usize, gaussian: bool) -> Value {
        let ty = Type::tensor(self.builder.context().f32(), &vec![1; rank]);
        let zero = self.builder.constant(Attribute::splat(ty, 0.0), ty);
        let pair = TensorType::new(vec![1; rank], gaussian);
        match pair.to_type(ty) {
            Some(ty) if gaussian => self.builder.value("gauss.make", &[zero, zero], ty),
            _ => zero,
        }
    }
}
