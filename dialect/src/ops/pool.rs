//! Pools: the maximum or the average of each window, channel by channel.

use super::window::{SpatialAxis, Window, image, rank_of};
use crate::{
    attributes::{AttributeList, Attributes},
    moments::pairs,
    types::TensorType,
};

/// The largest window along an axis: the lowering writes out its steps.
pub const MAX_POOL: i64 = 256;

/// The most elements of a window whose covariances are known: all of their pairs are operands.
pub const MAX_CORRELATED_WINDOW: i64 = 4;

/// What a pool makes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The maximum; padding takes no part.
    Max,
    /// The average.
    Average {
        /// Is padding counted in the number that the sum is divided by?
        count_include_pad: bool,
    },
}

/// `gauss.max_pool2d`, `gauss.avg_pool2d` and their like of other ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// What becomes of a window.
    pub kind: Kind,
    /// The window.
    pub window: Window,
}

impl Pool {
    /// The maxima over one, two and three spatial dimensions, without the dialect.
    pub const MAXIMA: [&'static str; 3] = ["max_pool1d", "max_pool2d", "max_pool3d"];

    /// The averages.
    pub const AVERAGES: [&'static str; 3] = ["avg_pool1d", "avg_pool2d", "avg_pool3d"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let (kind, rank) = match rank_of(&Self::MAXIMA, name) {
            Some(rank) => (Kind::Max, rank),
            None => {
                let count_include_pad = attributes.flag("count_include_pad").unwrap_or(true);
                (Kind::Average { count_include_pad }, rank_of(&Self::AVERAGES, name)?)
            }
        };
        let window = || {
            Ok(Window {
                kernel: attributes.sizes("kernel", rank, None, 1..=MAX_POOL)?,
                axes: SpatialAxis::read(rank, attributes)?,
                ceil: attributes.flag("ceil").unwrap_or(false),
            })
        };
        Some(window().map(|window| Self { kind, window }))
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        let names = match self.kind {
            Kind::Max => &Self::MAXIMA,
            Kind::Average { .. } => &Self::AVERAGES,
        };
        names[self.window.axes.len() - 1]
    }

    /// The attributes, as [`Pool::read`] takes them.
    pub fn write(&self) -> AttributeList {
        let Window { kernel, axes, ceil } = &self.window;
        let list = AttributeList::default().with("kernel", kernel.clone());
        let list = SpatialAxis::write(axes, list).with("ceil", *ceil);
        match self.kind {
            Kind::Max => list,
            Kind::Average { count_include_pad } => {
                list.with("count_include_pad", count_include_pad)
            }
        }
    }

    /// The type of the result, for an input and the covariances of the pairs of elements of a window.
    ///
    /// # Errors
    ///
    /// Where the window does not fit, or holds nothing but padding somewhere, and where the covariances are not those
    /// of a window that may have them.
    pub fn infer(
        &self,
        input: &TensorType,
        covariances: &[TensorType],
    ) -> Result<TensorType, String> {
        let result = self.infer_alone(input)?;
        if covariances.is_empty() {
            return Ok(result);
        }
        let elements: i64 = self.window.kernel.iter().product();
        if self.kind != Kind::Max {
            return Err("has covariances, which only a maximum takes".into());
        }
        if !input.gaussian {
            return Err(format!("has covariances of {input}, which is deterministic"));
        }
        if !self.may_have_covariances() {
            let why = match () {
                () if self.window.is_padded() => "padding".to_owned(),
                () if self.window.ceil => "'ceil'".to_owned(),
                () => format!("a window of {elements} element{}", plural(elements)),
            };
            return Err(format!(
                "has covariances and {why}; they are taken for windows of 2 to {MAX_CORRELATED_WINDOW} elements \
                 that all lie in the input, without padding and without 'ceil'"
            ));
        }
        let expected = pairs(usize::try_from(elements).unwrap_or(0));
        if covariances.len() != expected {
            return Err(format!(
                "has {} covariance{} of windows of {elements} elements, which have {expected} pair{}",
                covariances.len(),
                plural(covariances.len() as i64),
                plural(expected as i64)
            ));
        }
        let plain = TensorType::new(result.shape.clone(), false);
        match covariances.iter().position(|covariance| *covariance != plain) {
            Some(number) => Err(format!(
                "has {} as covariance {number}, which must be {plain}: a number for each window",
                covariances[number]
            )),
            None => Ok(result),
        }
    }

    /// May the covariances of the elements of a window be operands?
    pub fn may_have_covariances(&self) -> bool {
        let elements: i64 = self.window.kernel.iter().product();
        self.kind == Kind::Max
            && (2..=MAX_CORRELATED_WINDOW).contains(&elements)
            && !self.window.is_padded()
            && !self.window.ceil
    }

    fn infer_alone(&self, input: &TensorType) -> Result<TensorType, String> {
        let Window { kernel, axes, .. } = &self.window;
        let (batch, channels, spatial) = image(input, axes.len())?;
        let names = sides(axes.len());
        for (end, names) in names.chunks(axes.len()).enumerate() {
            for ((axis, kernel), name) in axes.iter().zip(kernel).zip(names) {
                let padding = axis.padding[end];
                if padding >= *kernel {
                    return Err(format!(
                        "has padding {padding} at the {name}, which must be smaller than the \
                         kernel's {kernel}: otherwise a window holds nothing but padding"
                    ));
                }
            }
        }
        let positions = self.window.positions_in(input, spatial)?;
        for (axis, (&size, &count)) in spatial.iter().zip(&positions).enumerate() {
            // Only the outermost windows meet padding, which is shorter than the kernel.
            let outer = (0..count.min(MAX_POOL)).chain((count - MAX_POOL).max(0)..count);
            for position in outer {
                if !self.window.places(axis, position).any(|place| (0..size).contains(&place)) {
                    return Err(format!(
                        "has a window at position {position} that holds nothing but padding of \
                         {input}"
                    ));
                }
            }
        }
        let shape = [batch, channels].into_iter().chain(positions).collect();
        Ok(TensorType::new(shape, input.gaussian))
    }
}

fn plural(count: i64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The sides of an input of so many spatial dimensions, in the order of `padding`.
fn sides(rank: usize) -> &'static [&'static str] {
    match rank {
        1 => &["left", "right"],
        2 => &["top", "left", "bottom", "right"],
        _ => &["front", "top", "left", "back", "bottom", "right"],
    }
}
