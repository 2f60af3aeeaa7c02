//! Recurrent layers over a known number of steps.

use super::{
    activation::Activation,
    binary::Binary,
    build::{Build, Part},
    matmul::Matmul,
    movement::Movement,
};
use crate::{
    attributes::{AttributeList, Attributes},
    types::TensorType,
};

/// The most steps: each is written out.
const MAX_STEPS: i64 = 512;

/// `gauss.lstm` or `gauss.gru`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recurrent {
    /// Which.
    pub cell: Cell,
    /// In which order steps are taken.
    pub direction: Direction,
    /// Do the gates stand as in ONNX, and not as in PyTorch?
    pub onnx_gates: bool,
}

/// What is computed in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// A gated recurrent unit.
    Gru {
        /// Is the reset gate a factor of the product with the recurrent weights, bias included, and
        /// not of the state before it?
        linear_before_reset: bool,
    },
}

/// In which order steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Reverse,
    /// Both, with weights of their own, one result behind the other.
    Bidirectional,
}

/// The gates of one direction and step, as they are called in PyTorch's manual.
struct Gates<V> {
    /// Of the input, with the bias.
    input: Vec<V>,
    /// Of the state before, with the recurrent bias; none where both are 0.
    state: Option<Vec<V>>,
}

impl Recurrent {
    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let linear_before_reset = attributes.flag("linear_before_reset").unwrap_or(true);
        let (cell, torch, onnx) = match name {
            "lstm" => (Cell::Lstm, "ifgo", "iofc"),
            "gru" => (Cell::Gru { linear_before_reset }, "rzn", "zrh"),
            _ => return None,
        };
        let onnx_gates = match attributes.text("gates").as_deref() {
            None => Ok(false),
            Some(gates) if gates == torch => Ok(false),
            Some(gates) if gates == onnx => Ok(true),
            Some(other) => Err(format!(
                "has the gates '{other}'; known: '{torch}', as in PyTorch, and '{onnx}', as in ONNX"
            )),
        };
        let direction = match attributes.text("direction").as_deref() {
            None | Some("forward") => Ok(Direction::Forward),
            Some("reverse") => Ok(Direction::Reverse),
            Some("bidirectional") => Ok(Direction::Bidirectional),
            Some(other) => Err(format!(
                "has the direction '{other}'; known: 'forward', 'reverse', 'bidirectional'"
            )),
        };
        Some(direction.and_then(|direction| Ok(Self { cell, direction, onnx_gates: onnx_gates? })))
    }

    /// The op, without the dialect.
    pub fn name(self) -> &'static str {
        match self.cell {
            Cell::Lstm => "lstm",
            Cell::Gru { .. } => "gru",
        }
    }

    /// The attributes, as [`Recurrent::read`] takes them.
    pub fn write(self) -> AttributeList {
        let direction = match self.direction {
            Direction::Forward => "forward",
            Direction::Reverse => "reverse",
            Direction::Bidirectional => "bidirectional",
        };
        let gates = match (self.cell, self.onnx_gates) {
            (Cell::Lstm, false) => "ifgo",
            (Cell::Lstm, true) => "iofc",
            (Cell::Gru { .. }, false) => "rzn",
            (Cell::Gru { .. }, true) => "zrh",
        };
        let list = AttributeList::default().with("direction", direction).with("gates", gates);
        match self.cell {
            Cell::Lstm => list,
            Cell::Gru { linear_before_reset } => {
                list.with("linear_before_reset", linear_before_reset)
            }
        }
    }

    /// Where each gate stands, in the order of PyTorch.
    fn order(self) -> &'static [usize] {
        match (self.cell, self.onnx_gates) {
            (Cell::Lstm, false) => &[0, 1, 2, 3],
            (Cell::Lstm, true) => &[0, 2, 3, 1],
            (Cell::Gru { .. }, false) => &[0, 1, 2],
            (Cell::Gru { .. }, true) => &[1, 0, 2],
        }
    }

    /// How many sets of weights there are.
    pub fn directions(self) -> i64 {
        if self.direction == Direction::Bidirectional { 2 } else { 1 }
    }

    /// How many gates there are.
    pub fn gates(self) -> i64 {
        self.order().len() as i64
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    pub fn infer(self, operands: &[TensorType]) -> Result<TensorType, String> {
        let [input, weight, recurrence, biases @ ..] = operands else {
            return Err("needs an input, a weight and a recurrent weight".into());
        };
        let [batch, steps, features] = input.shape[..] else {
            return Err(format!("needs an input of items, steps and features, got {input}"));
        };
        if steps > MAX_STEPS {
            return Err(format!("has {steps} steps; each is written out, up to {MAX_STEPS}"));
        }
        let (directions, gates) = (self.directions(), self.gates());
        let hidden = match recurrence.shape[..] {
            [.., hidden] => hidden,
            [] => 0,
        };
        let shaped = |shape: &[i64]| TensorType::new(shape.to_vec(), false);
        let outputs = gates.saturating_mul(hidden);
        let wanted = [
            ("a weight", weight, vec![directions, outputs, features]),
            ("a recurrent weight", recurrence, vec![directions, outputs, hidden]),
        ];
        let names = ["a bias", "a recurrent bias"];
        if biases.len() > names.len() {
            return Err(format!("has {} biases, but takes one for each weight", biases.len()));
        }
        let biases = names.into_iter().zip(biases);
        let biases = biases.map(|(name, bias)| (name, bias, vec![directions, outputs]));
        for (name, operand, shape) in wanted.into_iter().chain(biases) {
            if operand.shape != shape {
                return Err(format!(
                    "needs {name} of the sizes of {} for {directions} direction(s) of {gates} gates \
                     of {hidden} numbers on {input}, got {operand}",
                    shaped(&shape)
                ));
            }
        }
        let gaussian = operands.iter().any(|operand| operand.gaussian);
        Ok(TensorType::new(vec![batch, steps, directions * hidden], gaussian))
    }

    /// The result, built of other ops.
    ///
    /// # Errors
    ///
    /// Where the operands do not fit.
    pub fn build<B: Build>(self, b: &mut B, operands: &[B::Value]) -> Result<B::Value, String> {
        let types: Vec<_> = operands.iter().map(|operand| b.ty(operand)).collect();
        let ty = self.infer(&types)?;
        let reversed: &[bool] = match self.direction {
            Direction::Forward => &[false],
            Direction::Reverse => &[true],
            Direction::Bidirectional => &[false, true],
        };
        let mut results = Vec::new();
        for (number, &reversed) in reversed.iter().enumerate() {
            let mut of_direction = vec![];
            for operand in &operands[1..] {
                of_direction.push(part(b, operand, number)?);
            }
            results.push(self.one_direction(b, &operands[0], &of_direction, reversed)?);
        }
        let result = join(b, &results, 2)?;
        if b.ty(&result).gaussian == ty.gaussian {
            return Ok(result);
        }
        // One step from a state of zeros does not use the recurrent weights, the only Gaussian ones.
        let certain = b.zero(3, true);
        b.layer(Part::Binary(Binary::Add), &[&result, &certain])
    }

    /// All steps of one direction.
    fn one_direction<B: Build>(
        self,
        b: &mut B,
        input: &B::Value,
        parameters: &[B::Value],
        reversed: bool,
    ) -> Result<B::Value, String> {
        let [weight, recurrence, biases @ ..] = parameters else {
            return Err("needs a weight and a recurrent weight".into());
        };
        let steps = b.ty(input).shape[1];
        let product = Part::Matmul(Matmul { transpose_lhs: false, transpose_rhs: true });
        let mut gates = b.layer(product, &[input, weight])?;
        if let Some(bias) = biases.first() {
            let size = b.ty(bias).shape[0];
            let bias = b.reshape(bias, &[1, 1, size])?;
            gates = b.layer(Part::Binary(Binary::Add), &[&gates, &bias])?;
        }
        let recurrent_bias = biases.get(1);
        let mut state: Option<State<B::Value>> = None;
        let mut results = vec![];
        for step in 0..steps {
            let step = if reversed { steps - 1 - step } else { step };
            let of_step = slice(b, &gates, 1, step, 1)?;
            let shape = b.ty(&of_step).shape;
            let of_step = b.reshape(&of_step, &[shape[0], shape[2]])?;
            let input = self.split(b, &of_step)?;
            let from_state = match (&state, recurrent_bias) {
                (Some(state), None) => Some(b.layer(Part::Dense, &[&state.hidden, recurrence])?),
                (Some(state), Some(bias)) => {
                    Some(b.layer(Part::Dense, &[&state.hidden, recurrence, bias])?)
                }
                (None, Some(bias)) => {
                    let size = b.ty(bias).shape[0];
                    Some(b.reshape(bias, &[1, size])?)
                }
                (None, None) => None,
            };
            let from_state = match from_state {
                Some(gates) => Some(self.split(b, &gates)?),
                None => None,
            };
            let gates = Gates { input, state: from_state };
            let next = match self.cell {
                Cell::Lstm => lstm(b, gates, state.as_ref())?,
                Cell::Gru { linear_before_reset: true } => gru(b, gates, state.as_ref())?,
                Cell::Gru { linear_before_reset: false } => {
                    self.gru_of_reset(b, gates, state.as_ref(), recurrence, recurrent_bias)?
                }
            };
            let shape = b.ty(&next.hidden).shape;
            results.push(b.reshape(&next.hidden, &[shape[0], 1, shape[1]])?);
            state = Some(next);
        }
        if reversed {
            results.reverse();
        }
        join(b, &results, 1)
    }

    /// The gates of all numbers, in the order of PyTorch.
    fn split<B: Build>(self, b: &mut B, gates: &B::Value) -> Result<Vec<B::Value>, String> {
        let size = b.ty(gates).shape[1] / self.gates();
        self.order().iter().map(|&gate| slice(b, gates, 1, gate as i64 * size, size)).collect()
    }

    /// A step of a gated recurrent unit whose reset gate is a factor of the state.
    fn gru_of_reset<B: Build>(
        self,
        b: &mut B,
        gates: Gates<B::Value>,
        state: Option<&State<B::Value>>,
        recurrence: &B::Value,
        bias: Option<&B::Value>,
    ) -> Result<State<B::Value>, String> {
        let Some(state) = state else { return gru_from_zero(b, gates, false) };
        let [reset, update] = [0, 1].map(|gate| gate_of(b, &gates, gate, Activation::SIGMOID));
        let (reset, update) = (reset?, update?);
        let kept = b.layer(Part::Binary(Binary::Mul), &[&reset, &state.hidden])?;
        let size = b.ty(&state.hidden).shape[1];
        let rows = slice(b, recurrence, 0, self.order()[2] as i64 * size, size)?;
        let from_state = match bias {
            Some(bias) => {
                let bias = slice(b, bias, 0, self.order()[2] as i64 * size, size)?;
                b.layer(Part::Dense, &[&kept, &rows, &bias])?
            }
            None => b.layer(Part::Dense, &[&kept, &rows])?,
        };
        let sum = b.layer(Part::Binary(Binary::Add), &[&gates.input[2], &from_state])?;
        let new = b.layer(Part::Activation(Activation::TANH), &[&sum])?;
        let hidden = b.layer(Part::Blend, &[&update, &state.hidden, &new])?;
        Ok(State { hidden, cell: None })
    }
}

/// What a step hands to the next.
struct State<V> {
    hidden: V,
    /// Of a long short-term memory.
    cell: Option<V>,
}

/// A gate: a function of the sum of both its parts.
fn gate_of<B: Build>(
    b: &mut B,
    gates: &Gates<B::Value>,
    gate: usize,
    function: Activation,
) -> Result<B::Value, String> {
    let input = &gates.input[gate];
    let sum = match &gates.state {
        Some(state) => b.layer(Part::Binary(Binary::Add), &[input, &state[gate]])?,
        None => input.clone(),
    };
    b.layer(Part::Activation(function), &[&sum])
}

fn lstm<B: Build>(
    b: &mut B,
    gates: Gates<B::Value>,
    state: Option<&State<B::Value>>,
) -> Result<State<B::Value>, String> {
    let (sigmoid, tanh) = (Activation::SIGMOID, Activation::TANH);
    let product = Part::Binary(Binary::Mul);
    let write = gate_of(b, &gates, 0, sigmoid)?;
    let new = gate_of(b, &gates, 2, tanh)?;
    let output = gate_of(b, &gates, 3, sigmoid)?;
    let mut cell = b.layer(product.clone(), &[&write, &new])?;
    if let Some(old) = state.and_then(|state| state.cell.as_ref()) {
        let keep = gate_of(b, &gates, 1, sigmoid)?;
        let kept = b.layer(product.clone(), &[&keep, old])?;
        cell = b.layer(Part::Binary(Binary::Add), &[&kept, &cell])?;
    }
    let bounded = b.layer(Part::Activation(tanh), &[&cell])?;
    let hidden = b.layer(product, &[&output, &bounded])?;
    Ok(State { hidden, cell: Some(cell) })
}

/// A step of a gated recurrent unit whose reset gate is a factor of the product.
fn gru<B: Build>(
    b: &mut B,
    gates: Gates<B::Value>,
    state: Option<&State<B::Value>>,
) -> Result<State<B::Value>, String> {
    let (Some(old), Some(from_state)) = (state, &gates.state) else {
        return gru_from_zero(b, gates, true);
    };
    let [reset, update] = [0, 1].map(|gate| gate_of(b, &gates, gate, Activation::SIGMOID));
    let (reset, update) = (reset?, update?);
    let kept = b.layer(Part::Binary(Binary::Mul), &[&reset, &from_state[2]])?;
    let sum = b.layer(Part::Binary(Binary::Add), &[&gates.input[2], &kept])?;
    let new = b.layer(Part::Activation(Activation::TANH), &[&sum])?;
    let hidden = b.layer(Part::Blend, &[&update, &old.hidden, &new])?;
    Ok(State { hidden, cell: None })
}

/// The first step, from a state of zeros: what is left of it is the recurrent bias.
fn gru_from_zero<B: Build>(
    b: &mut B,
    gates: Gates<B::Value>,
    is_reset: bool,
) -> Result<State<B::Value>, String> {
    let mut sum = gates.input[2].clone();
    if let Some(state) = &gates.state {
        let bias = match is_reset {
            true => {
                let reset = gate_of(b, &gates, 0, Activation::SIGMOID)?;
                b.layer(Part::Binary(Binary::Mul), &[&reset, &state[2]])?
            }
            false => state[2].clone(),
        };
        sum = b.layer(Part::Binary(Binary::Add), &[&sum, &bias])?;
    }
    let new = b.layer(Part::Activation(Activation::TANH), &[&sum])?;
    let update = gate_of(b, &gates, 1, Activation::SIGMOID)?;
    let nothing = b.zero(2, false);
    let hidden = b.layer(Part::Blend, &[&update, &nothing, &new])?;
    Ok(State { hidden, cell: None })
}

/// The part of a parameter that is of one direction.
fn part<B: Build>(b: &mut B, parameter: &B::Value, direction: usize) -> Result<B::Value, String> {
    let shape = b.ty(parameter).shape;
    let own = slice(b, parameter, 0, direction as i64, 1)?;
    b.reshape(&own, &shape[1..])
}

fn slice<B: Build>(
    b: &mut B,
    value: &B::Value,
    axis: usize,
    start: i64,
    size: i64,
) -> Result<B::Value, String> {
    if b.ty(value).shape[axis] == size {
        return Ok(value.clone());
    }
    b.layer(Part::Movement(Movement::Slice { axis, start, size, step: 1 }), &[value])
}

fn join<B: Build>(b: &mut B, values: &[B::Value], axis: usize) -> Result<B::Value, String> {
    match values {
        [value] => Ok(value.clone()),
        _ => b.layer(Part::Movement(Movement::Concat(axis)), &values.iter().collect::<Vec<_>>()),
    }
}
