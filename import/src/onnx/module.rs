//! The module that a network becomes, written op by op.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
    rc::Rc,
};

use gauss_dialect::{
    attributes::{AttributeList, WHOLE_BATCH},
    ir::{self, DYNAMIC},
    layer::Layer,
    parameters::{ParameterSource, ParameterTensor},
    representation::{Component, Representation},
    shape::{TensorType, infer},
};

use super::constant::{Constant, Data};

/// Constants of up to so many elements without a variance are written into the module.
const INLINE: usize = 4;

/// A value of the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    /// Its name, such as `%3`.
    pub name: String,
    /// Its type.
    pub ty: TensorType,
}

/// A function that is being written.
pub struct Module {
    context: melior::Context,
    lines: Vec<Line>,
    count: usize,
    parameters: Vec<Parameter>,
    /// The parameters of an initialiser, by its name.
    by_origin: HashMap<String, Vec<usize>>,
    /// The tensors of the parameter file, which each belong to one parameter.
    tensors: HashMap<String, usize>,
}

/// An op, as text.
struct Line {
    result: String,
    operands: Vec<String>,
    text: String,
}

/// A `gauss.parameter` and its numbers.
struct Parameter {
    name: String,
    value: Typed,
    constant: Constant,
}

impl Module {
    /// A function without ops.
    pub fn new() -> Self {
        Self {
            context: melior::Context::new(),
            lines: Vec::new(),
            count: 0,
            parameters: Vec::new(),
            by_origin: HashMap::new(),
            tensors: HashMap::new(),
        }
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("%{}", self.count - 1)
    }

    /// An op on values, by its name without the dialect. `at` is the node that it comes from.
    ///
    /// # Errors
    ///
    /// Where the op does not take these operands or attributes.
    pub fn op(
        &mut self,
        op: &str,
        attributes: &AttributeList,
        operands: &[&Typed],
        at: &str,
    ) -> Result<Typed, String> {
        let context = ir::Context::from_raw(self.context.to_raw());
        let known: HashMap<_, _> = attributes.entries(context).collect();
        let layer =
            Layer::from_attributes(&format!("gauss.{op}"), &|name| known.get(name).copied())?;
        let own: HashSet<_> = layer.write().entries(context).map(|(name, _)| name).collect();
        if let Some(name) = known.keys().find(|name| !own.contains(*name)) {
            return Err(format!("becomes a gauss.{op}, which has no '{name}'"));
        }
        let types: Vec<_> = operands.iter().map(|operand| operand.ty.clone()).collect();
        let ty = infer(&layer, &types)?;
        Ok(self.write(op, attributes, operands, ty, at))
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    ///
    /// Where the batch would not stay the first dimension.
    pub fn reshape(&mut self, x: &Typed, shape: &[i64], at: &str) -> Result<Typed, String> {
        if x.ty.shape == shape {
            return Ok(x.clone());
        }
        if shape.iter().skip(1).any(|&size| size == DYNAMIC) {
            return Err(format!("moves the batch, {}", super::moves::FIX));
        }
        let ty = TensorType { shape: shape.to_vec(), ..x.ty.clone() };
        Ok(self.write("reshape", &AttributeList::default(), &[x], ty, at))
    }

    fn write(
        &mut self,
        op: &str,
        attributes: &AttributeList,
        operands: &[&Typed],
        ty: TensorType,
        at: &str,
    ) -> Typed {
        let name = self.fresh();
        let names: Vec<_> = operands.iter().map(|operand| operand.name.clone()).collect();
        let types: Vec<_> = operands.iter().map(|operand| operand.ty.to_string()).collect();
        let text = format!(
            "gauss.{op} {}{attributes} : ({}) -> {ty} loc({})",
            names.join(", "),
            types.join(", "),
            quoted(at)
        );
        self.lines.push(Line { result: name.clone(), operands: names, text });
        Typed { name, ty }
    }

    /// A constant: a parameter, or numbers in the module where there are few.
    ///
    /// # Errors
    ///
    /// Where it holds no floating-point numbers, or one that is not finite.
    pub fn constant(&mut self, constant: &Constant) -> Result<Typed, String> {
        let named = constant.origin.as_deref().unwrap_or("constant");
        let values = constant.floats().ok_or_else(|| {
            format!("computes with '{named}', which holds no floating-point numbers")
        })?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(format!("computes with '{named}', which holds {value}"));
        }
        let variances = constant.variance.iter().flat_map(|variance| variance.iter());
        if let Some(variance) = variances.copied().find(|variance| !variance.is_finite()) {
            return Err(format!(
                "computes with '{named}', which has the variance {variance} in float32"
            ));
        }
        let shape = constant.shape.iter().map(|&size| size as i64).collect();
        let ty = TensorType::new(shape, constant.variance.is_some());
        let is_inline = values.len() <= INLINE && constant.variance.is_none();
        if is_inline && constant.origin.is_none() {
            let name = self.fresh();
            let literal = literal(&constant.shape, values);
            let text = format!("arith.constant dense<{literal}> : {ty}");
            self.lines.push(Line { result: name.clone(), operands: vec![], text });
            return Ok(Typed { name, ty });
        }
        if let Some(known) = self.by_origin.get(named) {
            for &number in known {
                let parameter = &self.parameters[number];
                let is_same = parameter.constant.shape == constant.shape
                    && same(&parameter.constant.data, &constant.data)
                    && parameter.constant.variance == constant.variance;
                if is_same {
                    return Ok(parameter.value.clone());
                }
            }
        }
        let parameter = self.free_name(named, ty.representation());
        let name = self.fresh();
        let text = format!("gauss.parameter {} : {ty}", quoted(&parameter));
        self.lines.push(Line { result: name.clone(), operands: vec![], text });
        let value = Typed { name, ty };
        let number = self.parameters.len();
        for component in value.ty.representation().components() {
            self.tensors.insert(component.tensor(&parameter), number);
        }
        self.by_origin.entry(named.to_owned()).or_default().push(number);
        let constant = constant.clone();
        self.parameters.push(Parameter { name: parameter, value: value.clone(), constant });
        Ok(value)
    }

    /// A name whose tensors in the file are no other parameter's.
    fn free_name(&self, wanted: &str, representation: Representation) -> String {
        let wanted = if wanted.is_empty() { "constant" } else { wanted };
        let names =
            std::iter::once(wanted.to_owned()).chain((2..).map(|n| format!("{wanted}.{n}")));
        let is_free = |name: &String| {
            let components = representation.components();
            components.iter().all(|component| !self.tensors.contains_key(&component.tensor(name)))
        };
        names.into_iter().find(is_free).unwrap_or_default()
    }

    /// The module with this function, and its parameters; `is_whole_batch` where the items of a batch are
    /// taken together.
    pub fn finish(
        self,
        (function, is_whole_batch): (&str, bool),
        inputs: &[(Typed, String)],
        outputs: &[Typed],
    ) -> (String, Parameters) {
        let inputs = inputs
            .iter()
            .map(|(value, at)| format!("{}: {} loc({})", value.name, value.ty, quoted(at)));
        let inputs: Vec<_> = inputs.collect();
        let types: Vec<_> = outputs.iter().map(|output| output.ty.to_string()).collect();
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        let results = match &types[..] {
            [only] => only.clone(),
            types => format!("({})", types.join(", ")),
        };
        // Ops whose results nothing reads are left out: parts of what became one op.
        let mut read: HashSet<&str> = names.iter().copied().collect();
        let mut kept: Vec<String> = Vec::new();
        for line in self.lines.iter().rev() {
            if read.contains(line.result.as_str()) {
                read.extend(line.operands.iter().map(String::as_str));
                kept.push(format!("  {} = {}\n", line.result, line.text));
            }
        }
        kept.reverse();
        let attributes = match is_whole_batch {
            true => format!(" attributes {{{WHOLE_BATCH}}}"),
            false => String::new(),
        };
        let text = format!(
            "func.func @{function}({}) -> {results}{attributes} {{\n{}  return {} : {}\n}}\n",
            inputs.join(", "),
            kept.concat(),
            names.join(", "),
            types.join(", ")
        );
        let is_read = |parameter: &Parameter| read.contains(parameter.value.name.as_str());
        let parameters = self.parameters.into_iter().filter(is_read);
        let tensors = parameters.flat_map(|Parameter { name, value, constant }| {
            let components = value.ty.representation().components();
            components
                .iter()
                .map(move |&component| {
                    let values = match component {
                        Component::Variance => constant.variance.clone().map(Values::Variance),
                        _ => Some(Values::Data(constant.data.clone())),
                    };
                    (component.tensor(&name), value.ty.shape.clone(), values)
                })
                .collect::<Vec<_>>()
        });
        let tensors = tensors.filter_map(|(name, shape, values)| Some((name, (shape, values?))));
        (text, Parameters { tensors: tensors.collect() })
    }
}

fn same(x: &Rc<Data>, y: &Rc<Data>) -> bool {
    Rc::ptr_eq(x, y) || x == y
}

/// A string literal of MLIR.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'"' && byte != b'\\' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:02X}");
            }
        }
    }
    quoted.push('"');
    quoted
}

/// The elements of a dense literal.
fn literal(shape: &[usize], values: &[f32]) -> String {
    match shape {
        [] => values.first().map_or(String::new(), |value| format!("{value:.9e}")),
        [size, rest @ ..] => {
            let part = values.len() / (*size).max(1);
            let parts: Vec<_> =
                values.chunks(part.max(1)).map(|values| literal(rest, values)).collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

/// The values of the parameters of an imported network.
pub struct Parameters {
    tensors: Vec<(String, (Vec<i64>, Values))>,
}

/// The numbers of a tensor, shared with the network that they come from.
enum Values {
    Data(Rc<Data>),
    Variance(Rc<Vec<f32>>),
}

impl ParameterSource for Parameters {
    fn name(&self) -> &str {
        "the model"
    }

    fn tensors(&self) -> Vec<String> {
        self.tensors.iter().map(|(name, _)| name.clone()).collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<ParameterTensor>, String> {
        let Some((_, (shape, values))) = self.tensors.iter().find(|(known, _)| known == name)
        else {
            return Ok(None);
        };
        let values = match values {
            Values::Variance(values) => values.to_vec(),
            Values::Data(data) => match &**data {
                Data::Float(values) => values.clone(),
                Data::Int(_) | Data::Bool(_) => vec![],
            },
        };
        Ok(Some(ParameterTensor { shape: shape.clone(), values }))
    }
}
