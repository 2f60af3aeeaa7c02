//! Windows: what an element of the result of a convolution or a pool sees of the input.
//!
//! A window has an axis for each spatial dimension, those behind batch and channels. Where the
//! numbers of all axes stand in a list, such as the attribute `strides`, they are in the order of the
//! dimensions; `padding` has those before the input first, then those behind it.

use crate::{
    attributes::{AttributeList, Attributes},
    ir::{DYNAMIC, MAX_ELEMENTS},
    types::TensorType,
};

/// The largest stride, dilation, padding or kernel size that is accepted; it
/// keeps the arithmetic on sizes far from overflow.
pub const MAX_WINDOW: i64 = 1 << 20;

/// How a window lies along a spatial dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpatialAxis {
    /// From a window to the next.
    pub stride: i64,
    /// Places before the input and behind it.
    pub padding: [i64; 2],
    /// Distance of neighbouring elements of a window.
    pub dilation: i64,
}

impl SpatialAxis {
    /// Reads `strides`, `padding` and `dilation` of so many axes.
    ///
    /// # Errors
    ///
    /// Where one of them has another length, or a number out of range.
    pub fn read(rank: usize, attributes: &Attributes) -> Result<Vec<Self>, String> {
        let strides = attributes.sizes("strides", rank, Some(1), 1..=MAX_WINDOW)?;
        let padding = attributes.sizes("padding", 2 * rank, Some(0), 0..=MAX_WINDOW)?;
        let dilation = attributes.sizes("dilation", rank, Some(1), 1..=MAX_WINDOW)?;
        let axis = |axis: usize| Self {
            stride: strides[axis],
            padding: [padding[axis], padding[axis + rank]],
            dilation: dilation[axis],
        };
        Ok((0..rank).map(axis).collect())
    }

    /// A list with the attributes that [`SpatialAxis::read`] takes.
    pub fn write(axes: &[Self], list: AttributeList) -> AttributeList {
        let of_each = |number: fn(&Self) -> i64| axes.iter().map(number).collect::<Vec<_>>();
        let padding = [of_each(|axis| axis.padding[0]), of_each(|axis| axis.padding[1])];
        list.with("strides", of_each(|axis| axis.stride))
            .with("padding", padding.concat())
            .with("dilation", of_each(|axis| axis.dilation))
    }

    /// From the first to the last of so many elements.
    pub fn extent(&self, kernel: i64) -> i64 {
        self.dilation * (kernel - 1) + 1
    }
}

/// A window that slides over the spatial dimensions of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Elements along each axis.
    pub kernel: Vec<i64>,
    /// How it lies along each axis.
    pub axes: Vec<SpatialAxis>,
    /// Does a last window that begins inside of the input and its padding, and ends beyond, count?
    pub ceil: bool,
}

impl Window {
    /// How many positions the window has along each axis of an input of these spatial sizes; `None`
    /// where it does not fit.
    pub fn positions(&self, input: &[i64]) -> Option<Vec<i64>> {
        let along = |(axis, &size): (usize, &i64)| {
            let SpatialAxis { stride, padding: [low, high], .. } = self.axes[axis];
            let (padded, extent) = (size + low + high, self.extent(axis));
            let whole = (padded >= extent).then(|| (padded - extent) / stride + 1)?;
            let is_cut = (padded - extent) % stride != 0;
            let begins_inside = whole * stride < size + low;
            Some(whole + i64::from(self.ceil && is_cut && begins_inside))
        };
        input.iter().enumerate().map(along).collect()
    }

    /// [`Window::positions`] in the tensor `input`.
    ///
    /// # Errors
    ///
    /// Where the window does not fit, or the input is too large with its padding.
    pub fn positions_in(&self, input: &TensorType, spatial: &[i64]) -> Result<Vec<i64>, String> {
        let positions = self.positions(spatial).ok_or_else(|| {
            let sizes: Vec<_> = self.kernel.iter().map(ToString::to_string).collect();
            format!(
                "has a {} window that does not fit in {input}, padding included",
                sizes.join("x")
            )
        })?;
        let padding: Vec<_> = self.closed(spatial).axes.iter().map(|axis| axis.padding).collect();
        check_padded(input, &padding)?;
        Ok(positions)
    }

    /// From the first to the last element of the window along an axis.
    pub fn extent(&self, axis: usize) -> i64 {
        self.axes[axis].extent(self.kernel[axis])
    }

    /// The same windows with so much padding behind the input that none ends beyond it.
    pub fn closed(&self, input: &[i64]) -> Self {
        let mut closed = Self { ceil: false, ..self.clone() };
        let positions = self.positions(input).unwrap_or_else(|| vec![1; input.len()]);
        for (number, axis) in closed.axes.iter_mut().enumerate() {
            let end = (positions[number] - 1) * axis.stride + self.extent(number);
            axis.padding[1] = axis.padding[1].max(end - input[number] - axis.padding[0]);
        }
        closed
    }

    /// The places along an axis that the window covers at a position; those in the padding are
    /// negative, or the size and beyond.
    pub fn places(&self, axis: usize, position: i64) -> impl Iterator<Item = i64> + Clone + use<> {
        let SpatialAxis { stride, padding, dilation } = self.axes[axis];
        let start = position * stride - padding[0];
        (0..self.kernel[axis]).map(move |element| start + element * dilation)
    }

    /// The elements of the window row by row, each by its distance from the first one along each axis.
    pub fn offsets(&self) -> Vec<Vec<i64>> {
        self.axes.iter().zip(&self.kernel).fold(vec![Vec::new()], |all, (axis, &size)| {
            let along = |before: &Vec<i64>| {
                let before = before.clone();
                (0..size).map(move |n| [&before[..], &[n * axis.dilation]].concat())
            };
            all.iter().flat_map(along).collect()
        })
    }

    /// Is there any padding?
    pub fn is_padded(&self) -> bool {
        self.axes.iter().any(|axis| axis.padding != [0, 0])
    }
}

/// Batch, channels and spatial sizes of a tensor with so many spatial dimensions.
///
/// # Errors
///
/// Where it has another rank.
pub fn image(ty: &TensorType, rank: usize) -> Result<(i64, i64, &[i64]), String> {
    match &ty.shape[..] {
        [batch, channels, spatial @ ..] if spatial.len() == rank => {
            Ok((*batch, *channels, spatial))
        }
        _ => Err(format!("needs a tensor of rank {}, got {ty}", rank + 2)),
    }
}

/// Is a tensor small enough with this padding along its spatial dimensions?
///
/// # Errors
///
/// Where it is not; the message continues the words `'gauss.op' op`.
pub fn check_padded(input: &TensorType, padding: &[[i64; 2]]) -> Result<(), String> {
    let (leading, spatial) = input.shape.split_at(2);
    let leading = leading.iter().copied().filter(|&size| size != DYNAMIC);
    let padded = spatial.iter().zip(padding).map(|(size, [low, high])| size + low + high);
    match leading.chain(padded).fold(1, i64::saturating_mul) {
        ..=MAX_ELEMENTS => Ok(()),
        _ => Err(format!("pads {input} to more than 2^28 elements")),
    }
}

/// The rank of the op whose name is one of those for one, two, three, .. spatial dimensions.
pub(super) fn rank_of(names: &[&str], name: &str) -> Option<usize> {
    Some(names.iter().position(|known| *known == name)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_is_cut_counts_where_it_begins_before_the_padding_behind() {
        let positions = |padding, size, ceil| {
            let axis = SpatialAxis { stride: 3, padding, dilation: 1 };
            Window { kernel: vec![3], axes: vec![axis], ceil }.positions(&[size])
        };
        for (padding, size, [down, up]) in
            [([2, 0], 5, [2, 3]), ([0, 2], 5, [2, 2]), ([2, 0], 4, [2, 2])]
        {
            let found = [false, true].map(|ceil| positions(padding, size, ceil));
            assert_eq!(found, [Some(vec![down]), Some(vec![up])], "{padding:?}, {size}");
        }
    }

    #[test]
    fn each_axis_has_its_own_numbers() {
        let axes = vec![
            SpatialAxis { stride: 2, padding: [1, 2], dilation: 1 },
            SpatialAxis { stride: 3, padding: [0, 1], dilation: 2 },
            SpatialAxis { stride: 1, padding: [0, 0], dilation: 4 },
        ];
        let list = SpatialAxis::write(&axes, AttributeList::default());
        assert_eq!(
            list.to_string(),
            " strides [2, 3, 1] padding [1, 0, 0, 2, 1, 0] dilation [1, 2, 4]"
        );
        let window = Window { kernel: vec![3, 3, 2], axes, ceil: false };
        assert_eq!(window.positions(&[9, 11, 5]), Some(vec![5, 3, 1]));
        assert_eq!(window.positions(&[9, 11, 4]), None);
        assert_eq!(window.places(1, 2).collect::<Vec<_>>(), [6, 8, 10]);
    }
}
