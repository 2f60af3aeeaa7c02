//! Convolutions: sums of products of an input and a weight that slides over it, or over the result.

use super::window::{MAX_WINDOW, SpatialAxis, Window, image, rank_of};
use crate::{
    attributes::{AttributeList, Attributes},
    types::TensorType,
};

/// `gauss.conv2d` and its like of other ranks. The kernel size comes from the weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// How the weight lies along each spatial dimension.
    pub axes: Vec<SpatialAxis>,
    /// Number of groups that do not see each other's channels.
    pub groups: i64,
}

impl Convolution {
    /// The ops of one, two and three spatial dimensions, without the dialect.
    pub const NAMES: [&'static str; 3] = ["conv1d", "conv2d", "conv3d"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let rank = rank_of(&Self::NAMES, name)?;
        let read =
            || Ok(Self { axes: SpatialAxis::read(rank, attributes)?, groups: groups(attributes)? });
        Some(read())
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.axes.len() - 1]
    }

    /// The attributes, as [`Convolution::read`] takes them.
    pub fn write(&self) -> AttributeList {
        SpatialAxis::write(&self.axes, AttributeList::default()).with("groups", self.groups)
    }

    /// The window of a weight of these spatial sizes.
    pub fn window(&self, kernel: &[i64]) -> Window {
        Window { kernel: kernel.to_vec(), axes: self.axes.clone(), ceil: false }
    }

    /// The type of the result for an input and a weight.
    ///
    /// # Errors
    ///
    /// Where they do not fit each other.
    pub fn infer(&self, input: &TensorType, weight: &TensorType) -> Result<TensorType, String> {
        let (batch, channels, spatial) = image(input, self.axes.len())?;
        let (outputs, weight_channels, kernel) = image(weight, self.axes.len())?;
        let groups = self.groups;
        if channels % groups != 0 || outputs % groups != 0 {
            return Err(format!(
                "has {groups} groups, which must divide the {channels} input channels and the \
                 {outputs} output channels"
            ));
        }
        if weight_channels != channels / groups {
            return Err(format!(
                "convolves {input} with the weight {weight}: in {groups} group(s) the weight must \
                 take {} channels, not {weight_channels}",
                channels / groups
            ));
        }
        let positions = self.window(kernel).positions_in(input, spatial)?;
        let shape = [batch, outputs].into_iter().chain(positions).collect();
        Ok(TensorType::new(shape, input.gaussian || weight.gaussian))
    }
}

/// `gauss.conv_transpose2d` and its like of other ranks: every element of the input is multiplied by
/// the whole kernel, and the products are added where they fall.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvTranspose {
    /// How the kernel moves over the result, of which the padding is cut off.
    pub axes: Vec<SpatialAxis>,
    /// Places that the result has more at the end of each spatial dimension.
    pub output_padding: Vec<i64>,
    /// Number of groups that do not see each other's channels.
    pub groups: i64,
}

impl ConvTranspose {
    /// The ops of one, two and three spatial dimensions, without the dialect.
    pub const NAMES: [&'static str; 3] =
        ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"];

    /// Reads an op by its name; `None` where it is not of this family.
    ///
    /// # Errors
    ///
    /// Where an attribute has no meaning.
    pub fn read(name: &str, attributes: &Attributes) -> Option<Result<Self, String>> {
        let rank = rank_of(&Self::NAMES, name)?;
        let read = || {
            let axes = SpatialAxis::read(rank, attributes)?;
            let output_padding =
                attributes.sizes("output_padding", rank, Some(0), 0..=MAX_WINDOW)?;
            for (axis, &more) in axes.iter().zip(&output_padding) {
                let SpatialAxis { stride, dilation, .. } = *axis;
                if more >= stride.max(dilation) {
                    return Err(format!(
                        "has {more} in 'output_padding', which must be smaller than the stride \
                         {stride} or the dilation {dilation}"
                    ));
                }
            }
            Ok(Self { axes, output_padding, groups: groups(attributes)? })
        };
        Some(read())
    }

    /// The op, without the dialect.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.axes.len() - 1]
    }

    /// The attributes, as [`ConvTranspose::read`] takes them.
    pub fn write(&self) -> AttributeList {
        SpatialAxis::write(&self.axes, AttributeList::default())
            .with("output_padding", self.output_padding.clone())
            .with("groups", self.groups)
    }

    /// The type of the result for an input and a weight.
    ///
    /// # Errors
    ///
    /// Where they do not fit each other, or nothing is left of the result.
    pub fn infer(&self, input: &TensorType, weight: &TensorType) -> Result<TensorType, String> {
        let (batch, channels, spatial) = image(input, self.axes.len())?;
        let (weight_channels, group_outputs, kernel) = image(weight, self.axes.len())?;
        let groups = self.groups;
        if channels % groups != 0 {
            return Err(format!(
                "has {groups} groups, which must divide the {channels} input channels"
            ));
        }
        if weight_channels != channels {
            return Err(format!(
                "convolves {input} with the weight {weight}, which must take {channels} channels, \
                 not {weight_channels}"
            ));
        }
        let size = |(number, axis): (usize, &SpatialAxis)| {
            let cut = axis.padding.iter().sum::<i64>();
            let whole = (spatial[number] - 1) * axis.stride + axis.extent(kernel[number]);
            match whole - cut + self.output_padding[number] {
                size @ 1.. => Ok(size),
                _ => Err(format!(
                    "cuts {cut} places off the {whole} along spatial dimension {number}, which \
                     leaves nothing"
                )),
            }
        };
        let sizes = self.axes.iter().enumerate().map(size).collect::<Result<Vec<_>, _>>()?;
        let outputs = group_outputs * groups;
        let shape = [batch, outputs].into_iter().chain(sizes).collect();
        Ok(TensorType::new(shape, input.gaussian || weight.gaussian))
    }

    /// How many products of an element of the input and one of the kernel fall into a result of these
    /// sizes, for each pair of channels.
    pub fn products(&self, input: &[i64], kernel: &[i64], result: &[i64]) -> i64 {
        let along = |(number, axis): (usize, &SpatialAxis)| {
            let [low, _] = axis.padding;
            let places = (0..kernel[number]).map(|element| element * axis.dilation - low);
            let count = |offset: i64| {
                // The elements of the input whose place `index·stride + offset` is in the result.
                let before = |end: i64| (end - offset + axis.stride - 1).div_euclid(axis.stride);
                let [first, end] =
                    [0, result[number]].map(|end| before(end).clamp(0, input[number]));
                end - first
            };
            places.map(count).sum::<i64>()
        };
        self.axes.iter().enumerate().map(along).product()
    }
}

fn groups(attributes: &Attributes) -> Result<i64, String> {
    match attributes.get("groups").map_or(Some(1), |groups| groups.as_i64()) {
        Some(groups) if groups >= 1 => Ok(groups),
        _ => Err("has 'groups' that is not a positive integer".into()),
    }
}
