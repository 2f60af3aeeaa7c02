//! Linear interpolation along dimensions, of independent elements.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::DYNAMIC,
    types::TensorType,
};

/// The largest size, numerator or denominator; it keeps products of two far from overflow.
const MOST: i64 = 1 << 28;

/// The largest dimension that is resized, before and after: each element has weights of its own.
pub const MAX_AXIS: i64 = 1 << 22;

/// `gauss.resize`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resize {
    /// How large the result is.
    pub extent: Extent,
    /// Do the centres of the outermost elements stay where they are (`align_corners`), and not their
    /// outer edges (`half_pixel`)?
    pub aligned: bool,
}

/// How large a result is.
#[derive(Debug, Clone, PartialEq)]
pub enum Extent {
    /// These sizes; −1 leaves one as it is.
    Sizes(Vec<i64>),
    /// A fraction of each size, rounded down. The distance of neighbours is that fraction, and not
    /// what the rounded sizes give.
    Fractions {
        /// What a size is multiplied by.
        numerators: Vec<i64>,
        /// What it is divided by.
        denominators: Vec<i64>,
    },
}

/// What an element of a result is made of along one dimension: `1 − weight` of the element at `low`
/// and `weight` of the one behind it. Where `low` is before the first element the weight is 1, where
/// it is the last it is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    /// The element before or at the place, −1 for one before all.
    pub low: i64,
    /// How far the place is from it.
    pub weight: f64,
}

/// How one dimension is resized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Which dimension.
    pub dim: usize,
    /// Its size in the operand.
    pub from: i64,
    /// Its size in the result.
    pub to: i64,
    /// After so many elements of the result ..
    pub period: i64,
    /// .. the places move on by so many of the operand and are otherwise the same.
    pub advance: i64,
    aligned: bool,
}

impl Resize {
    /// The op, without the dialect.
    pub const NAME: &'static str = "resize";

    /// Reads the attributes.
    ///
    /// # Errors
    ///
    /// Where one has no meaning.
    pub fn read(attributes: &Attributes) -> Result<Self, String> {
        let has = |name| attributes.get(name).is_some();
        let extent = match (has("sizes"), has("numerators") || has("denominators")) {
            (true, false) => Extent::Sizes(attributes.list("sizes", -1..=MOST)?),
            (false, true) => Extent::Fractions {
                numerators: attributes.list("numerators", 1..=MOST)?,
                denominators: attributes.list("denominators", 1..=MOST)?,
            },
            _ => return Err("needs 'sizes', or else 'numerators' and 'denominators'".into()),
        };
        let aligned = match attributes.text("coordinates").as_deref() {
            None | Some("half_pixel") => false,
            Some("align_corners") => true,
            Some(other) => {
                return Err(format!(
                    "has the coordinates '{other}'; known: 'half_pixel', 'align_corners'"
                ));
            }
        };
        Ok(Self { extent, aligned })
    }

    /// The attributes, as [`Resize::read`] takes them.
    pub fn write(&self) -> AttributeList {
        let list = AttributeList::default();
        let list = match &self.extent {
            Extent::Sizes(sizes) => list.with("sizes", sizes.clone()),
            Extent::Fractions { numerators, denominators } => list
                .with("numerators", numerators.clone())
                .with("denominators", denominators.clone()),
        };
        list.with("coordinates", if self.aligned { "align_corners" } else { "half_pixel" })
    }

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the attributes do not fit the operand.
    pub fn infer(&self, input: &TensorType) -> Result<TensorType, String> {
        let rank = input.shape.len();
        let fits = |name: &str, list: &[i64]| match list.len() == rank {
            true => Ok(()),
            false => {
                Err(format!("has {} numbers in '{name}' for {input} of rank {rank}", list.len()))
            }
        };
        match &self.extent {
            Extent::Sizes(sizes) => fits("sizes", sizes)?,
            Extent::Fractions { numerators, denominators } => {
                fits("numerators", numerators)?;
                fits("denominators", denominators)?;
            }
        }
        let size = |(dim, &size): (usize, &i64)| match self.size(dim, size) {
            _ if size == DYNAMIC && self.leaves(dim) => Ok(DYNAMIC),
            _ if size == DYNAMIC => {
                Err(format!("resizes the batch of {input}, which is not fixed"))
            }
            0 => Err(format!("leaves nothing of dimension {dim} of {input}")),
            resized if size.max(resized) > MAX_AXIS && !self.leaves(dim) => Err(format!(
                "resizes dimension {dim} of {input} to {resized}; neither size may be larger than \
                 2^22"
            )),
            resized => Ok(resized),
        };
        let shape = input.shape.iter().enumerate().map(size).collect::<Result<_, _>>()?;
        Ok(TensorType::new(shape, input.gaussian))
    }

    /// Does a dimension stay whatever its size is?
    fn leaves(&self, dim: usize) -> bool {
        match &self.extent {
            Extent::Sizes(sizes) => sizes[dim] == -1,
            Extent::Fractions { numerators, denominators } => numerators[dim] == denominators[dim],
        }
    }

    /// The size in the result of a dimension.
    fn size(&self, dim: usize, size: i64) -> i64 {
        match &self.extent {
            Extent::Sizes(sizes) if sizes[dim] == -1 => size,
            Extent::Sizes(sizes) => sizes[dim],
            Extent::Fractions { numerators, denominators } => {
                size.saturating_mul(numerators[dim]) / denominators[dim]
            }
        }
    }

    /// The dimensions that change, of an operand of this shape.
    pub fn axes(&self, shape: &[i64]) -> Vec<Axis> {
        let axis = |(dim, &from): (usize, &i64)| {
            if self.leaves(dim) {
                return None;
            }
            let to = self.size(dim, from);
            let (period, advance) = match &self.extent {
                // One element has no distance from another: the place is 0.
                _ if self.aligned && (from == 1 || to == 1) => (to, 1),
                _ if self.aligned => (to - 1, from - 1),
                Extent::Sizes(_) => (to, from),
                Extent::Fractions { numerators, denominators } => {
                    (numerators[dim], denominators[dim])
                }
            };
            let common = gcd(period, advance);
            let (period, advance) = (period / common, advance / common);
            Some(Axis { dim, from, to, period, advance, aligned: self.aligned })
        };
        shape.iter().enumerate().filter_map(axis).collect()
    }
}

impl Axis {
    /// What the element at `index` of the result is made of.
    pub fn tap(&self, index: i64) -> Tap {
        let (twice, double) = match self.aligned {
            true => (2 * index * self.advance, 2 * self.period),
            false => ((2 * index + 1) * self.advance - self.period, 2 * self.period),
        };
        let low = twice.div_euclid(double);
        let weight = match low {
            ..0 => 1.0,
            _ if low >= self.from - 1 => 0.0,
            _ => twice.rem_euclid(double) as f64 / double as f64,
        };
        Tap { low, weight }
    }
}

/// The greatest common divisor of two numbers that are not negative, at least 1.
fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}
