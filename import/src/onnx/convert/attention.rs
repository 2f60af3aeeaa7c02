//! Attention that is several nodes, and its masks.

use gauss_dialect::attributes::AttributeList;

use super::{Converter, Value, View};
use crate::onnx::{
    constant::{Constant, Data},
    graph::Node,
};

/// What a mask adds is at most this where it hides something.
const HIDING: f32 = -1e4;

/// What masks hide of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    Nothing,
    /// All keys behind a query's own, counted from the last of both.
    Future,
    /// Something else.
    Other,
}

/// Where a mask hides something.
pub(super) struct Mask {
    pub(super) shape: Vec<i64>,
    is_hidden: Vec<bool>,
}

impl Mask {
    /// Of a mask that is added; `None` where it is a summand of another kind.
    pub(super) fn of_summand(summand: &Constant) -> Option<Self> {
        let values = summand.floats().filter(|_| summand.variance.is_none())?;
        let is_mask = |&value: &f32| value == 0.0 || value <= HIDING;
        values.iter().all(is_mask).then(|| Self {
            shape: summand.shape.iter().map(|&size| size as i64).collect(),
            is_hidden: values.iter().map(|&value| value != 0.0).collect(),
        })
    }

    /// Of a choice, which hides where it is `hides`.
    pub(super) fn of_choice(choice: &Constant, hides: bool) -> Option<Self> {
        let Data::Bool(values) = &*choice.data else { return None };
        let shape = choice.shape.iter().map(|&size| size as i64).collect();
        Some(Self { shape, is_hidden: values.iter().map(|&value| value == hides).collect() })
    }

    /// What it hides of the keys, the last dimension of these scores, from the queries, the one before.
    pub(super) fn hides(&self, scores: &[i64]) -> Hidden {
        let own = scores.len().checked_sub(self.shape.len()).map(|ones| &scores[ones..]);
        let fits = |own: &[i64]| {
            let mut sizes = self.shape.iter().zip(own);
            sizes.all(|(&size, &of_scores)| size == 1 || size == of_scores)
        };
        let [.., queries, keys] = *scores else { return Hidden::Other };
        match (own.is_some_and(fits), self.is_hidden.contains(&true)) {
            (true, false) => return Hidden::Nothing,
            (true, true) if self.shape.ends_with(&[queries, keys]) && keys >= queries => {}
            _ => return Hidden::Other,
        }
        let (queries, keys) = (queries as usize, keys as usize);
        let mut places = self.is_hidden.iter().enumerate();
        let is_causal = places.all(|(place, &is_hidden)| {
            let (query, key) = (place / keys % queries, place % keys);
            is_hidden == (key > query + keys - queries)
        });
        if is_causal { Hidden::Future } else { Hidden::Other }
    }
}

impl Hidden {
    /// What two masks hide.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, hidden) | (hidden, Self::Nothing) => hidden,
            (Self::Future, Self::Future) => Self::Future,
            _ => Self::Other,
        }
    }
}

/// What is said of a mask that no attention has.
pub(super) const OTHER_MASK: &str =
    "has a constant mask that is not causal; an attention is causal or sees all keys";

impl Converter<'_> {
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

    /// The queries, keys, scale of an attention that ends in a product, and whether it is causal.
    pub(super) fn find_attention(&self, node: &Node) -> Option<(String, String, f64, bool)> {
        let softmax = self.softmax_behind(node.input(0)?)?;
        let (name, hidden) = self.unmasked(softmax)?;
        let Value::Computed(view) = self.values.get(name)? else { return None };
        let rank = view.rank() as i64;
        let axis = softmax.int("axis").unwrap_or(-1);
        if softmax.opset < 13 || (axis != -1 && axis != rank - 1) || hidden == Hidden::Other {
            return None;
        }
        let causal = hidden == Hidden::Future;
        let mut scores = self.maker(name)?;
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

    /// The softmax that a value is, also where its rows that hide everything are made zeros.
    fn softmax_behind(&self, name: &str) -> Option<&Node> {
        let maker = self.maker(name)?;
        if maker.is("Softmax") {
            return Some(maker);
        }
        let weights = maker.input(2).filter(|_| maker.is("Where"))?;
        let test = self.maker_of(maker, 0, "IsNaN")?;
        let is_guard = test.input(0) == Some(weights) && self.scalar(maker.input(1)?) == Some(0.0);
        self.maker(weights).filter(|maker| is_guard && maker.is("Softmax"))
    }

    /// The scores of a softmax without their masks, and what those hide.
    fn unmasked<'a>(&'a self, softmax: &'a Node) -> Option<(&'a str, Hidden)> {
        let mut name = softmax.input(0)?;
        let mut masks = Vec::new();
        while let Some((scores, mask)) = self.masked(name) {
            masks.push(mask);
            name = scores;
        }
        let Value::Computed(view) = self.values.get(name)? else { return None };
        let shape = view.shape();
        let hidden = masks.iter().map(|mask| mask.hides(&shape));
        Some((name, hidden.fold(Hidden::Nothing, Hidden::and)))
    }

    /// The scores that a constant mask is added to, or that it replaces some of.
    fn masked<'a>(&'a self, name: &'a str) -> Option<(&'a str, Mask)> {
        let known = |node: &Node, number: usize| match self.values.get(node.input(number)?) {
            Some(Value::Constant(constant)) => Some(constant.clone()),
            _ => None,
        };
        let maker = self.maker(name)?;
        match maker.op.as_str() {
            "Add" => [(0, 1), (1, 0)].into_iter().find_map(|(scores, summand)| {
                Some((maker.input(scores)?, Mask::of_summand(&*known(maker, summand)?)?))
            }),
            "Where" => {
                [(2, 1, true), (1, 2, false)].into_iter().find_map(|(scores, other, hides)| {
                    let hiding = known(maker, other).filter(|constant| constant.is_uniform())?;
                    hiding.floats()?.first().filter(|&&value| value <= HIDING)?;
                    Some((maker.input(scores)?, Mask::of_choice(&*known(maker, 0)?, hides)?))
                })
            }
            _ => None,
        }
    }

    /// Why a softmax with constant masks is none of the dialect; `None` where it has no such masks.
    pub(super) fn mask_problem(&self, softmax: &Node) -> Option<&'static str> {
        match self.unmasked(softmax)?.1 {
            Hidden::Nothing => None,
            Hidden::Future => Some("has a causal mask, which is supported within softmax(q·kᵀ)·v"),
            Hidden::Other => Some(OTHER_MASK),
        }
    }
}
