//! LSTM and GRU over a static number of steps.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Outcome, Typed, View};
use crate::onnx::{
    constant::{Constant, Data},
    graph::Node,
    moves::Move,
};

impl Converter<'_> {
    pub(super) fn recurrent(&mut self, node: &Node) -> Outcome {
        let is_lstm = node.is("LSTM");
        let gates = if is_lstm { 4 } else { 3 };
        let hidden = node.int("hidden_size").filter(|&size| (1..1 << 20).contains(&size));
        let hidden = hidden.ok_or("does not say its hidden_size")?;
        self.check_recurrent(node, is_lstm)?;
        // N×T×I, whatever the order in the model.
        let mut input = self.viewed(node, 0)?;
        let by_item = node.int("layout").unwrap_or(0) == 1;
        if !by_item {
            input = self.apply(&input, &Move::Transpose(vec![1, 0, 2]), &node.name)?;
        }
        let input = self.materialise(&input, &node.name)?;
        let direction = node.text("direction").unwrap_or("forward".into());
        let directions = if direction == "bidirectional" { 2 } else { 1 };
        let mut list = AttributeList::default()
            .with("direction", direction.as_str())
            .with("gates", if is_lstm { "iofc" } else { "zrh" });
        if !is_lstm {
            list =
                list.with("linear_before_reset", node.int("linear_before_reset").unwrap_or(0) != 0);
        }
        let (weight, recurrence) = (self.operand(node, 1)?, self.operand(node, 2)?);
        let mut operands = vec![input.clone(), weight, recurrence];
        operands.extend(self.recurrent_biases(node, gates * hidden)?);
        let operands: Vec<&Typed> = operands.iter().collect();
        let result = self.op(if is_lstm { "lstm" } else { "gru" }, &list, &operands, &node.name)?;

        // N×T×(D·H) to N×T×D×H.
        let [batch, steps, _] = result.ty.shape[..] else { return Err("gives no steps".into()) };
        let split =
            self.module.reshape(&result, &[batch, steps, directions, hidden], &node.name)?;
        let all = View::plain(split);
        let last = self.last_state(node, &all, &direction)?;
        if let Some(last) = last {
            // N×D×H, or D×N×H.
            let last = match by_item {
                true => last,
                false => self.apply(&last, &Move::Transpose(vec![1, 0, 2]), &node.name)?,
            };
            self.view(node, 1, last)?;
        }
        let all = match by_item {
            true => all,
            false => self.apply(&all, &Move::Transpose(vec![1, 2, 0, 3]), &node.name)?,
        };
        self.view(node, 0, all)
    }

    /// The state after the last step of each direction, N×D×H, where another node reads it.
    fn last_state(
        &mut self,
        node: &Node,
        all: &View,
        direction: &str,
    ) -> Result<Option<View>, String> {
        if !node.outputs.get(1).is_some_and(|name| self.readers.contains_key(name)) {
            return Ok(None);
        }
        let steps = all.shape()[1];
        let at = |axis, start| Move::Slice { axis, start, size: 1, step: 1 };
        let squeeze = |this: &mut Self, view: View| {
            let shape = view.shape();
            let without = Move::Reshape(vec![shape[0], shape[2], shape[3]]);
            this.apply(&view, &without, &node.name)
        };
        Ok(Some(match direction {
            "forward" => {
                let last = self.apply(all, &at(1, steps - 1), &node.name)?;
                squeeze(self, last)?
            }
            "reverse" => {
                let last = self.apply(all, &at(1, 0), &node.name)?;
                squeeze(self, last)?
            }
            _ => {
                let mut parts = Vec::new();
                for (number, step) in [(0, steps - 1), (1, 0)] {
                    let part = self.apply(all, &at(1, step), &node.name)?;
                    let part = self.apply(&part, &at(2, number), &node.name)?;
                    let part = squeeze(self, part)?;
                    parts.push(self.materialise(&part, &node.name)?);
                }
                let list = AttributeList::default().with("axis", 1);
                View::plain(self.op("concat", &list, &[&parts[0], &parts[1]], &node.name)?)
            }
        }))
    }

    fn check_recurrent(&mut self, node: &Node, is_lstm: bool) -> Outcome {
        let is_zero = |constant: &Constant| match &*constant.data {
            Data::Float(values) => values.iter().all(|&value| value == 0.0),
            Data::Int(_) | Data::Bool(_) => false,
        };
        if node.input(4).is_some() {
            return Err("has lengths of its own for each item (sequence_lens)".into());
        }
        let states: &[(usize, &str)] = match is_lstm {
            true => &[(5, "initial_h"), (6, "initial_c"), (7, "peepholes")],
            false => &[(5, "initial_h")],
        };
        for &(number, name) in states {
            let is_left_out = node.input(number).is_none()
                || self.known(node, number).is_some_and(|constant| is_zero(&constant));
            if !is_left_out {
                return Err(format!("has {name} that are not zeros"));
            }
            let hidden = node.int("hidden_size").unwrap_or(0);
            let size = self.known(node, number).and_then(|constant| constant.shape.last().copied());
            if name != "peepholes" && size.is_some_and(|size| size as i64 != hidden) {
                return Err(format!("has {name} of another size than its hidden_size {hidden}"));
            }
        }
        let plain: &[&str] =
            if is_lstm { &["Sigmoid", "Tanh", "Tanh"] } else { &["Sigmoid", "Tanh"] };
        if let Some(attribute) = node.attributes.get("activations") {
            let names = attribute.strings.iter().map(|name| String::from_utf8_lossy(name));
            let is_plain = names
                .enumerate()
                .all(|(n, name)| name.eq_ignore_ascii_case(plain[n % plain.len()]));
            if !is_plain {
                return Err("has activations other than sigmoid and tanh".into());
            }
        }
        if node.attributes.contains_key("clip") || node.int("input_forget").unwrap_or(0) != 0 {
            return Err("has a clip or an input_forget".into());
        }
        let reads_cell =
            is_lstm && node.outputs.get(2).is_some_and(|name| self.readers.contains_key(name));
        if reads_cell {
            return Err("has a last cell state that is read, which is not supported; where it is an output, \
                 leave it out with --outputs".into());
        }
        Ok(())
    }

    /// The biases of the input and of the state, which ONNX has behind each other.
    fn recurrent_biases(&mut self, node: &Node, size: i64) -> Result<Vec<Typed>, String> {
        if node.input(3).is_none() {
            return Ok(vec![]);
        }
        let both = self.viewed(node, 3)?;
        let known = self.known(node, 3);
        let mut biases = Vec::new();
        for start in [0, size] {
            let part = Move::Slice { axis: 1, start, size, step: 1 };
            biases.push(match &known {
                Some(constant) => {
                    let mut part = part.apply(constant)?;
                    let suffix = if start == 0 { "input" } else { "recurrence" };
                    part.origin = part.origin.map(|name| format!("{name}.{suffix}"));
                    self.module.constant(&part)?
                }
                None => {
                    let part = self.apply(&both, &part, &node.name)?;
                    self.materialise(&part, &node.name)?
                }
            });
        }
        Ok(biases)
    }
}
