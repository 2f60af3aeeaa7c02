//! Products of two tensors over indices that have letters.

use super::{Converter, Outcome, Value};
use crate::onnx::{
    graph::Node,
    moves::{FIX, Move, batches_of, joined_size, sizes_of},
};

/// An operand and the letters of its dimensions.
struct Operand {
    value: Value,
    letters: Vec<char>,
    shape: Vec<i64>,
}

impl Operand {
    fn has(&self, letter: char) -> bool {
        self.letters.contains(&letter)
    }

    fn size(&self, letters: &[char]) -> Result<i64, String> {
        let place = |letter: &char| self.letters.iter().position(|other| other == letter);
        let sizes: Vec<_> = letters.iter().filter_map(place).map(|at| self.shape[at]).collect();
        joined_size(&sizes).ok_or_else(|| "has sizes that are too large".into())
    }

    fn is_open(&self, letter: char) -> bool {
        let mut sizes = self.letters.iter().zip(&self.shape);
        sizes.any(|(&other, &size)| other == letter && batches_of(size).is_some())
    }
}

/// The letters of a term; `None` where it has one twice, or something else.
fn letters_of(term: &str) -> Option<Vec<char>> {
    let letters: Vec<char> = term.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_once = |(at, letter): (usize, &char)| {
        letter.is_ascii_alphabetic() && !letters[..at].contains(letter)
    };
    letters.iter().enumerate().all(is_once).then_some(letters)
}

impl Converter<'_> {
    /// A product of two tensors as one of matrices.
    pub(super) fn einsum(&mut self, number: usize, node: &Node) -> Outcome {
        let equation = node.text("equation").unwrap_or_default();
        let unsupported =
            || format!("has the equation '{equation}', which is no product of matrices");
        let (terms, result) = equation.split_once("->").ok_or_else(unsupported)?;
        let result = letters_of(result).ok_or_else(unsupported)?;
        let terms: Option<Vec<_>> = terms.split(',').map(letters_of).collect();
        let mut operands = Vec::new();
        for (number, letters) in terms.ok_or_else(unsupported)?.into_iter().enumerate() {
            let (value, shape) = (self.input(node, number)?, self.shape(node, number)?);
            if shape.len() != letters.len() {
                return Err(unsupported());
            }
            operands.push(Operand { value, letters, shape });
        }
        let Ok([x, y]) = <[Operand; 2]>::try_from(operands) else { return Err(unsupported()) };
        // What has the batch alone is on the left.
        let is_right = y.letters.iter().any(|&letter| y.is_open(letter) && !x.has(letter));
        let (x, y) = if is_right { (y, x) } else { (x, y) };
        let is_common = |&&letter: &&char| y.has(letter);
        let (common, left): (Vec<char>, Vec<char>) = x.letters.iter().partition(is_common);
        let (kept, summed): (Vec<_>, Vec<_>) =
            common.into_iter().partition(|letter| result.contains(letter));
        let right: Vec<_> = y.letters.iter().copied().filter(|&letter| !x.has(letter)).collect();
        if [&left, &right].iter().any(|letters| letters.iter().any(|it| !result.contains(it))) {
            return Err(unsupported());
        }
        if result.len() != kept.len() + left.len() + right.len() {
            return Err(unsupported());
        }
        if summed.iter().any(|&letter| x.is_open(letter)) {
            return Err(format!("sums over the batch, {FIX}"));
        }
        // Dimensions before those of the matrices stay apart where the right side has none of them.
        let is_apart = |&letter: &char| kept.is_empty() || x.is_open(letter);
        let (before, mut rows): (Vec<char>, Vec<char>) = left.iter().partition(|it| is_apart(it));
        let mut before = before;
        if kept.is_empty() && !before.is_empty() {
            rows.extend(before.pop());
        }
        let each = |operand: &Operand, letters: &[char]| -> Result<Vec<i64>, String> {
            letters.iter().map(|&letter| operand.size(&[letter])).collect()
        };
        let matrix = |operand: &Operand, groups: [&[char]; 4]| -> Result<_, String> {
            let [apart, kept, one, two] = groups;
            let order: Vec<_> = groups.concat();
            let place = |letter: &char| operand.letters.iter().position(|other| other == letter);
            let order: Vec<_> = order.iter().filter_map(place).collect();
            let mut sizes = each(operand, &[apart, kept].concat())?;
            sizes.extend([operand.size(one)?, operand.size(two)?]);
            Ok([Move::Transpose(order), Move::Reshape(sizes)])
        };
        let steps = [
            (&x, matrix(&x, [&before, &kept, &rows, &summed])?),
            (&y, matrix(&y, [&[], &kept, &summed, &right])?),
        ];
        let mut inputs = Vec::new();
        for (side, (operand, steps)) in steps.into_iter().enumerate() {
            let name = format!("{}.{side}", node.name);
            let value = self.moved_by(&operand.value, &steps, &name)?;
            self.values.insert(name.clone(), value);
            inputs.push(name);
        }
        let name = format!("{}.product", node.name);
        let (op, outputs) = ("MatMul".to_owned(), vec![name.clone()]);
        let product = Node { op, inputs, outputs, opset: 13, ..node.clone() };
        self.layer(number, &product)?;
        let found: Vec<_> = [&before[..], &kept, &rows, &right].concat();
        let mut sizes = each(&x, &[&before[..], &kept, &rows].concat())?;
        sizes.extend(each(&y, &right)?);
        let order = result.iter().filter_map(|letter| found.iter().position(|it| it == letter));
        let steps = [Move::Reshape(sizes), Move::Transpose(order.collect())];
        let product = self.values.get(&name).cloned().ok_or("has no product")?;
        let value = self.moved_by(&product, &steps, &node.name)?;
        if let Some(output) = node.outputs.first() {
            self.values.insert(output.clone(), value);
        }
        Ok(())
    }

    /// A value with its elements in other places.
    fn moved_by(&mut self, value: &Value, steps: &[Move], at: &str) -> Result<Value, String> {
        Ok(match value {
            Value::Constant(constant) => {
                let mut constant = constant.as_ref().clone();
                for step in steps {
                    if *step != Move::Reshape(sizes_of(&constant)) {
                        constant = step.apply(&constant)?;
                    }
                }
                Value::Constant(constant.into())
            }
            Value::Computed(view) => {
                let mut view = view.clone();
                for step in steps {
                    view = self.apply(&view, step, at)?;
                }
                Value::Computed(view)
            }
            Value::Part(_) | Value::Refused => return Err("reads a value that was refused".into()),
        })
    }
}
