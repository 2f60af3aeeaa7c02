//! Pools: the maximum or the average of each window, channel by channel.

use super::window::{SpatialAxis, Window, image, rank_of};
use crate::{
    attributes::{AttributeList, Attributes},
    types::TensorType,
};

/// The largest window along an axis: the lowering writes out its steps.
pub const MAX_POOL: i64 = 256;

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

    /// The type of the result.
    ///
    /// # Errors
    ///
    /// Where the window does not fit, or holds nothing but padding somewhere.
    pub fn infer(&self, input: &TensorType) -> Result<TensorType, String> {
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

/// The sides of an input of so many spatial dimensions, in the order of `padding`.
fn sides(rank: usize) -> &'static [&'static str] {
    match rank {
        1 => &["left", "right"],
        2 => &["top", "left", "bottom", "right"],
        _ => &["front", "top", "left", "back", "bottom", "right"],
    }
}
