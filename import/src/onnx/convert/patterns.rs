//! What exporters take apart: activations and normalisations that are several nodes.
//!
//! An activation is recognised by its numbers: an expression of one value whose values at many points are
//! those of a function of the dialect is that function, however it is spelled.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Value, View};
use crate::onnx::{
    constant::{Constant, Data},
    fold,
    graph::Node,
    moves::Move,
};

/// At so many indices expressions of them are evaluated, about.
const MOST_INDICES: i64 = 4096;

/// The most nodes of an expression.
const MOST_NODES: usize = 24;

/// A function of the dialect.
struct Known {
    op: &'static str,
    /// The only attribute, where there is one.
    attribute: Option<(&'static str, &'static str)>,
    value: fn(f64) -> f64,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// What an expression of several nodes may be.
const KNOWN: [Known; 9] = [
    Known { op: "relu", attribute: None, value: |x| x.max(0.0) },
    Known { op: "silu", attribute: None, value: |x| x * sigmoid(x) },
    Known { op: "sigmoid", attribute: None, value: sigmoid },
    Known { op: "softplus", attribute: None, value: softplus },
    Known { op: "mish", attribute: None, value: |x| x * softplus(x).tanh() },
    Known {
        op: "gelu",
        attribute: None,
        value: |x| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
    },
    Known {
        op: "gelu",
        attribute: Some(("approximate", "tanh")),
        value: |x| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        },
    },
    Known { op: "hard_swish", attribute: None, value: |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0 },
    Known { op: "tanh", attribute: None, value: f64::tanh },
];

/// The points at which functions are compared: densest where they bend.
fn points() -> impl Iterator<Item = f64> {
    let near = (-80..=80).map(|n| f64::from(n) * 0.1 + 0.013);
    near.chain([-30.0, -18.5, -12.25, 11.5, 17.75, 25.0, 40.0])
}

/// Largest difference of two functions that are one, beside 1 and relative: below what single precision and
/// the constants of exporters (seven digits) leave.
const TOLERANCE: f64 = 2e-6;

/// A normalisation that several nodes are.
struct Found {
    /// The name of what is normalised.
    of: String,
    op: &'static str,
    /// The dimensions that it is over.
    axes: Vec<usize>,
    epsilon: f64,
    /// The names of what it is multiplied by, and what is added then.
    gamma: Option<String>,
    beta: Option<String>,
}

/// The mean square of a value, or of its differences from the mean.
struct Spread<'a> {
    x: &'a str,
    /// The dimensions that it is over.
    axes: Vec<usize>,
    is_centred: bool,
    epsilon: f64,
}

/// What a `Cast` makes of a number.
const TO_FLOAT: f64 = 0.0;
const TO_INTEGER: f64 = 1.0;
const TO_BOOL: f64 = 2.0;

/// An expression of one value.
enum Expression {
    Variable,
    Number(f64),
    Apply(&'static str, Vec<Expression>, [f64; 2]),
}

impl Expression {
    fn value(&self, x: f64) -> f64 {
        match self {
            Self::Variable => x,
            Self::Number(number) => *number,
            Self::Apply(op, operands, parameters) => {
                let values: Vec<_> = operands.iter().map(|operand| operand.value(x)).collect();
                let first = values.first().copied().unwrap_or(f64::NAN);
                let second = values.get(1).copied().unwrap_or(f64::NAN);
                match *op {
                    "Add" => first + second,
                    "Sum" => values.iter().sum(),
                    "Sub" => first - second,
                    "Mul" => first * second,
                    "Div" => first / second,
                    "Pow" => first.powf(second),
                    "Neg" => -first,
                    "Exp" => first.exp(),
                    "Log" => first.ln(),
                    "Sqrt" => first.sqrt(),
                    "Reciprocal" => 1.0 / first,
                    "Abs" => first.abs(),
                    "Erf" => libm::erf(first),
                    "Tanh" => first.tanh(),
                    "Sigmoid" => sigmoid(first),
                    "Softplus" => softplus(first),
                    "Relu" => first.max(0.0),
                    "HardSigmoid" => (parameters[0] * first + parameters[1]).clamp(0.0, 1.0),
                    "Clip" => first.max(parameters[0]).min(parameters[1]),
                    "Max" => first.max(second),
                    "Min" => first.min(second),
                    "Greater" => f64::from(u8::from(first > second)),
                    "Less" => f64::from(u8::from(first < second)),
                    "GreaterOrEqual" => f64::from(u8::from(first >= second)),
                    "LessOrEqual" => f64::from(u8::from(first <= second)),
                    "Not" => f64::from(u8::from(first == 0.0)),
                    "Cast" if parameters[0] == TO_BOOL => f64::from(u8::from(first != 0.0)),
                    "Cast" if parameters[0] == TO_INTEGER => first.trunc(),
                    "Cast" => first,
                    "IsNaN" => f64::from(u8::from(first.is_nan())),
                    "Where" if first != 0.0 => second,
                    "Where" => values.get(2).copied().unwrap_or(f64::NAN),
                    _ => f64::NAN,
                }
            }
        }
    }
}

/// Operators that an expression may have.
const OPERATORS: [&str; 29] = [
    "Add",
    "Sum",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Neg",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Abs",
    "Erf",
    "Tanh",
    "Sigmoid",
    "Softplus",
    "Relu",
    "HardSigmoid",
    "Clip",
    "Max",
    "Min",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Not",
    "IsNaN",
    "Cast",
    "Where",
];

fn operator(node: &Node) -> Option<&'static str> {
    OPERATORS.into_iter().find(|op| node.is(op))
}

/// May a node be a part of an activation that is several nodes?
pub fn is_part(node: &Node) -> bool {
    operator(node).is_some()
}

impl Converter<'_> {
    /// The node that gives a value.
    pub(super) fn maker(&self, name: &str) -> Option<&Node> {
        self.makers.get(name).map(|&number| &self.nodes[number])
    }

    /// The maker of an input, where it is such an operator.
    pub(super) fn maker_of(&self, node: &Node, number: usize, op: &str) -> Option<&Node> {
        self.maker(node.input(number)?).filter(|maker| maker.is(op))
    }

    pub(super) fn scalar(&self, name: &str) -> Option<f64> {
        match self.values.get(name)? {
            Value::Constant(constant) => constant.number(),
            Value::Computed(_) | Value::Part(_) | Value::Refused => None,
        }
    }

    /// Gives the result of the last node of an activation that several nodes are.
    pub(super) fn known_activation(&mut self, node: &Node) -> Result<bool, String> {
        let Some((known, name)) = self.find_activation(node) else { return Ok(false) };
        let Some(Value::Computed(view)) = self.values.get(&name).cloned() else { return Ok(false) };
        let list = AttributeList::default();
        let list = match known.attribute {
            Some((name, value)) => list.with(name, value),
            None => list,
        };
        self.unary_of(node, &view, known.op, list)?;
        Ok(true)
    }

    fn find_activation(&self, node: &Node) -> Option<(&'static Known, String)> {
        operator(node)?;
        self.candidates(node).into_iter().find_map(|variable| {
            let mut nodes = 0;
            let expression = self.expression(node, variable, &mut nodes)?;
            if nodes < 2 {
                return None;
            }
            let is_it = |known: &&Known| {
                points().all(|x| {
                    let (wanted, got) = ((known.value)(x), expression.value(x));
                    (wanted - got).abs() <= TOLERANCE * wanted.abs().max(1.0)
                })
            };
            Some((KNOWN.iter().find(is_it)?, variable.to_owned()))
        })
    }

    /// Every value that a node follows from by operators of expressions.
    fn candidates<'a>(&'a self, node: &'a Node) -> Vec<&'a str> {
        let mut candidates: Vec<&str> = Vec::new();
        let mut open: Vec<&Node> = vec![node];
        let mut seen = 0;
        while let Some(next) = open.pop() {
            seen += 1;
            if seen > MOST_NODES {
                break;
            }
            for input in next.inputs.iter().filter(|input| !input.is_empty()) {
                if self.scalar(input).is_some() || candidates.contains(&input.as_str()) {
                    continue;
                }
                candidates.push(input);
                open.extend(self.maker(input).filter(|maker| operator(maker).is_some()));
            }
        }
        candidates
    }

    /// The indices of a table with so many rows, where the expression of them that a value is takes the same
    /// rows: one that counts negative ones from behind.
    pub(super) fn known_index(&self, name: &str, rows: i64) -> Option<View> {
        let node = self.maker(name).filter(|node| operator(node).is_some())?;
        self.candidates(node).into_iter().find_map(|variable| {
            let Some(Value::Computed(view)) = self.values.get(variable) else { return None };
            let expression = self.expression(node, variable, &mut 0)?;
            let step = (rows / MOST_INDICES).max(1) as usize;
            let indices = (-rows..rows).step_by(step).chain([-1, 0, 1, rows - 1]);
            let mut indices = indices.filter(|index| (-rows..rows).contains(index));
            let is_same = indices.all(|index| {
                let other = expression.value(index as f64);
                let is_row = other.fract() == 0.0 && (-rows as f64..rows as f64).contains(&other);
                is_row && (other as i64).rem_euclid(rows) == index.rem_euclid(rows)
            });
            is_same.then(|| view.clone())
        })
    }

    fn expression(&self, node: &Node, variable: &str, nodes: &mut usize) -> Option<Expression> {
        *nodes += 1;
        if *nodes > 4 * MOST_NODES {
            return None;
        }
        let op = operator(node)?;
        let mut parameters = [0.0, 0.0];
        let mut inputs = &node.inputs[..];
        match op {
            "HardSigmoid" => {
                parameters =
                    [node.float("alpha").unwrap_or(0.2), node.float("beta").unwrap_or(0.5)];
            }
            "Cast" => {
                parameters[0] = match node.int("to") {
                    Some(1 | 10 | 11 | 16) => TO_FLOAT,
                    Some(2..=7 | 12 | 13) => TO_INTEGER,
                    Some(9) => TO_BOOL,
                    _ => return None,
                };
            }
            "Clip" => {
                let bound = |number: usize, name: &str, default: f64| match node.input(number) {
                    Some(input) => self.scalar(input),
                    None => Some(node.float(name).unwrap_or(default)),
                };
                let (low, high) =
                    (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY));
                parameters = [low?, high?];
                inputs = inputs.get(..1)?;
            }
            _ => {}
        }
        let operands = inputs.iter().map(|input| {
            if input == variable {
                return Some(Expression::Variable);
            }
            match self.scalar(input) {
                Some(number) => Some(Expression::Number(number)),
                None => self.expression(self.maker(input)?, variable, nodes),
            }
        });
        Some(Expression::Apply(op, operands.collect::<Option<_>>()?, parameters))
    }

    /// Gives the result of the last node of a normalisation that several nodes are.
    pub(super) fn known_norm(&mut self, node: &Node) -> Result<bool, String> {
        let Some(norm) = self.find_norm(node).or_else(|| self.find_affine_norm(node)) else {
            return Ok(false);
        };
        let Some(Value::Computed(view)) = self.values.get(&norm.of).cloned() else {
            return Ok(false);
        };
        let Some(mut view) = self.normalised(node, &view, &norm)? else { return Ok(false) };
        for (op, name) in [("mul", norm.gamma), ("add", norm.beta)] {
            let Some(Value::Constant(constant)) = name.and_then(|name| self.values.get(&name))
            else {
                continue;
            };
            let constant = Value::Constant(constant.clone());
            let Some(operand) = self.beside(&constant, &view.order, &node.name)? else {
                return Ok(false);
            };
            let operands = [&view.value, &operand.value];
            let value = self.op(op, &AttributeList::default(), &operands, &node.name)?;
            view = View { value, ..view };
        }
        self.view(node, 0, view)?;
        Ok(true)
    }

    /// A value normalised over some of its dimensions; `None` where the batch is one of them.
    fn normalised(
        &mut self,
        node: &Node,
        view: &View,
        norm: &Found,
    ) -> Result<Option<View>, String> {
        let rank = view.rank();
        let others = (0..rank).filter(|dim| !norm.axes.contains(dim));
        let order: Vec<_> = others.chain(norm.axes.iter().copied()).collect();
        let moved = self.apply(view, &Move::Transpose(order.clone()), &node.name)?;
        // The last dimensions of the value are those of the norm, wherever the batch is before them.
        let own = moved.order.len() - norm.axes.len();
        if moved.joined.end > own || moved.batch().is_some_and(|place| place >= own) {
            return Ok(None);
        }
        let settled = self.settled(&moved, &node.name)?;
        let list = AttributeList::default()
            .with("dimensions", norm.axes.len() as i64)
            .with("epsilon", norm.epsilon);
        let value = self.op(norm.op, &list, &[&settled.value], &node.name)?;
        let mut back = vec![0; rank];
        for (place, &dim) in order.iter().enumerate() {
            back[dim] = place;
        }
        let view = View { value, ..settled };
        self.apply(&view, &Move::Transpose(back), &node.name).map(Some)
    }

    /// (x − mean(x))/√(mean((x − mean(x))²) + ε), or the same without the means.
    fn find_norm(&self, node: &Node) -> Option<Found> {
        let (numerator, root) = match node.op.as_str() {
            "Div" => (node.input(0)?, self.maker_of(node, 1, "Sqrt")?),
            "Mul" => match (self.inverse_root(node.input(1)?), self.inverse_root(node.input(0)?)) {
                (Some(root), _) => (node.input(0)?, root),
                (None, Some(root)) => (node.input(1)?, root),
                (None, None) => return None,
            },
            _ => return None,
        };
        let Spread { x, axes, is_centred, epsilon } = self.spread_under(root)?;
        let op = match (self.centred(numerator), is_centred) {
            (Some((y, of)), true) if (y, &of) == (x, &axes) => "layer_norm",
            (_, false) if numerator == x => "rms_norm",
            _ => return None,
        };
        Some(Found { of: x.to_owned(), op, axes, epsilon, gamma: None, beta: None })
    }

    /// x·s + (β − mean(x)·s) with s = γ/√(variance + ε), as TensorFlow and Keras write a layer norm; γ and β
    /// may be left out.
    fn find_affine_norm(&self, node: &Node) -> Option<Found> {
        if !node.is("Add") && !node.is("Sub") {
            return None;
        }
        let (one, other) = (node.input(0)?, node.input(1)?);
        let orders = [(one, other), (other, one)];
        orders.into_iter().take(if node.is("Add") { 2 } else { 1 }).find_map(|(scaled, shift)| {
            self.factors(scaled).into_iter().find_map(|(x, factor)| {
                let (root, gamma) = self.scale_of(factor)?;
                let Spread { x: of, axes, is_centred: true, epsilon } = self.spread_under(root)?
                else {
                    return None;
                };
                if of != x {
                    return None;
                }
                let is_mean = |name: &str| {
                    self.mean_of(name).is_some_and(|(of, over)| of == x && over == axes)
                };
                let is_moved = |name: &str| {
                    self.factors(name).iter().any(|(mean, of)| *of == factor && is_mean(mean))
                };
                let beta = match node.is("Sub") {
                    true => is_moved(shift).then_some(None)?,
                    false => self.shift_of(shift, factor, &is_mean, &is_moved)?,
                };
                let (of, op) = (of.to_owned(), "layer_norm");
                let gamma = gamma.map(str::to_owned);
                Some(Found { of, op, axes, epsilon, gamma, beta: beta.map(str::to_owned) })
            })
        })
    }

    /// The β of β − mean·s, or of its negative product and β; `None` within for none.
    fn shift_of<'a>(
        &'a self,
        name: &'a str,
        factor: &str,
        is_mean: &dyn Fn(&str) -> bool,
        is_moved: &dyn Fn(&str) -> bool,
    ) -> Option<Option<&'a str>> {
        // -(mean·s), or (-mean)·s.
        let is_negative = |name: &str| {
            let negated = |maker: &Node| maker.is("Neg") && maker.input(0).is_some_and(is_moved);
            let of_negated = |mean: &str| {
                let maker = self.maker(mean).filter(|maker| maker.is("Neg"));
                maker.and_then(|maker| maker.input(0)).is_some_and(is_mean)
            };
            self.maker(name).is_some_and(negated)
                || self.factors(name).iter().any(|(mean, of)| *of == factor && of_negated(mean))
        };
        if is_negative(name) {
            return Some(None);
        }
        let maker = self.maker(name)?;
        let inputs = [maker.input(0)?, maker.input(1)?];
        let is_known = |name: &str| matches!(self.values.get(name), Some(Value::Constant(_)));
        match (maker.op.as_str(), inputs) {
            ("Sub", [beta, moved]) if is_known(beta) && is_moved(moved) => Some(Some(beta)),
            ("Add", [beta, moved]) if is_known(beta) && is_negative(moved) => Some(Some(beta)),
            ("Add", [moved, beta]) if is_known(beta) && is_negative(moved) => Some(Some(beta)),
            _ => None,
        }
    }

    /// The two operands of a product, in both orders.
    fn factors<'a>(&'a self, name: &str) -> Vec<(&'a str, &'a str)> {
        let product = self.maker(name).filter(|maker| maker.is("Mul"));
        let inputs = product.and_then(|product| Some((product.input(0)?, product.input(1)?)));
        inputs.map_or(vec![], |(x, y)| vec![(x, y), (y, x)])
    }

    /// The root of 1/√y, or of that times γ, and γ.
    fn scale_of<'a>(&'a self, name: &'a str) -> Option<(&'a Node, Option<&'a str>)> {
        if let Some(root) = self.inverse_root(name) {
            return Some((root, None));
        }
        self.factors(name).into_iter().find_map(|(inverse, gamma)| {
            let is_known = matches!(self.values.get(gamma), Some(Value::Constant(_)));
            is_known.then_some((self.inverse_root(inverse)?, Some(gamma)))
        })
    }

    /// The root y of 1/√y.
    fn inverse_root(&self, name: &str) -> Option<&Node> {
        let maker = self.maker(name)?;
        let is_one = || Some(self.scalar(maker.input(0)?)? == 1.0);
        let root = match maker.op.as_str() {
            "Reciprocal" => maker.input(0)?,
            "Div" if is_one() == Some(true) => maker.input(1)?,
            _ => return None,
        };
        self.maker(root).filter(|maker| maker.is("Sqrt"))
    }

    /// The node that gives a value, conversions between floats apart.
    fn uncast(&self, name: &str) -> Option<&Node> {
        let maker = self.maker(name)?;
        let is_float = matches!(maker.int("to"), Some(1 | 10 | 11 | 16));
        match maker.is("Cast") && is_float {
            true => self.uncast(maker.input(0)?),
            false => Some(maker),
        }
    }

    /// Is a root that of a mean square?
    pub(super) fn is_of_norm(&self, root: &Node) -> bool {
        self.spread_under(root).is_some()
    }

    /// The mean square under a root, and what is added to it.
    fn spread_under<'a>(&'a self, root: &'a Node) -> Option<Spread<'a>> {
        let sum = self.uncast(root.input(0)?).filter(|maker| maker.is("Add"))?;
        let (spread, epsilon) = match (self.scalar(sum.input(1)?), self.scalar(sum.input(0)?)) {
            (Some(epsilon), _) => (sum.input(0)?, epsilon),
            (None, Some(epsilon)) => (sum.input(1)?, epsilon),
            (None, None) => return None,
        };
        let (x, axes, is_centred) = self.spread_of(spread)?;
        Some(Spread { x, axes, is_centred, epsilon })
    }

    /// What a mean square is of, over which dimensions, and whether it is one of differences from
    /// the mean: by those, or as the mean of the squares less the square of the mean.
    fn spread_of(&self, name: &str) -> Option<(&str, Vec<usize>, bool)> {
        let name = self.through(name).0;
        let maker = self.maker(name)?;
        // What cannot be negative is kept from it.
        let is_zero = |number: usize| Some(self.scalar(maker.input(number)?)? == 0.0);
        match maker.op.as_str() {
            "Relu" => return self.spread_of(maker.input(0)?),
            "Max" if is_zero(1) == Some(true) => return self.spread_of(maker.input(0)?),
            "Max" if is_zero(0) == Some(true) => return self.spread_of(maker.input(1)?),
            "Sub" => {
                let (x, axes) = self.mean_square_of(maker.input(0)?)?;
                let (of, over) = self.mean_of(self.root_of(maker.input(1)?)?)?;
                return (of == x && over == axes).then_some((x, axes, true));
            }
            _ => {}
        }
        let (squared, axes) = self.mean_square_of(name)?;
        Some(match self.centred(squared) {
            Some((x, of)) if of == axes => (x, axes, true),
            _ => (squared, axes, false),
        })
    }

    /// What a value is the square of.
    fn root_of(&self, name: &str) -> Option<&str> {
        let square = self.maker(name)?;
        match square.op.as_str() {
            "Pow" if self.scalar(square.input(1)?) == Some(2.0) => square.input(0),
            "Mul" if square.input(0) == square.input(1) => square.input(0),
            _ => None,
        }
    }

    /// What a value is the mean of, and over which dimensions.
    fn mean_of(&self, name: &str) -> Option<(&str, Vec<usize>)> {
        self.average(name, "ReduceMean", "ReduceSum")
    }

    /// What a value is the mean of the squares of.
    fn mean_square_of(&self, name: &str) -> Option<(&str, Vec<usize>)> {
        let of_squares = || {
            let (squares, axes) = self.mean_of(name)?;
            Some((self.root_of(squares)?, axes))
        };
        of_squares().or_else(|| self.average(name, "", "ReduceSumSquare"))
    }

    /// What a value is the reduction `mean` of, or the reduction `sum` divided by the number of elements.
    fn average(&self, name: &str, mean: &str, sum: &str) -> Option<(&str, Vec<usize>)> {
        let (end, is_moved) = self.through(name);
        let maker = self.maker(end)?;
        let (x, axes) = if maker.is(mean) || (mean == "ReduceMean" && maker.is("GlobalAveragePool"))
        {
            (maker.input(0)?, self.reduced_dimensions(maker, is_moved)?)
        } else {
            let count = match maker.op.as_str() {
                "Div" => self.scalar(maker.input(1)?)?,
                "Mul" => 1.0 / self.scalar(maker.input(1)?)?,
                _ => return None,
            };
            let (total, is_moved_before) = self.through(maker.input(0)?);
            let total = self.maker(total).filter(|maker| maker.is(sum))?;
            let axes = self.reduced_dimensions(total, is_moved || is_moved_before)?;
            let x = total.input(0)?;
            let Some(Value::Computed(view)) = self.values.get(x) else { return None };
            let shape = view.shape();
            let elements = axes.iter().map(|&axis| shape[axis]).product::<i64>();
            if (elements as f64 - count).abs() > 1e-6 * count.abs() {
                return None;
            }
            (x, axes)
        };
        self.is_in_place(name, x, &axes).then_some((x, axes))
    }

    /// Has a mean of a value sizes that are those of the value, or 1 in the dimensions that it is over?
    fn is_in_place(&self, mean: &str, of: &str, axes: &[usize]) -> bool {
        let shape = |name: &str| match self.values.get(name) {
            Some(Value::Computed(view)) => Some(view.shape()),
            _ => None,
        };
        let (Some(mean), Some(of)) = (shape(mean), shape(of)) else { return true };
        let mut sizes = mean.iter().zip(&of).enumerate();
        mean.len() == of.len()
            && sizes.all(|(dim, (&mean, &of))| mean == of || (mean == 1 && axes.contains(&dim)))
    }

    /// The value behind nodes that leave its numbers as they are, and whether some move them.
    fn through<'a>(&'a self, name: &'a str) -> (&'a str, bool) {
        const PLAIN: [&str; 6] = ["Expand", "Reshape", "Unsqueeze", "Identity", "Cast", "CastLike"];
        let (mut name, mut is_moved) = (name, false);
        for _ in 0..MOST_NODES {
            let Some(maker) = self.maker(name) else { break };
            let chosen = maker.is("Where").then(|| self.known(maker, 0)).flatten();
            let place = match chosen.filter(Constant::is_uniform).map(|choice| choice.data) {
                Some(data) => match &*data {
                    Data::Bool(values) if values.first() == Some(&true) => 1,
                    Data::Bool(_) => 2,
                    Data::Float(_) | Data::Int(_) => break,
                },
                None if PLAIN.iter().any(|op| maker.is(op)) => 0,
                None => break,
            };
            let Some(next) = maker.input(place) else { break };
            is_moved |= !["Identity", "Cast", "CastLike"].iter().any(|op| maker.is(op));
            name = next;
        }
        (name, is_moved)
    }

    /// What a value is the difference of from its own mean, and over which dimensions.
    fn centred(&self, name: &str) -> Option<(&str, Vec<usize>)> {
        let difference = self.maker(name).filter(|maker| maker.is("Sub"))?;
        let (x, axes) = self.mean_of(difference.input(1)?)?;
        (difference.input(0)? == x).then_some((x, axes))
    }

    /// The dimensions that a mean is over, where they stay, or are the last ones and are put back.
    fn reduced_dimensions(&self, node: &Node, is_moved: bool) -> Option<Vec<usize>> {
        let rank = match self.values.get(node.input(0)?)? {
            Value::Computed(view) => view.rank(),
            Value::Constant(_) | Value::Part(_) | Value::Refused => return None,
        };
        let (axes, keep) = match node.is("GlobalAveragePool") {
            true => ((2..rank).collect(), true),
            false => fold::reduction(node, self.known(node, 1).as_ref(), rank).ok()?,
        };
        let is_last = axes.iter().copied().eq(rank - axes.len()..rank);
        let is_some = !axes.is_empty() && axes.len() < rank;
        let is_in_place = if is_moved { is_last } else { keep };
        (is_some && is_in_place).then_some(axes)
    }
}
