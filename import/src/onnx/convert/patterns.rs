//! What exporters take apart: activations, normalisations and attention that are several nodes.
//!
//! An activation is recognised by its numbers: an expression of one value whose values at many points are
//! those of a function of the dialect is that function, however it is spelled.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Value, View};
use crate::onnx::{
    constant::{Constant, Data},
    fold,
    graph::Node,
};

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
    dimensions: i64,
    epsilon: f64,
    /// The names of what it is multiplied by, and what is added then.
    gamma: Option<String>,
    beta: Option<String>,
}

/// The mean square of a value, or of its differences from the mean.
struct Spread<'a> {
    x: &'a str,
    dimensions: i64,
    is_centred: bool,
    epsilon: f64,
}

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
                    "Where" if first != 0.0 => second,
                    "Where" => values.get(2).copied().unwrap_or(f64::NAN),
                    _ => f64::NAN,
                }
            }
        }
    }
}

/// Operators that an expression may have.
const OPERATORS: [&str; 26] = [
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
    fn maker(&self, name: &str) -> Option<&Node> {
        self.makers.get(name).map(|&number| &self.nodes[number])
    }

    /// The maker of an input, where it is such an operator.
    fn maker_of(&self, node: &Node, number: usize, op: &str) -> Option<&Node> {
        self.maker(node.input(number)?).filter(|maker| maker.is(op))
    }

    fn scalar(&self, name: &str) -> Option<f64> {
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
        // Every value that the node follows from by operators of expressions.
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
        candidates.into_iter().find_map(|variable| {
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
        let value = self.materialise(&view, &node.name)?;
        let list = AttributeList::default()
            .with("dimensions", norm.dimensions)
            .with("epsilon", norm.epsilon);
        let mut value = self.op(norm.op, &list, &[&value], &node.name)?;
        for (op, name) in [("mul", norm.gamma), ("add", norm.beta)] {
            let Some(Value::Constant(constant)) = name.and_then(|name| self.values.get(&name))
            else {
                continue;
            };
            let constant = constant.clone();
            let operand = self.module.constant(&constant)?;
            let operands = self.aligned(vec![value, operand], &node.name)?;
            value =
                self.op(op, &AttributeList::default(), &[&operands[0], &operands[1]], &node.name)?;
        }
        self.view(node, 0, View::plain(value))?;
        Ok(true)
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
        let Spread { x, dimensions, is_centred, epsilon } = self.spread_under(root)?;
        let op = match (self.centred(numerator), is_centred) {
            (Some((y, of)), true) if (y, of) == (x, dimensions) => "layer_norm",
            (_, false) if numerator == x => "rms_norm",
            _ => return None,
        };
        Some(Found { of: x.to_owned(), op, dimensions, epsilon, gamma: None, beta: None })
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
                let Spread { x: of, dimensions, is_centred: true, epsilon } =
                    self.spread_under(root)?
                else {
                    return None;
                };
                if of != x {
                    return None;
                }
                let is_mean = |name: &str| self.mean_of(name) == Some((x, dimensions));
                let is_moved = |name: &str| {
                    self.factors(name).iter().any(|(mean, of)| *of == factor && is_mean(mean))
                };
                let beta = match node.is("Sub") {
                    true => is_moved(shift).then_some(None)?,
                    false => self.shift_of(shift, factor, &is_mean, &is_moved)?,
                };
                let (of, op) = (of.to_owned(), "layer_norm");
                let gamma = gamma.map(str::to_owned);
                Some(Found { of, op, dimensions, epsilon, gamma, beta: beta.map(str::to_owned) })
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

    /// The mean square under a root, and what is added to it.
    fn spread_under<'a>(&'a self, root: &'a Node) -> Option<Spread<'a>> {
        let sum = self.maker_of(root, 0, "Add")?;
        let (spread, epsilon) = match (self.scalar(sum.input(1)?), self.scalar(sum.input(0)?)) {
            (Some(epsilon), _) => (sum.input(0)?, epsilon),
            (None, Some(epsilon)) => (sum.input(1)?, epsilon),
            (None, None) => return None,
        };
        let (x, dimensions, is_centred) = self.spread_of(spread)?;
        Some(Spread { x, dimensions, is_centred, epsilon })
    }

    /// What a mean square is of, over how many last dimensions, and whether it is one of differences from
    /// the mean: by those, or as the mean of the squares less the square of the mean.
    fn spread_of(&self, name: &str) -> Option<(&str, i64, bool)> {
        let name = self.through(name).0;
        let maker = self.maker(name)?;
        // What cannot be negative is kept from it.
        let is_zero = |number: usize| Some(self.scalar(maker.input(number)?)? == 0.0);
        match maker.op.as_str() {
            "Relu" => return self.spread_of(maker.input(0)?),
            "Max" if is_zero(1) == Some(true) => return self.spread_of(maker.input(0)?),
            "Max" if is_zero(0) == Some(true) => return self.spread_of(maker.input(1)?),
            "Sub" => {
                let (x, dimensions) = self.mean_square_of(maker.input(0)?)?;
                let mean = self.root_of(maker.input(1)?)?;
                return (self.mean_of(mean)? == (x, dimensions)).then_some((x, dimensions, true));
            }
            _ => {}
        }
        let (squared, dimensions) = self.mean_square_of(name)?;
        Some(match self.centred(squared) {
            Some((x, of)) if of == dimensions => (x, dimensions, true),
            _ => (squared, dimensions, false),
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

    /// What a value is the mean of, and over how many last dimensions.
    fn mean_of(&self, name: &str) -> Option<(&str, i64)> {
        self.average(name, "ReduceMean", "ReduceSum")
    }

    /// What a value is the mean of the squares of.
    fn mean_square_of(&self, name: &str) -> Option<(&str, i64)> {
        let of_squares = || {
            let (squares, dimensions) = self.mean_of(name)?;
            Some((self.root_of(squares)?, dimensions))
        };
        of_squares().or_else(|| self.average(name, "", "ReduceSumSquare"))
    }

    /// What a value is the reduction `mean` of, or the reduction `sum` divided by the number of elements.
    fn average(&self, name: &str, mean: &str, sum: &str) -> Option<(&str, i64)> {
        let (name, is_moved) = self.through(name);
        let maker = self.maker(name)?;
        if maker.is(mean) {
            return Some((maker.input(0)?, self.last_dimensions(maker, is_moved)?));
        }
        let count = match maker.op.as_str() {
            "Div" => self.scalar(maker.input(1)?)?,
            "Mul" => 1.0 / self.scalar(maker.input(1)?)?,
            _ => return None,
        };
        let (total, is_moved_before) = self.through(maker.input(0)?);
        let total = self.maker(total).filter(|maker| maker.is(sum))?;
        let dimensions = self.last_dimensions(total, is_moved || is_moved_before)?;
        let x = total.input(0)?;
        let Some(Value::Computed(view)) = self.values.get(x) else { return None };
        let shape = view.shape();
        let elements = shape.iter().rev().take(dimensions as usize).product::<i64>();
        ((elements as f64 - count).abs() <= 1e-6 * count.abs()).then_some((x, dimensions))
    }

    /// The value behind nodes that leave its numbers as they are, and whether there are some.
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
            (name, is_moved) = (next, true);
        }
        (name, is_moved)
    }

    /// What a value is the difference of from its own mean, over how many last dimensions.
    fn centred(&self, name: &str) -> Option<(&str, i64)> {
        let difference = self.maker(name).filter(|maker| maker.is("Sub"))?;
        let (x, dimensions) = self.mean_of(difference.input(1)?)?;
        (difference.input(0)? == x).then_some((x, dimensions))
    }

    /// How many dimensions a mean is over, where they are the last ones, and stay or are put back.
    fn last_dimensions(&self, node: &Node, is_moved: bool) -> Option<i64> {
        let rank = match self.values.get(node.input(0)?)? {
            Value::Computed(view) => view.rank(),
            Value::Constant(_) | Value::Part(_) | Value::Refused => return None,
        };
        let (axes, keep) = fold::reduction(node, self.known(node, 1).as_ref(), rank).ok()?;
        let is_last = axes.iter().copied().eq(rank - axes.len()..rank);
        ((keep || is_moved) && is_last && axes.len() < rank).then_some(axes.len() as i64)
    }

    /// Gives softmax(scale·q·kᵀ + mask)·v as one op, where a product of matrices is its end.
    pub(super) fn known_attention(&mut self, node: &Node) -> Result<bool, String> {
        let Some((queries, keys, scale, causal)) = self.find_attention(node) else {
            return Ok(false);
        };
        let mut operands = Vec::new();
        for name in [queries.as_str(), keys.as_str(), node.input(1).unwrap_or_default()] {
            let Some(Value::Computed(view)) = self.values.get(name) else {
                return Ok(false);
            };
            operands.push(view.apart());
        }
        // The keys stand transposed in the product.
        let rank = operands[1].order.len();
        if rank < 3 || operands.iter().any(|view| view.order.len() != rank) {
            return Ok(false);
        }
        operands[1].order.swap(rank - 2, rank - 1);
        let mut values = Vec::new();
        for view in &operands {
            values.push(self.settled(view, &node.name)?);
        }
        let [queries, keys, rows] = &values[..] else { return Ok(false) };
        let is_alike = queries.order == keys.order && queries.order == rows.order;
        if !is_alike || queries.batch().is_some_and(|place| place + 2 >= rank) {
            return Ok(false);
        }
        let list = AttributeList::default().with("scale", scale).with("causal", causal);
        let operands = [&queries.value, &keys.value, &rows.value];
        let result = self.op("attention", &list, &operands, &node.name)?;
        self.view(node, 0, View::of(result, queries.order.clone()))?;
        Ok(true)
    }

    fn find_attention(&self, node: &Node) -> Option<(String, String, f64, bool)> {
        let softmax = self.maker_of(node, 0, "Softmax")?;
        let Value::Computed(view) = self.values.get(softmax.input(0)?)? else { return None };
        let rank = view.rank() as i64;
        let axis = softmax.int("axis").unwrap_or(-1);
        if softmax.opset < 13 || (axis != -1 && axis != rank - 1) {
            return None;
        }
        let mut causal = false;
        let mut scores = self.maker(softmax.input(0)?)?;
        if scores.is("Add") {
            let mask = [1, 0].into_iter().find_map(|number| {
                let mask = self.known(scores, number)?;
                let size = view.shape();
                is_causal(&mask, size[size.len() - 2], size[size.len() - 1]).then_some(1 - number)
            });
            causal = true;
            scores = self.maker(scores.input(mask?)?)?;
        }
        let mut scale = 1.0;
        let scaled = |node: &Node| match node.op.as_str() {
            "Mul" => match (self.scalar(node.input(0)?), self.scalar(node.input(1)?)) {
                (_, Some(factor)) => Some((factor, node.input(0)?.to_owned())),
                (Some(factor), None) => Some((factor, node.input(1)?.to_owned())),
                (None, None) => None,
            },
            "Div" => {
                let divisor = self.scalar(node.input(1)?).filter(|&divisor| divisor != 0.0)?;
                Some((1.0 / divisor, node.input(0)?.to_owned()))
            }
            _ => None,
        };
        if let Some((factor, name)) = scaled(scores) {
            scale *= factor;
            scores = self.maker(&name)?;
        }
        if !scores.is("MatMul") {
            return None;
        }
        let mut operand = |number: usize| {
            let name = scores.input(number)?.to_owned();
            match self.maker(&name).and_then(&scaled) {
                Some((factor, name)) => {
                    scale *= factor;
                    Some(name)
                }
                None => Some(name),
            }
        };
        let (queries, keys) = (operand(0)?, operand(1)?);
        Some((queries, keys, scale, causal))
    }
}

/// Does a mask hide the columns behind the row's own, counted from the last of both, and nothing else?
fn is_causal(mask: &Constant, rows: i64, columns: i64) -> bool {
    let Data::Float(values) = &*mask.data else { return false };
    let (rows, columns) = (rows as usize, columns as usize);
    let leading: usize = mask.shape.iter().rev().skip(2).product();
    if leading != 1 || !mask.shape.ends_with(&[rows, columns]) || columns < rows {
        return false;
    }
    values.iter().enumerate().all(|(place, &value)| {
        let (row, column) = (place / columns, place % columns);
        match column <= row + columns - rows {
            true => value == 0.0,
            false => value <= -1e4,
        }
    })
}
