//! From the ops of a module to a [`Program`].

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Action, Error, Function, Parameters, Place, Program, Step, Tensor};
use crate::{
    covariance,
    ir::{Attribute, Block, Location, Op, Type, Value},
    layer::Layer,
    shape::TensorType,
};

/// How deep calls may nest; it bounds the recursion of decoding and evaluation.
const MAX_CALL_DEPTH: usize = 64;

/// Decodes a function and what it calls.
pub(super) fn program(
    module: Op,
    function: &str,
    parameters: &dyn Parameters,
) -> Result<Program, Error> {
    let ops = module.body().map(Block::ops).unwrap_or_default();
    let functions = ops.into_iter().filter(|op| op.is("func.func"));
    let mut decoder = Decoder {
        symbols: functions.filter_map(|op| Some((op.symbol()?, op))).collect(),
        parameters,
        functions: Vec::new(),
        decoded: HashMap::new(),
        calls: Vec::new(),
        constants: Vec::new(),
        named: HashMap::new(),
    };
    let entry = decoder.symbols.get(function).copied();
    decoder.function(function, entry.ok_or_else(|| Error::NoFunction(function.to_owned()))?)?;
    let Decoder { functions, constants, named, .. } = decoder;
    let parameters = named.into_iter().map(|(name, (number, _))| (number, name)).collect();
    Ok(Program { functions, constants, parameters })
}

struct Decoder<'a> {
    symbols: HashMap<String, Op>,
    parameters: &'a dyn Parameters,
    functions: Vec<Function>,
    /// The index in `functions` of every function that is done.
    decoded: HashMap<String, usize>,
    /// The functions that are being decoded, outermost first.
    calls: Vec<String>,
    constants: Vec<Arc<Tensor>>,
    /// The index in `constants` and the type of every parameter seen.
    named: HashMap<String, (usize, TensorType)>,
}

/// The values of the function being decoded.
#[derive(Default)]
struct Scope {
    slots: HashMap<Value, usize>,
    /// The names of the parameters, by slot.
    names: HashMap<usize, String>,
}

impl Decoder<'_> {
    /// The index of a function, decoded at its first use.
    fn function(&mut self, name: &str, op: Op) -> Result<usize, Error> {
        if let Some(&index) = self.decoded.get(name) {
            return Ok(index);
        }
        let place = place(op);
        self.calls.push(name.to_owned());
        let function = match &op.region(0).blocks()[..] {
            [block] => self.block(name, *block)?,
            [] => return Err(place.error(format!("'{name}' is declared but has no body"))),
            _ => return Err(place.error(format!("'{name}' has control flow"))),
        };
        self.calls.pop();
        self.functions.push(function);
        let index = self.functions.len() - 1;
        self.decoded.insert(name.to_owned(), index);
        Ok(index)
    }

    fn block(&mut self, name: &str, block: Block) -> Result<Function, Error> {
        let mut scope = Scope::default();
        let mut inputs = Vec::new();
        for (number, argument) in block.arguments().into_iter().enumerate() {
            let ty = tensor_type(argument.ty()).map_err(|message| Error::Input {
                function: name.to_owned(),
                number,
                message,
            })?;
            inputs.push(ty);
            scope.define(argument);
        }
        let mut steps = Vec::new();
        let aside: HashSet<_> = covariance::of_windows(&block.ops()).into_iter().collect();
        for op in block.ops() {
            let place = place(op);
            if place.op != "func.return" {
                let step = self.step(op, place.clone(), &mut scope);
                let step = step.map_err(|failure| failure.at(&place))?;
                steps.push(Step { is_aside: aside.contains(&op), ..step });
                continue;
            }
            let (returns, outputs) =
                returned(op, &scope).map_err(|message| place.error(message))?;
            mark_dead(&mut steps, &returns);
            let (name, slots) = (name.to_owned(), scope.slots.len());
            return Ok(Function { name, inputs, outputs, steps, returns, slots });
        }
        let place = block.parent_op().map(place);
        Err(match place {
            Some(place) => place.error(format!("'{name}' does not end in func.return")),
            None => Error::NoFunction(name.to_owned()),
        })
    }

    fn step(&mut self, op: Op, mut place: Place, scope: &mut Scope) -> Result<Step, Failure> {
        let operands = scope.operands(op)?;
        let results = op.results();
        let types = results
            .iter()
            .map(|result| tensor_type(result.ty()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|message| format!("has a result that {message}"))?;
        let action = match (&place.op[..], &types[..]) {
            ("func.call", types) => Action::Call(self.call(op, types)?),
            ("arith.constant", [ty]) => {
                let tensor = constant(op, ty)?;
                self.constant(tensor)
            }
            (_, [ty]) => match Layer::of(op)? {
                Some(Layer::Parameter(name)) => {
                    scope.names.insert(scope.slots.len(), name.clone());
                    self.parameter(name, ty)?
                }
                Some(Layer::Constant) => {
                    let tensor = constant(op, ty)?;
                    tensor.check()?;
                    self.constant(tensor)
                }
                Some(Layer::Reshape) => Action::Reshape(ty.clone()),
                Some(layer) => Action::Layer(layer),
                None => return Err(UNKNOWN.into()),
            },
            _ => return Err(UNKNOWN.into()),
        };
        let names = operands.iter().filter_map(|slot| scope.names.get(slot));
        if let Some((layer, _)) = names.filter_map(|name| name.rsplit_once('.')).next() {
            place.layer = layer.to_owned();
        }
        let result = scope.slots.len();
        results.into_iter().for_each(|value| scope.define(value));
        Ok(Step { action, operands, result, dead: Vec::new(), is_aside: false, place })
    }

    fn call(&mut self, op: Op, results: &[TensorType]) -> Result<usize, Failure> {
        let name = op
            .attribute("callee")
            .and_then(Attribute::as_symbol)
            .ok_or("does not name the function it calls")?;
        let callee = self.symbols.get(&name).copied();
        let callee = callee.ok_or_else(|| format!("calls '{name}', which the module lacks"))?;
        if self.calls.contains(&name) {
            return Err(format!("calls '{name}' from within it: no recursion").into());
        }
        if self.calls.len() >= MAX_CALL_DEPTH {
            return Err(format!("is nested in more than {MAX_CALL_DEPTH} calls").into());
        }
        let index = self.function(&name, callee)?;
        let callee = &self.functions[index];
        let operands = op.operands().into_iter().map(|operand| tensor_type(operand.ty()));
        let operands = operands.collect::<Result<Vec<_>, _>>()?;
        if operands != callee.inputs || results != callee.outputs {
            return Err(format!("does not have the operand and result types of '{name}'").into());
        }
        Ok(index)
    }

    fn constant(&mut self, tensor: Tensor) -> Action {
        self.constants.push(Arc::new(tensor));
        Action::Constant(self.constants.len() - 1)
    }

    fn parameter(&mut self, name: String, ty: &TensorType) -> Result<Action, Failure> {
        if let Some((index, seen)) = self.named.get(&name) {
            return match seen == ty {
                true => Ok(Action::Constant(*index)),
                false => Err(format!("'{name}' is {ty} here and {seen} elsewhere").into()),
            };
        }
        let tensor = self.parameters.get(&name, ty)?;
        let checked = tensor.check().and_then(|()| tensor.check_type(ty));
        checked.map_err(|message| format!("'{name}' {message}"))?;
        self.named.insert(name, (self.constants.len(), ty.clone()));
        Ok(self.constant(tensor))
    }
}

impl Scope {
    fn define(&mut self, value: Value) {
        self.slots.insert(value, self.slots.len());
    }

    fn operands(&self, op: Op) -> Result<Vec<usize>, String> {
        let slots = op.operands().into_iter().map(|operand| self.slots.get(&operand).copied());
        slots
            .enumerate()
            .map(|(number, slot)| {
                slot.ok_or_else(|| format!("has operand {number} that is not defined before it"))
            })
            .collect()
    }
}

const UNKNOWN: &str = "is not an op that the interpreter knows";

/// What is wrong with an op, or with an op of a function that it calls.
enum Failure {
    Here(String),
    There(Error),
}

impl Failure {
    fn at(self, place: &Place) -> Error {
        match self {
            Failure::Here(message) => place.error(message),
            Failure::There(error) => error,
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::Here(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Failure::Here(message.to_owned())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::There(error)
    }
}

/// The slots and types of what a `func.return` returns.
fn returned(op: Op, scope: &Scope) -> Result<(Vec<usize>, Vec<TensorType>), String> {
    let types = op.operands().into_iter().map(|operand| tensor_type(operand.ty()));
    let types = types
        .collect::<Result<_, _>>()
        .map_err(|message| format!("has an operand that {message}"))?;
    Ok((scope.operands(op)?, types))
}

/// Notes at every step which operands nothing later reads.
fn mark_dead(steps: &mut [Step], returns: &[usize]) {
    let mut live: HashSet<usize> = returns.iter().copied().collect();
    for step in steps.iter_mut().rev() {
        step.dead = step.operands.iter().copied().filter(|&slot| live.insert(slot)).collect();
    }
}

fn tensor_type(ty: Type) -> Result<TensorType, String> {
    TensorType::of(ty)
        .filter(|_| ty.element_type().is_f32())
        .ok_or_else(|| format!("is {ty}; the interpreter takes tensors of f32"))
}

/// The sizes of a static type.
fn sizes(ty: &TensorType) -> Result<Vec<usize>, String> {
    ty.shape
        .iter()
        .map(|&size| usize::try_from(size).map_err(|_| format!("has type {ty}, not static")))
        .collect()
}

/// The value of a `gauss.constant`, where the type is that of Gaussians, or an `arith.constant`.
fn constant(op: Op, ty: &TensorType) -> Result<Tensor, String> {
    let shape = sizes(ty)?;
    Ok(match ty.gaussian {
        true => {
            let [mean, variance] = ["mean", "variance"].map(|name| elements(op, name, ty));
            Tensor::gaussian(&shape, mean?, variance?)
        }
        false => Tensor::deterministic(&shape, elements(op, "value", ty)?),
    })
}

/// What a value is, computed from constants; `None` where it depends on anything else.
///
/// # Errors
///
/// Where a constant or a layer of constants is not valid.
pub fn known(value: Value) -> Result<Option<Tensor>, String> {
    let Some(op) = value.defining_op() else { return Ok(None) };
    let ty = tensor_type(value.ty())?;
    if op.is("arith.constant") || op.is("gauss.constant") {
        return constant(op, &ty).map(Some);
    }
    let layer = match Layer::of(op)? {
        Some(Layer::Parameter(_) | Layer::Reshape) | None => return Ok(None),
        Some(layer) => layer,
    };
    let mut operands = Vec::new();
    for operand in op.operands() {
        match known(operand)? {
            Some(tensor) => operands.push(tensor),
            None => return Ok(None),
        }
    }
    super::kernels::apply(&layer, &operands.iter().collect::<Vec<_>>()).map(Some)
}

/// The values of an attribute of this type.
fn elements(op: Op, name: &str, ty: &TensorType) -> Result<Vec<f64>, String> {
    op.attribute(name)
        .filter(|attribute| attribute.value_type().shape().as_ref() == Some(&ty.shape))
        .and_then(Attribute::as_f32_elements)
        .map(|values| values.into_iter().map(f64::from).collect())
        .ok_or_else(|| format!("has a {name} that is not dense f32 data of {ty}"))
}

fn place(op: Op) -> Place {
    let name = op.name();
    let mnemonic = name.split_once('.').map_or(&name[..], |(_, mnemonic)| mnemonic);
    Place { layer: mnemonic.to_owned(), location: location_text(op.location()), op: name }
}

/// `net.mlir:7:8` for `loc("net.mlir":7:8)`; other kinds as MLIR prints them.
fn location_text(location: Location) -> String {
    let text = location.to_string();
    let inner = text.strip_prefix("loc(").and_then(|text| text.strip_suffix(')'));
    let file = inner.and_then(|inner| inner.strip_prefix('"')).and_then(|rest| {
        let (file, position) = rest.split_once("\":")?;
        (!position.contains(|c: char| !c.is_ascii_digit() && c != ':'))
            .then(|| format!("{file}:{position}"))
    });
    file.unwrap_or(text)
}
