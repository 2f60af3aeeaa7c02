//! The layers of a function and how much work they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use gauss_dialect::{
    covariance::{self, Correlated, Operand},
    ir::{DYNAMIC, Op, Value},
    layer::Layer as Kind,
    ops::{
        binary::Binary,
        build::{Build, Part},
        noise::Noise,
        pool,
        window::Window,
    },
    shape::{self, TensorType},
};
use gauss_lowering::mode::Mode;
use serde::Serialize;

/// A layer of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerSummary {
    /// What its parameters are named after, such as `conv1` for `conv1.weight`;
    /// without parameters the name of the op, such as `relu`.
    pub name: String,
    /// The op without its dialect, such as `conv2d`.
    pub op: String,
    /// The node of the model that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What it reads, parameters apart.
    pub reads: Vec<Read>,
    /// The type of its result.
    pub output: String,
    /// How many weights are trained: a Gaussian one counts once, running statistics do not, and a
    /// parameter that layers share counts at the first of them.
    pub parameters: u64,
    /// How many numbers the parameter file has for the layer: means, variances, running statistics.
    pub stored_numbers: u64,
    /// Multiply-adds per call. A lone addition or multiplication counts as one;
    /// what depends on the weights alone is folded and does not count. A maximum of windows with
    /// covariances has those that these take.
    pub multiply_adds: u64,
    /// The same where every Gaussian is one number.
    #[serde(skip)]
    plain_multiply_adds: u64,
    /// Maxima and other functions of Gaussians per call. A maximum is an exponential, a square root
    /// and some thirty multiply-adds.
    pub gaussian_maxima: u64,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Read {
    /// An input of the function, by its number.
    Input(usize),
    /// The result of a layer, by its place among the layers.
    Layer(usize),
}

/// The layers of a function.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// In the order of execution, those of the functions that it calls included.
    pub layers: Vec<LayerSummary>,
    /// The names of their parameters.
    pub parameters: BTreeSet<String>,
    /// Where each result of the function comes from.
    pub results: Vec<Vec<Read>>,
}

/// The layers of a function. The batch is fixed; parameters are not yet loaded.
pub fn of(function: Op, module: Op) -> Layers {
    let functions = module.body().map(|body| body.ops()).unwrap_or_default();
    let mut found = Found {
        functions,
        layers: Layers::default(),
        reads: HashMap::new(),
        correlated: Known::new(),
    };
    let inputs = function.body().map(|body| body.arguments()).unwrap_or_default();
    let inputs = inputs.into_iter().enumerate();
    found.reads.extend(inputs.map(|(number, value)| (value, vec![Read::Input(number)])));
    let results = found.collect(function, 0);
    Layers { results, ..found.layers }
}

/// What has been found so far.
struct Found {
    functions: Vec<Op>,
    layers: Layers,
    /// Where values come from; parameters come from nowhere.
    reads: HashMap<Value, Vec<Read>>,
    correlated: Known,
}

impl Found {
    /// Where the results of the function come from.
    fn collect(&mut self, function: Op, depth: usize) -> Vec<Vec<Read>> {
        let mut results = Vec::new();
        // Deeper than there are functions means recursion, which the lowering rejects.
        if depth > self.functions.len() {
            return results;
        }
        let ops = function.descendants();
        let aside: HashSet<_> = covariance::of_windows(&ops).into_iter().collect();
        // What the covariances of the next window cost.
        let mut of_window = 0;
        for op in ops {
            let reads: Vec<_> = op.operands().iter().map(|value| self.reads_of(*value)).collect();
            if op.is("func.return") {
                results = reads;
            } else if op.is("func.call") {
                let callee = op.attribute("callee").and_then(|callee| callee.as_symbol());
                let mut all = self.functions.iter();
                let callee = all.find(|f| f.symbol() == callee && callee.is_some()).copied();
                if let Some(callee) = callee {
                    let inputs = callee.body().map(|body| body.arguments()).unwrap_or_default();
                    self.reads.extend(inputs.into_iter().zip(reads));
                    let given = self.collect(callee, depth + 1);
                    let given = given.into_iter().enumerate();
                    self.reads.extend(given.map(|(number, reads)| (op.result(number), reads)));
                }
            } else if let Ok(Some(kind)) = Kind::of(op) {
                let mut distinct = Vec::new();
                for read in reads.concat() {
                    if !distinct.contains(&read) {
                        distinct.push(read);
                    }
                }
                if aside.contains(&op) {
                    of_window += work_of(op, &kind).map_or(0, |(multiply_adds, _)| multiply_adds);
                    continue;
                }
                let place = Read::Layer(self.layers.layers.len());
                let reads =
                    match layer(op, &kind, &mut self.layers.parameters, &mut self.correlated) {
                        Some(mut layer) => {
                            if matches!(kind, Kind::Pool(_)) && op.operands().len() > 1 {
                                layer.multiply_adds += std::mem::take(&mut of_window);
                            }
                            self.layers.layers.push(LayerSummary { reads: distinct, ..layer });
                            vec![place]
                        }
                        None => distinct,
                    };
                self.reads.insert(op.result(0), reads);
            }
        }
        results
    }

    fn reads_of(&self, value: Value) -> Vec<Read> {
        self.reads.get(&value).cloned().unwrap_or_default()
    }
}

/// What is known of values with covariances.
type Known = HashMap<Value, Correlated<TensorType>>;

fn layer(
    op: Op,
    kind: &Kind,
    counted: &mut BTreeSet<String>,
    known: &mut Known,
) -> Option<LayerSummary> {
    if matches!(
        kind,
        Kind::Parameter(_)
            | Kind::Constant
            | Kind::Make
            | Kind::Mean
            | Kind::Variance
            | Kind::Marginals
            | Kind::Covariance { .. }
            | Kind::Nodes
    ) {
        return None;
    }
    let output = TensorType::of(op.result(0).ty())?;
    let operands: Vec<_> =
        op.operands().into_iter().map(|value| TensorType::of(value.ty())).collect::<Option<_>>()?;
    let used: Vec<_> = op.operands().into_iter().map(parameters).collect();
    // The running statistics of a batch normalisation are measured, not trained.
    let is_trained = |operand: usize| !matches!(kind, Kind::BatchNorm(_)) || operand < 3;
    let (mut trained, mut stored) = (0, 0);
    for (operand, (name, ty)) in
        used.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |one| (n, one)))
    {
        if counted.insert(name.clone()) {
            stored += elements(ty) * components(ty);
            trained += if is_trained(operand) { elements(ty) } else { 0 };
        }
    }
    let short = op.name().trim_start_matches("gauss.").to_owned();
    let first = used.iter().flatten().next();
    let name = first.and_then(|(name, _)| name.rsplit_once('.')).map(|(name, _)| name);
    let (multiply_adds, gaussian_maxima) = match output.has_covariance() {
        true => {
            let operands = op.operands().into_iter().zip(&operands);
            let operands = operands.map(|(value, ty)| match known.get(&value) {
                Some(parts) => Operand::Correlated(parts.clone()),
                None => Operand::Plain(of_one(ty)),
            });
            let (parts, multiply_adds, maxima) =
                correlated_work(kind, &operands.collect::<Vec<_>>());
            known.extend(parts.map(|parts| (op.result(0), parts)));
            (multiply_adds, maxima)
        }
        false => work_of(op, kind)?,
    };
    if matches!(kind, Kind::Correlated) {
        return None;
    }
    let plain = |ty: &TensorType| TensorType::new(ty.shape.clone(), false);
    let plain_operands: Vec<_> = operands.iter().map(plain).collect();
    let (plain_multiply_adds, _) = work(kind, &plain_operands, &plain(&output));
    Some(LayerSummary {
        name: name.unwrap_or(&short).to_owned(),
        op: short.clone(),
        node: op.location().name(),
        reads: Vec::new(),
        output: output.to_string(),
        parameters: trained,
        stored_numbers: stored,
        multiply_adds,
        plain_multiply_adds,
        gaussian_maxima,
    })
}

/// Multiply-adds and maxima of Gaussians of an op.
fn work_of(op: Op, kind: &Kind) -> Option<(u64, u64)> {
    let output = TensorType::of(op.result(0).ty())?;
    let operands: Vec<_> =
        op.operands().into_iter().map(|value| TensorType::of(value.ty())).collect::<Option<_>>()?;
    Some(work(kind, &operands, &output))
}

impl LayerSummary {
    /// The layer in a mode, given what it is for moments.
    pub fn in_mode(&self, mode: Mode) -> Self {
        let passes = match mode {
            Mode::Moments => return self.clone(),
            Mode::Mean => 1,
            Mode::Sample(sampling) => u64::from(sampling.samples),
        };
        let multiply_adds = self.plain_multiply_adds * passes;
        Self { multiply_adds, gaussian_maxima: 0, ..self.clone() }
    }
}

/// The parameter that a value is, or those of which it is mean, variance or both.
fn parameters(value: Value) -> Vec<(String, TensorType)> {
    let Some(op) = value.defining_op() else { return Vec::new() };
    match Kind::of(op) {
        Ok(Some(Kind::Parameter(name))) => {
            TensorType::of(value.ty()).map(|ty| (name, ty)).into_iter().collect()
        }
        Ok(Some(Kind::Make | Kind::Mean | Kind::Variance)) => {
            op.operands().into_iter().flat_map(parameters).collect()
        }
        _ => Vec::new(),
    }
}

fn elements(ty: &TensorType) -> u64 {
    ty.shape.iter().map(|&size| u64::try_from(size).unwrap_or(1)).product()
}

fn components(ty: &TensorType) -> u64 {
    ty.representation().components().len() as u64
}

/// Multiply-adds and maxima of Gaussians.
fn work(kind: &Kind, operands: &[TensorType], output: &TensorType) -> (u64, u64) {
    let outputs = elements(output);
    let [input, rest @ ..] = operands else { return (0, 0) };
    match kind {
        Kind::Dense | Kind::Convolution(_) => {
            let [weight, ..] = rest else { return (0, 0) };
            let products = elements(weight) / u64::try_from(weight.shape[0]).unwrap_or(1).max(1);
            (outputs * products * terms(input, weight), 0)
        }
        Kind::ConvTranspose(convolution) => {
            let [weight, ..] = rest else { return (0, 0) };
            let shapes = [input, weight, output].map(|ty| ty.shape.get(2..).unwrap_or_default());
            let of_pair = convolution.products(shapes[0], shapes[1], shapes[2]);
            let size = |index: usize, ty: &TensorType| u64::try_from(ty.shape[index]).unwrap_or(1);
            // An item and a channel meet the outputs of a group.
            let pairs = size(0, input) * size(1, input) * size(1, weight);
            (pairs * u64::try_from(of_pair).unwrap_or(0) * terms(input, weight), 0)
        }
        Kind::Matmul(matmul) => {
            let [rhs, ..] = rest else { return (0, 0) };
            let depth = input.shape.iter().nth_back(usize::from(matmul.transpose_lhs));
            let depth = depth.and_then(|&depth| u64::try_from(depth).ok()).unwrap_or(1);
            let terms = 1 + u64::from(input.gaussian) + u64::from(rhs.gaussian);
            (outputs * depth * terms, 0)
        }
        // A product with the state's weight and three more for the variance.
        Kind::Blend => (outputs * (2 + 3 * u64::from(output.gaussian)), 0),
        // An exponential of each logit; a logarithm and a logistic function of a Gaussian where there
        // are variances.
        Kind::AttentionWeights(_) => (
            elements(input) * (2 + 5 * u64::from(input.gaussian)),
            elements(input) * u64::from(input.gaussian),
        ),
        Kind::Composite(composite) => {
            let mut count = Count::default();
            // What does not fit has passed no verifier.
            let _ = composite.build(&mut count, operands);
            (count.multiply_adds, count.gaussian_maxima)
        }
        // Sums of the mean, its rest, squares and variances, three more sums for the spread of the mean
        // square, and some thirty operations for the moments of an element.
        Kind::Norm(_) if input.gaussian => (elements(input) * 37, 0),
        Kind::Norm(_) => (elements(input) * (4 + u64::from(output.gaussian)), 0),
        // Two neighbours along each dimension in turn.
        Kind::Resize(resize) => {
            let axes = resize.axes(&input.shape).len();
            (outputs * 2 * axes as u64 * components(output), 0)
        }
        Kind::BatchNorm(_) => {
            let gamma = rest.first().is_some_and(|gamma| gamma.gaussian);
            (outputs * (1 + u64::from(input.gaussian) + u64::from(gamma)), 0)
        }
        // A product has three for its variance, a quotient two.
        Kind::Binary(Binary::Mul) if input.gaussian && rest.iter().any(|y| y.gaussian) => {
            (outputs * 4, 0)
        }
        Kind::Binary(_) => (outputs * components(output), 0),
        Kind::Reduction(_) | Kind::Mix => (elements(input) * components(output), 0),
        Kind::Activation(_) if input.gaussian => (0, outputs),
        Kind::Noise(Noise::Dropout { .. }) if output.gaussian => {
            (outputs * (1 + u64::from(input.gaussian)), 0)
        }
        Kind::Noise(Noise::Additive { .. }) => (outputs * u64::from(input.gaussian), 0),
        Kind::Pool(layer) => match layer.kind {
            pool::Kind::Max if input.gaussian => (0, inside(&layer.window, input, 1)),
            pool::Kind::Max => (0, 0),
            pool::Kind::Average { .. } => (inside(&layer.window, input, 0) * components(output), 0),
        },
        Kind::GlobalMaxPool if input.gaussian => (0, elements(input) - outputs),
        // Nothing is computed of numbers that move, nor of a deterministic maximum; what predictions and
        // draws cost is not counted in these units.
        Kind::Movement(_)
        | Kind::Embedding
        | Kind::Reshape
        | Kind::Flatten
        | Kind::Activation(_)
        | Kind::Noise(_)
        | Kind::GlobalMaxPool
        | Kind::Parameter(_)
        | Kind::Constant
        | Kind::Make
        | Kind::Mean
        | Kind::Variance
        | Kind::Correlated
        | Kind::Marginals
        | Kind::Covariance { .. }
        | Kind::Nodes
        | Kind::SquareDeviation { .. }
        | Kind::ScaleNodes(_)
        | Kind::ScaleMixture(_)
        | Kind::WithDiagonal
        | Kind::Gain(_)
        | Kind::Softmax(_)
        | Kind::Uncertainty(_)
        | Kind::Decide(_)
        | Kind::BinaryProbability
        | Kind::BinaryUncertainty
        | Kind::BinaryDecide(_)
        | Kind::Interval(_) => (0, 0),
    }
}

/// What a layer makes of values with covariances, and its work.
fn correlated_work(
    kind: &Kind,
    operands: &[Operand<TensorType>],
) -> (Option<Correlated<TensorType>>, u64, u64) {
    let mut count = Count::default();
    let result = match (kind, operands) {
        (Kind::Correlated, [x]) => covariance::correlated(&mut count, x),
        _ => covariance::apply(&mut count, kind, operands),
    };
    // What does not fit has passed no verifier.
    (result.ok(), count.multiply_adds, count.gaussian_maxima)
}

/// The type with a batch of one item where it is not fixed.
fn of_one(ty: &TensorType) -> TensorType {
    let mut shape = ty.shape.clone();
    shape.iter_mut().filter(|size| **size == DYNAMIC).for_each(|size| *size = 1);
    TensorType::new(shape, ty.gaussian)
}

/// Multiply-adds of a product in a sum: one for the mean; for the variance one with each variance
/// that there is.
fn terms(input: &TensorType, weight: &TensorType) -> u64 {
    1 + u64::from(input.gaussian) + u64::from(weight.gaussian)
}

/// Adds up the work of the layers that a composite is made of.
#[derive(Default)]
struct Count {
    multiply_adds: u64,
    gaussian_maxima: u64,
}

impl Build for Count {
    type Value = TensorType;

    fn ty(&self, value: &TensorType) -> TensorType {
        value.clone()
    }

    fn layer(&mut self, part: Part, operands: &[&TensorType]) -> Result<TensorType, String> {
        let layer = &Kind::from(part);
        let operands: Vec<_> = operands.iter().map(|&operand| operand.clone()).collect();
        let output = shape::infer(layer, &operands)?;
        let (multiply_adds, gaussian_maxima) = work(layer, &operands, &output);
        self.multiply_adds += multiply_adds;
        self.gaussian_maxima += gaussian_maxima;
        Ok(output)
    }

    fn reshape(&mut self, value: &TensorType, shape: &[i64]) -> Result<TensorType, String> {
        Ok(TensorType { shape: shape.to_vec(), ..*value })
    }

    fn zero(&mut self, rank: usize, gaussian: bool) -> TensorType {
        TensorType::new(vec![1; rank], gaussian)
    }
}

/// How many window elements lie inside of the input, over all positions, less
/// `spared` at each.
fn inside(window: &Window, input: &TensorType, spared: i64) -> u64 {
    let Some(spatial) = input.shape.get(2..) else { return 0 };
    let Some(positions) = window.positions(spatial) else { return 0 };
    let along = |(axis, (&size, &count)): (usize, (&i64, &i64))| {
        let inside = |position| window.places(axis, position).filter(|i| (0..size).contains(i));
        (0..count).map(|position| inside(position).count() as i64).sum::<i64>()
    };
    let all: i64 = spatial.iter().zip(&positions).enumerate().map(along).product();
    let per_plane = all - spared * positions.iter().product::<i64>();
    let size = spatial.iter().product::<i64>();
    let planes = elements(input) / u64::try_from(size).unwrap_or(1).max(1);
    planes * u64::try_from(per_plane).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use gauss_dialect::ops::{contraction::ConvTranspose, pool::Pool, window::SpatialAxis};

    use super::*;

    fn ty(shape: &[i64], gaussian: bool) -> TensorType {
        TensorType::new(shape.to_vec(), gaussian)
    }

    #[test]
    fn dense_counts_a_term_for_each_variance() {
        let count = |input, weight| {
            let operands = [ty(&[2, 5], input), ty(&[3, 5], weight)];
            work(&Kind::Dense, &operands, &ty(&[2, 3], input || weight))
        };
        assert_eq!(count(false, false), (30, 0));
        assert_eq!(count(false, true), (60, 0));
        assert_eq!(count(true, false), (60, 0));
        assert_eq!(count(true, true), (90, 0));
    }

    #[test]
    fn padding_takes_no_part_in_a_maximum() {
        let axis = SpatialAxis { stride: 2, padding: [1, 1], dilation: 1 };
        let window = Window { kernel: vec![2, 2], axes: vec![axis; 2], ceil: false };
        let pool = Pool { kind: pool::Kind::Max, window };
        // 4x4 padded to 6x6: the corners of the 3x3 windows hold 1, the edges 2, the centre 4.
        let (_, maxima) =
            work(&Kind::Pool(pool), &[ty(&[1, 7, 4, 4], true)], &ty(&[1, 7, 3, 3], true));
        assert_eq!(maxima, 7 * (4 + 3));
    }
    #[test]
    fn a_transposed_convolution_counts_what_falls_into_its_result() {
        // Along each axis 3 elements of the input meet 4 of the kernel; 1 product is cut off at
        // either end.
        let axes = vec![SpatialAxis { stride: 2, padding: [1, 1], dilation: 1 }; 2];
        let convolution = ConvTranspose { axes, output_padding: vec![0, 0], groups: 2 };
        let operands = [ty(&[5, 4, 3, 3], false), ty(&[4, 7, 4, 4], true)];
        let (count, _) =
            work(&Kind::ConvTranspose(convolution), &operands, &ty(&[5, 14, 6, 6], true));
        assert_eq!(count, 5 * 4 * 7 * (12 - 2) * (12 - 2) * 2);
    }
}
