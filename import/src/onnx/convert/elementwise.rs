//! Functions of one value, and of two.

use gauss_dialect::{attributes::AttributeList, types};

use super::{Converter, Outcome, Value, View};
use crate::onnx::{
    constant::{Constant, Data, type_name},
    graph::Node,
};

/// The bounds of `gauss.clip` where ONNX has none.
const UNBOUNDED: f64 = 1e18;

/// The constants of SELU, as the operator has them by default.
const SELU: [f64; 2] = [1.673_263_192_176_818_8, 1.050_701_022_148_132_3];

/// Is an operator a function of single elements, of one value or of two?
pub(super) fn is_elementwise(node: &Node) -> bool {
    const OTHERS: [&str; 23] = [
        "Relu",
        "Tanh",
        "Mish",
        "HardSwish",
        "Sin",
        "Sign",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Celu",
        "Gelu",
        "Selu",
        "Swish",
        "Cast",
        "CastLike",
        "Softplus",
        "Sigmoid",
        "HardSigmoid",
        "Clip",
        "Sum",
        "Mul",
        "Exp",
        "Abs",
    ];
    super::patterns::is_part(node) || OTHERS.iter().any(|op| node.is(op))
}

impl Converter<'_> {
    pub(super) fn elementwise(&mut self, node: &Node) -> Outcome {
        if self.known_activation(node)? || self.known_norm(node)? {
            return Ok(());
        }
        if node.is_scaler() {
            return self.standardised(node);
        }
        let list = AttributeList::default();
        let float = |name: &str, default: f64| node.float(name).unwrap_or(default);
        match node.op.as_str() {
            "Relu" => self.unary(node, "relu", list),
            "Sigmoid" => self.unary(node, "sigmoid", list),
            "Tanh" => self.unary(node, "tanh", list),
            "Softplus" => self.unary(node, "softplus", list),
            "Mish" => self.unary(node, "mish", list),
            "HardSwish" => self.unary(node, "hard_swish", list),
            "Exp" => self.unary(node, "exp", list),
            "Sin" => self.unary(node, "sin", list),
            "Abs" => self.unary(node, "abs", list),
            "Sign" => self.unary(node, "sign", list),
            "LeakyRelu" => self.unary(node, "leaky_relu", list.with("slope", float("alpha", 0.01))),
            "Elu" => self.unary(node, "elu", list.with("alpha", float("alpha", 1.0))),
            "Celu" => self.unary(node, "celu", list.with("alpha", float("alpha", 1.0))),
            "HardSigmoid" => {
                let list = list.with("alpha", float("alpha", 0.2)).with("beta", float("beta", 0.5));
                self.unary(node, "hard_sigmoid", list)
            }
            "Gelu" => match node.text("approximate").as_deref() {
                Some("tanh") => self.unary(node, "gelu", list.with("approximate", "tanh")),
                _ => self.unary(node, "gelu", list),
            },
            "Selu" => {
                let given = [float("alpha", SELU[0]), float("gamma", SELU[1])];
                match given.iter().zip(SELU).all(|(given, own)| (given - own).abs() < 1e-5) {
                    true => self.unary(node, "selu", list),
                    false => {
                        Err(format!("has {given:?} as alpha and gamma; {SELU:?} are supported"))
                    }
                }
            }
            "Swish" => self.swish(node, float("alpha", 1.0)),
            "Clip" => self.clip(node),
            "Max" | "Min" => self.bounded(node),
            "Neg" => self.negated(node),
            "Pow" => self.power(node),
            "Cast" | "CastLike" => self.cast(node),
            "PRelu" => self.binary(node, "prelu"),
            "Add" | "Sum" => self.sum(node),
            "Sub" => self.binary(node, "sub"),
            "Mul" => match node.inputs.first() == node.inputs.get(1) {
                true => self.unary(node, "square", list),
                false => self.binary(node, "mul"),
            },
            "Div" => self.binary(node, "div"),
            "Where" => self.chosen(node),
            "Sqrt" if self.is_of_norm(node) => {
                Err("is that of a normalisation that is none over dimensions of each item".into())
            }
            "Erf" => Err("has no moments by itself; within GELU it is recognised".into()),
            _ => Err("has no moments; it is supported on constants alone".into()),
        }
    }

    /// One of two values, where it is the same one everywhere.
    fn chosen(&mut self, node: &Node) -> Outcome {
        let choice = self.known(node, 0).filter(Constant::is_uniform);
        let first = choice.and_then(|choice| match &*choice.data {
            Data::Bool(values) => values.first().copied(),
            Data::Float(_) | Data::Int(_) => None,
        });
        let first = first.ok_or("chooses element by element, which has no moments")?;
        let (this, other) = if first { (1, 2) } else { (2, 1) };
        let view = self.viewed(node, this)?;
        let rank = view.order.len();
        let spread = [0, other].into_iter().map(|number| {
            let shape = self.shape(node, number)?;
            let aligned = crate::onnx::moves::aligned(&shape, rank);
            let common = types::broadcast(&view.shape(), &aligned);
            Ok(shape.len() <= rank && common == Some(view.shape()))
        });
        match spread.collect::<Result<Vec<_>, String>>()?.iter().all(|fits| *fits) {
            true => self.view(node, 0, view),
            false => Err("repeats what it chooses".into()),
        }
    }

    /// (x − offset)·scale, with one number or one for each feature.
    fn standardised(&mut self, node: &Node) -> Outcome {
        let mut value = self.operand(node, 0)?;
        for (name, op) in [("offset", "sub"), ("scale", "mul")] {
            let Some(numbers) = node.floats(name).filter(|numbers| !numbers.is_empty()) else {
                continue;
            };
            let mut shape = vec![1; value.ty.shape.len()];
            *shape.last_mut().ok_or("reads a scalar")? = numbers.len();
            let mut numbers = Constant::new(shape, Data::Float(numbers));
            numbers.origin = Some(format!("{}.{name}", node.name));
            let numbers = self.module.constant(&numbers)?;
            value = self.op(op, &AttributeList::default(), &[&value, &numbers], &node.name)?;
        }
        self.result(node, value)
    }

    pub(super) fn unary(&mut self, node: &Node, op: &str, list: AttributeList) -> Outcome {
        let view = self.viewed(node, 0)?;
        self.unary_of(node, &view, op, list)
    }

    /// A function of a value as the result of a node.
    pub(super) fn unary_of(
        &mut self,
        node: &Node,
        view: &View,
        op: &str,
        list: AttributeList,
    ) -> Outcome {
        let value = self.op(op, &list, &[&view.value], &node.name)?;
        self.view(node, 0, View { value, ..view.clone() })
    }

    /// x·sigmoid(αx), which is silu(αx)/α.
    pub(super) fn swish(&mut self, node: &Node, alpha: f64) -> Outcome {
        let view = self.viewed(node, 0)?;
        self.swish_of(node, &view, alpha)
    }

    pub(super) fn swish_of(&mut self, node: &Node, view: &View, alpha: f64) -> Outcome {
        if alpha == 0.0 || !alpha.is_finite() {
            return Err(format!("has {alpha} as alpha"));
        }
        let scaled = self.scaled(view.value.clone(), alpha, &node.name)?;
        let value = self.op("silu", &AttributeList::default(), &[&scaled], &node.name)?;
        let value = self.scaled(value, 1.0 / alpha, &node.name)?;
        self.view(node, 0, View { value, ..view.clone() })
    }

    fn clip(&mut self, node: &Node) -> Outcome {
        let bound = |number: usize, name: &str, default: f64, this: &Self| match (
            node.float(name),
            node.input(number),
        ) {
            (Some(bound), _) => Ok(bound),
            (None, None) => Ok(default),
            (None, Some(_)) => this
                .known(node, number)
                .and_then(|constant| constant.number())
                .ok_or_else(|| format!("computes its {name} from data")),
        };
        let low = bound(1, "min", -UNBOUNDED, self)?.max(-UNBOUNDED);
        let high = bound(2, "max", UNBOUNDED, self)?.min(UNBOUNDED);
        let view = self.viewed(node, 0)?;
        self.clip_of(node, &view, low, high)
    }

    fn clip_of(&mut self, node: &Node, view: &View, low: f64, high: f64) -> Outcome {
        let list = AttributeList::default();
        match (low, high) {
            (0.0, UNBOUNDED) => self.unary_of(node, view, "relu", list),
            (low, high) if low <= -UNBOUNDED && high >= UNBOUNDED => {
                self.view(node, 0, view.clone())
            }
            _ => self.unary_of(node, view, "clip", list.with("min", low).with("max", high)),
        }
    }

    /// The maximum or minimum of a value and a number.
    fn bounded(&mut self, node: &Node) -> Outcome {
        let is_maximum = node.is("Max");
        let [Some(x), Some(y)] = [node.input(0), node.input(1)] else {
            return match node.inputs.len() {
                1 => {
                    let view = self.viewed(node, 0)?;
                    self.view(node, 0, view)
                }
                _ => Err("needs one or two operands".into()),
            };
        };
        if node.inputs.len() > 2 || x == y {
            return Err("has no moments but of a value and a number".into());
        }
        let number = |number: usize| self.known(node, number).and_then(|known| known.number());
        let (place, bound) = match (number(0), number(1)) {
            (_, Some(bound)) => (0, bound),
            (Some(bound), None) => (1, bound),
            (None, None) => {
                return Err("of two tensors has no moments; of a tensor and a number it has".into());
            }
        };
        let view = self.viewed(node, place)?;
        match is_maximum {
            true => self.clip_of(node, &view, bound, UNBOUNDED),
            false => self.clip_of(node, &view, -UNBOUNDED, bound),
        }
    }

    fn negated(&mut self, node: &Node) -> Outcome {
        let view = self.viewed(node, 0)?;
        let value = self.scaled(view.value.clone(), -1.0, &node.name)?;
        self.view(node, 0, View { value, ..view })
    }

    fn power(&mut self, node: &Node) -> Outcome {
        let exponent = self.known(node, 1).and_then(|constant| constant.number());
        match exponent {
            Some(2.0) => self.unary(node, "square", AttributeList::default()),
            Some(1.0) => {
                let view = self.viewed(node, 0)?;
                self.view(node, 0, view)
            }
            Some(other) => Err(format!("has the exponent {other}; 1 and 2 are supported")),
            None => Err("has an exponent that is not one known number".into()),
        }
    }

    fn cast(&mut self, node: &Node) -> Outcome {
        let to = match node.is("Cast") {
            true => node.int("to").unwrap_or(0),
            false => 1,
        };
        let view = self.viewed(node, 0)?;
        match to {
            1 | 10 | 11 | 16 => self.view(node, 0, view),
            // Whole numbers stay what they are: the rows of an embedding.
            6 | 7 if !view.value.ty.gaussian => self.view(node, 0, view),
            other => {
                let name = i32::try_from(other).map_or("?".into(), type_name);
                Err(format!("converts a computed value to {name}"))
            }
        }
    }

    fn sum(&mut self, node: &Node) -> Outcome {
        if node.inputs.len() == 1 {
            let view = self.viewed(node, 0)?;
            return self.view(node, 0, view);
        }
        if node.inputs.len() == 2 {
            return self.binary(node, "add");
        }
        let mut operands = Vec::new();
        for number in 0..node.inputs.len() {
            operands.push(self.element_operand(node, number)?);
        }
        let operands = self.aligned(operands, &node.name)?;
        let mut operands = operands.into_iter();
        let mut sum = operands.next().ok_or("adds nothing")?;
        for operand in operands {
            sum = self.op("add", &AttributeList::default(), &[&sum, &operand], &node.name)?;
        }
        self.result(node, sum)
    }

    fn binary(&mut self, node: &Node, op: &str) -> Outcome {
        let none = AttributeList::default();
        let (x, y) = (self.input(node, 0)?, self.input(node, 1)?);
        // A number, or two values that lie alike: no dimension needs to move.
        let lies_like = |constant: &Constant, view: &View| {
            (constant.data.len() == 1 && constant.shape.len() <= view.order.len())
                .then(|| constant.reshaped(vec![1; view.order.len()]))
        };
        let alike = match (&x, &y) {
            (Value::Computed(x), Value::Computed(y)) if x.order == y.order => {
                Some((x.value.clone(), y.value.clone(), x.order.clone()))
            }
            (Value::Computed(x), Value::Constant(y)) => match lies_like(y, x) {
                Some(number) => {
                    Some((x.value.clone(), self.module.constant(&number)?, x.order.clone()))
                }
                None => None,
            },
            (Value::Constant(x), Value::Computed(y)) => match lies_like(x, y) {
                Some(number) => {
                    Some((self.module.constant(&number)?, y.value.clone(), y.order.clone()))
                }
                None => None,
            },
            _ => None,
        };
        if let Some((x, y, order)) = alike {
            let value = self.op(op, &none, &[&x, &y], &node.name)?;
            return self.view(node, 0, View::of(value, order));
        }
        for constant in [&x, &y] {
            if let Value::Constant(constant) = constant {
                self.meets_batch(node, constant)?;
            }
        }
        if let Some((x, y)) = self.settled_pair(&x, &y, &node.name)? {
            let value = self.op(op, &none, &[&x.value, &y.value], &node.name)?;
            return self.view(node, 0, View::of(value, x.order));
        }
        let operands = vec![self.element_operand(node, 0)?, self.element_operand(node, 1)?];
        let operands = match (op, &operands[..]) {
            // The slopes of each channel may be without ones before them.
            ("prelu", [x, _]) => {
                let rank = x.ty.shape.len();
                let mut operands = operands.into_iter();
                let (Some(x), Some(slope)) = (operands.next(), operands.next()) else {
                    return Err("lacks an operand".into());
                };
                let shape = crate::onnx::moves::aligned(&slope.ty.shape, rank);
                let slope = self.module.reshape(&slope, &shape, &node.name)?;
                vec![x, slope]
            }
            _ => self.aligned(operands, &node.name)?,
        };
        let result = self.op(op, &none, &[&operands[0], &operands[1]], &node.name)?;
        self.result(node, result)
    }
}
