//! In which order the dimensions of a weight lie: in a file, and as the op wants it that reads the weight.

use gauss_dialect::{ir::Op, layer::Layer};

use super::{Entry, Read, tensor::elements};

/// A parameter that a module declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Does it have a variance?
    pub gaussian: bool,
    /// What reads it.
    pub reader: Reader,
}

/// Whose order the dimensions of an entry have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// That of torch.
    Torch,
    /// Nothing tells.
    Unknown,
    /// That of torch's convolutions and dense layers; it was a kernel of flax.
    Flax,
    /// The same of a kernel of Keras.
    Keras,
}

/// What reads a parameter, as far as it tells the order of the dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reader {
    /// A dense layer or a convolution: out x in, and the kernel.
    OutputsFirst,
    /// A product with a matrix: in x out.
    InputsFirst,
    /// A transposed convolution: in x out, and the kernel.
    TransposedConvolution,
    /// Something else, or several that want different orders.
    #[default]
    Other,
}

/// How the numbers of an entry lie, as a user says behind the name of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// As the parameter wants them.
    #[default]
    None,
    /// In x out; the kernels of flax and Keras.
    Transpose,
    /// The kernel of a transposed convolution of flax.
    Flax,
    /// The kernel of one of Keras, or of flax with `transpose_kernel`.
    Keras,
}

/// What stands behind a name for each.
const SUFFIXES: [(&str, Turn); 3] =
    [(TRANSPOSE, Turn::Transpose), (FLAX, Turn::Flax), (KERAS, Turn::Keras)];

/// What stands behind a name that is transposed.
pub const TRANSPOSE: &str = ":transpose";

/// Of a kernel of flax.
pub const FLAX: &str = ":flax";
/// Of one of Keras.
pub const KERAS: &str = ":keras";

/// What was done to an entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// In a word, where it was more than what its framework needs.
    pub how: Option<&'static str>,
    /// What a user should know.
    pub note: Option<String>,
}

impl Turn {
    /// A name without what stands behind it.
    pub fn split(text: &str) -> (&str, Self) {
        let found =
            SUFFIXES.iter().find_map(|&(suffix, turn)| Some((text.strip_suffix(suffix)?, turn)));
        found.unwrap_or((text, Self::None))
    }
}

impl Reader {
    /// The one of all users of what an op declares.
    pub fn of(declaration: Op) -> Self {
        let value = declaration.result(0);
        let wants = |user: Op| {
            let places: Vec<_> =
                user.operands().into_iter().enumerate().filter(|(_, of)| *of == value).collect();
            match (Layer::of(user), &places[..]) {
                (Ok(Some(layer)), [(1, _)]) => match layer {
                    Layer::Dense | Layer::Convolution(_) => Self::OutputsFirst,
                    Layer::Matmul(matmul) if matmul.transpose_rhs => Self::OutputsFirst,
                    Layer::Matmul(_) => Self::InputsFirst,
                    Layer::ConvTranspose(of) if of.groups == 1 => Self::TransposedConvolution,
                    _ => Self::Other,
                },
                _ => Self::Other,
            }
        };
        Self::all(value.users().into_iter().map(wants))
    }

    /// What several want, where it is the same.
    pub fn all(mut readers: impl Iterator<Item = Self>) -> Self {
        let first = readers.next().unwrap_or_default();
        match readers.all(|reader| reader == first) {
            true => first,
            false => Self::Other,
        }
    }
}

/// What is said of a parameter that has no such kernel.
pub fn no_kernel(name: &str, turn: Turn) -> String {
    let suffix = SUFFIXES.iter().find(|(_, own)| *own == turn).map_or("", |(suffix, _)| suffix);
    format!(
        "'{name}' is no kernel of a transposed convolution without groups, which '{suffix}' is for: \
         '{TRANSPOSE}' is for all others"
    )
}

impl Entry {
    /// Moves the last dimension to the front, and the one before it to the second place: from in x
    /// out to out x in, and from the order of the kernels of flax and Keras to that of torch.
    pub fn transpose(&mut self) {
        let rank = self.shape.len();
        if rank >= 2 {
            let order: Vec<_> = [rank - 1, rank - 2].into_iter().chain(0..rank - 2).collect();
            self.permute(&order);
        }
    }

    /// Turns it as a user says.
    pub fn turn(&mut self, turn: Turn) {
        if turn != Turn::None && !self.is_kernel() {
            self.transpose();
        }
        if turn == Turn::Flax {
            self.mirror();
        }
    }

    /// The way back.
    fn restore(&mut self) {
        let rank = self.shape.len();
        if rank >= 2 {
            self.permute(&(2..rank).chain([1, 0]).collect::<Vec<_>>());
        }
    }

    /// From the kernel of a convolution to that of a transposed one that gives the same sums: inputs before
    /// outputs, and each kernel backwards.
    pub fn mirror(&mut self) {
        let rank = self.shape.len();
        if rank < 2 {
            return;
        }
        self.permute(&[1, 0].into_iter().chain(2..rank).collect::<Vec<_>>());
        let taps = self.shape.iter().skip(2).product::<usize>().max(1);
        for values in [&mut self.mean, &mut self.variance].into_iter().flatten() {
            values.chunks_mut(taps).for_each(<[f32]>::reverse);
        }
    }

    /// Puts the dimensions in this order.
    fn permute(&mut self, order: &[usize]) {
        let mut steps = vec![1usize; self.shape.len()];
        for dim in (1..steps.len()).rev() {
            steps[dim - 1] = steps[dim].saturating_mul(self.shape[dim]);
        }
        let sizes: Vec<usize> = order.iter().map(|&dim| self.shape[dim]).collect();
        let steps: Vec<usize> = order.iter().map(|&dim| steps[dim]).collect();
        for values in [&mut self.mean, &mut self.variance].into_iter().flatten() {
            let mut places = vec![0usize];
            for (&size, &step) in sizes.iter().zip(&steps) {
                places =
                    places.iter().flat_map(|at| (0..size).map(move |n| at + n * step)).collect();
            }
            *values = places.iter().filter_map(|&at| values.get(at).copied()).collect();
        }
        self.shape = sizes;
    }

    /// May a user say that it is transposed?
    pub fn may_turn(&self, reader: Reader) -> bool {
        !self.is_flat && (reader == Reader::Other || !self.is_kernel())
    }

    /// Was it a kernel of flax or Keras?
    fn is_kernel(&self) -> bool {
        matches!(self.layout, Layout::Flax | Layout::Keras)
    }

    /// Puts the dimensions in the order that the reader of a parameter wants.
    ///
    /// # Errors
    ///
    /// Where nothing tells which order the entry has, or what is told cannot be.
    pub fn settle(&mut self, parameter: &Parameter, turn: Turn) -> Read<Settled> {
        let Parameter { name, reader, .. } = parameter;
        let transposed = Settled { how: Some("transposed"), note: None };
        let mirrored = Settled { how: Some("mirrored"), note: None };
        if self.is_flat && elements(&parameter.shape) == Some(self.shape.iter().product()) {
            self.shape.clone_from(&parameter.shape);
            if let (Reader::InputsFirst, [inputs, outputs]) = (reader, &mut self.shape[..]) {
                std::mem::swap(inputs, outputs);
                self.transpose();
            }
        }
        let is_image = self.shape.len() > 2;
        match (turn, reader) {
            (Turn::Flax | Turn::Keras, Reader::TransposedConvolution) if is_image => {
                self.turn(turn);
                Ok(if turn == Turn::Flax { mirrored } else { transposed })
            }
            (Turn::Flax | Turn::Keras, _) => Err(no_kernel(name, turn)),
            (Turn::Transpose, _) if self.is_flat => Err(format!(
                "'{}' is a list without sizes in the order of its framework, which is known: leave out \
                 '{TRANSPOSE}'",
                self.name
            )),
            (Turn::Transpose, Reader::Other) if self.is_kernel() => {
                self.restore();
                Ok(transposed)
            }
            (Turn::Transpose, _) if self.is_kernel() => Err(format!(
                "'{}' is a kernel that '{name}' takes in the order that its op wants: leave out \
                 '{TRANSPOSE}'",
                self.name
            )),
            (Turn::Transpose, Reader::TransposedConvolution) if is_image => {
                self.transpose();
                self.untold(parameter)
            }
            (Turn::Transpose, _) => {
                self.transpose();
                Ok(transposed)
            }
            (Turn::None, Reader::TransposedConvolution)
                if is_image && self.layout == Layout::Flax =>
            {
                self.untold(parameter)
            }
            (Turn::None, Reader::InputsFirst) if self.is_kernel() && !is_image => {
                self.transpose();
                Ok(Settled::default())
            }
            (Turn::None, _) => Ok(Settled::default()),
        }
    }

    /// The kernel of a transposed convolution in the order of one of a convolution: it may be one of flax, or
    /// one of Keras, which has outputs before inputs.
    fn untold(&mut self, parameter: &Parameter) -> Read<Settled> {
        let name = &parameter.name;
        let pattern = regex::escape(&self.name);
        let is_square = self.shape[0] == self.shape[1];
        if is_square && self.layout != Layout::Flax {
            return Err(format!(
                "'{}' has as many inputs as outputs, and nothing tells which are first: --map \
                 '{pattern}={name}{FLAX}' if it is the kernel of a transposed convolution of flax, --map \
                 '{pattern}={name}{KERAS}' if it is one of Keras or of flax with transpose_kernel",
                self.name
            ));
        }
        if !is_square && self.shape.iter().eq(&parameter.shape) {
            return Ok(Settled { how: Some("transposed"), note: None });
        }
        self.mirror();
        let note = is_square.then(|| {
            format!(
                "'{}' has as many inputs as outputs and is taken as the kernel of a ConvTranspose of flax \
                 without transpose_kernel: --map '{pattern}={name}{KERAS}' if it has that",
                self.name
            )
        });
        Ok(Settled { how: Some("mirrored"), note })
    }

    /// Could the numbers of an entry, which has the sizes of a parameter, lie in another order?
    pub fn is_ambiguous(&self, reader: Reader) -> bool {
        let rank = self.shape.len();
        if rank < 2 || self.shape.iter().product::<usize>() < 2 {
            return false;
        }
        let (first, second) = (self.shape[0], self.shape[1]);
        // The order of the kernels of flax and Keras, where it has the same sizes.
        let of_kernel =
            |leading: [usize; 2]| self.shape.iter().skip(2).chain(&leading).eq(&self.shape);
        match self.layout {
            Layout::Torch => false,
            Layout::Unknown if reader == Reader::TransposedConvolution => {
                of_kernel([first, second]) || of_kernel([second, first])
            }
            Layout::Unknown => of_kernel([second, first]),
            Layout::Flax | Layout::Keras => {
                reader == Reader::Other && (first == second || of_kernel([second, first]))
            }
        }
    }

    /// What to ask the user of an entry that could lie in another order.
    pub fn question(&self, parameter: &Parameter) -> String {
        let name = &parameter.name;
        let map = format!("--map '{}={name}", regex::escape(&self.name));
        let order = match self.shape.len() {
            2 => {
                format!("'{}' is square, and nothing tells whether its rows are outputs", self.name)
            }
            _ => format!("'{}' has the same sizes in the order of torch and in others", self.name),
        };
        let answer = match (self.shape.len(), parameter.reader) {
            (2, Reader::InputsFirst) => format!(
                "{map}' if the model computes x @ {0}, {map}{TRANSPOSE}' if it computes x @ {0}.T",
                self.name
            ),
            (2, _) => format!(
                "{map}' if they are, {map}{TRANSPOSE}' if the model computes x @ {}",
                self.name
            ),
            (_, Reader::TransposedConvolution) => format!(
                "{map}' if it is in x out and the kernel, as in torch, {map}{FLAX}' if it is the kernel, in x \
                 out, as in flax, {map}{KERAS}' if it is the kernel, out x in, as in Keras"
            ),
            _ if self.is_kernel() => format!(
                "{map}' if '{name}' is out x in and the kernel, {map}{TRANSPOSE}' if it is the kernel, in x \
                 out, as in the file"
            ),
            _ => format!(
                "{map}' if it is out x in and the kernel, as in torch, {map}{TRANSPOSE}' if it is the kernel, \
                 in x out, as in flax and Keras"
            ),
        };
        format!("{order}: {answer}")
    }
}
