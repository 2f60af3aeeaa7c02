//! Dense layers, convolutions and products of matrices.

use std::array;

use gauss_dialect::{
    layer as kinds,
    ops::{
        contraction::{ConvTranspose, Convolution},
        matmul::Matmul,
        window::SpatialAxis,
    },
};
use rand::Rng;

use super::{Generator, Layer, inferred};
use crate::case::Operand;

impl Generator {
    pub fn dense(&mut self) -> Layer {
        let (n, k, m) = (self.size(15), self.size(70), self.size(75));
        let parameter = self.flip();
        let mut operands = vec![self.operand(&[n, k], false), self.operand(&[m, k], parameter)];
        if self.flip() {
            operands.push(self.operand(&[m], parameter));
        }
        ("dense", String::new(), operands, vec![n, m])
    }

    /// Groups, channels of the input and outputs: without groups, with some, depthwise.
    fn channels(&mut self) -> [usize; 3] {
        match self.size(4) {
            1 | 2 => [1, self.size(4), self.size(20)],
            3 => {
                let groups = self.size(3);
                [groups, groups * self.size(4), groups * self.size(20)]
            }
            _ => [self.size(40); 3],
        }
    }

    /// How a kernel lies along so many axes.
    fn axes(&mut self, rank: usize) -> Vec<SpatialAxis> {
        let axis = |_| SpatialAxis {
            stride: self.size(3) as i64,
            padding: [0; 2].map(|_| self.rng.random_range(0..3)),
            dilation: self.size(2) as i64,
        };
        (0..rank).map(axis).collect()
    }

    /// A convolution of any rank, of images as often as of all others.
    pub fn convolution(&mut self) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let [groups, channels, outputs] = self.channels();
        let kernel: Vec<_> = (0..rank).map(|_| self.size(5 - rank / 2)).collect();
        let axes = self.axes(rank);
        let size: Vec<_> = kernel
            .iter()
            .zip(&axes)
            .map(|(&kernel, axis)| {
                axis.extent(kernel as i64) as usize + self.size([60, 36, 6][rank - 1]) - 1
            })
            .collect();
        let convolution = Convolution { axes, groups: groups as i64 };
        let shapes = [
            [&[self.size(3), channels][..], &size].concat(),
            [&[outputs, channels / groups][..], &kernel].concat(),
        ];
        let operands = self.linear(&shapes, outputs);
        inferred(kinds::Layer::Convolution(convolution), operands)
    }

    /// A transposed convolution. What it cuts off may be more than a kernel is long.
    pub fn conv_transpose(&mut self) -> Layer {
        let rank = [1, 2, 2, 3][self.rng.random_range(0..4)];
        let [groups, channels, outputs] = self.channels();
        let kernel: Vec<_> = (0..rank).map(|_| self.size(6 - rank)).collect();
        let axes = self.axes(rank);
        let output_padding =
            axes.iter().map(|axis| self.rng.random_range(0..axis.stride.max(axis.dilation)));
        let output_padding: Vec<_> = output_padding.collect();
        let size: Vec<_> = (0..rank).map(|_| 4 + self.size([40, 14, 3][rank - 1])).collect();
        let convolution = ConvTranspose { axes, output_padding, groups: groups as i64 };
        let shapes = [
            [&[self.size(3), channels][..], &size].concat(),
            [&[channels, outputs / groups][..], &kernel].concat(),
        ];
        let operands = self.linear(&shapes, outputs);
        inferred(kinds::Layer::ConvTranspose(convolution), operands)
    }

    /// An input and a weight of these shapes, with a bias as often as without.
    fn linear(&mut self, [input, weight]: &[Vec<usize>; 2], outputs: usize) -> Vec<Operand> {
        let parameter = self.flip();
        let mut operands = vec![self.operand(input, false), self.operand(weight, parameter)];
        if self.flip() {
            operands.push(self.operand(&[outputs], parameter));
        }
        operands
    }

    /// A convolution along a line with a constant weight. Its rows share pixels at any
    /// stride that is shorter than the kernel, whose steps are written out in groups.
    pub fn line(&mut self) -> Layer {
        let (n, channels, outputs) = (self.size(2), self.size(3), self.size(40));
        let (kernel, stride, dilation) = (1 + self.size(11), self.size(3), self.size(2));
        let (positions, lines) = (self.size(20), self.size(3));
        let size = (positions - 1) * stride + dilation * (kernel - 1) + 1;
        let operands = vec![
            self.operand(&[n, channels, lines, size], false),
            self.operand(&[outputs, channels, 1, kernel], true),
        ];
        let attributes = format!("strides [1, {stride}] dilation [1, {dilation}]");
        ("conv2d", attributes, operands, vec![n, outputs, lines, positions])
    }

    /// A 3x3 convolution of so many channels that its mean is computed by Winograd's algorithm,
    /// where rows and columns are even and the weight is constant.
    pub fn wide(&mut self) -> Layer {
        let (n, channels, outputs) = (self.size(3), 7 + self.size(20), 7 + self.size(30));
        let padding: [usize; 4] = array::from_fn(|_| self.rng.random_range(0..3));
        let [rows, columns] = [0, 1].map(|axis| {
            let least = padding[axis] + padding[axis + 2];
            least.max(if self.rng.random_range(0..4) > 0 {
                2 * self.size(9)
            } else {
                self.size(18)
            })
        });
        let input = [
            n,
            channels,
            rows + 2 - padding[0] - padding[2],
            columns + 2 - padding[1] - padding[3],
        ];
        let parameter = self.rng.random_range(0..4) > 0;
        let mut operands =
            vec![self.operand(&input, false), self.operand(&[outputs, channels, 3, 3], parameter)];
        if self.flip() {
            operands.push(self.operand(&[outputs], parameter));
        }
        ("conv2d", format!("padding {padding:?}"), operands, vec![n, outputs, rows, columns])
    }

    /// Layers with up to 4096 terms in a sum and more than two tiles of outputs.
    pub fn long(&mut self) -> Layer {
        const MOST_PRODUCTS: usize = 2_000_000;
        let (op, input, weight, result) = loop {
            let n = self.any_size(24);
            let m = self.any_size(300);
            let (op, input, weight, result) = if self.flip() {
                let k = if self.flip() { 4096 } else { self.any_size(4096) };
                ("dense", vec![n, k], vec![m, k], vec![n, m])
            } else {
                let (c, kernel) = (self.any_size(160), self.size(5));
                let size = kernel + self.any_size(20) - 1;
                let positions = size - kernel + 1;
                (
                    "conv2d",
                    vec![n, c, size, size],
                    vec![m, c, kernel, kernel],
                    vec![n, m, positions, positions],
                )
            };
            let terms: usize = weight[1..].iter().product();
            if terms <= 4096 && terms * result.iter().product::<usize>() <= MOST_PRODUCTS {
                break (op, input, weight, result);
            }
        };
        // Constants are packed and blocked; arguments are not.
        let parameter = self.rng.random_range(0..4) > 0;
        let outputs = [weight[0]];
        let mut operands = vec![self.operand(&input, false), self.operand(&weight, parameter)];
        if self.flip() {
            operands.push(self.operand(&outputs, parameter));
        }
        (op, String::new(), operands, result)
    }

    /// Matrices in one of four orders, with leading dimensions of which some are repeated.
    pub fn matmul(&mut self) -> Layer {
        let matmul = Matmul { transpose_lhs: self.flip(), transpose_rhs: self.flip() };
        let (m, k, n) = (self.any_size(40), self.any_size(70), self.any_size(75));
        let leading = self.shape(0..=2);
        let mut shapes = [leading.clone(), leading];
        for operand in &mut shapes {
            for size in operand.iter_mut().filter(|_| self.rng.random_range(0..4) == 0) {
                *size = 1;
            }
        }
        if self.flip() {
            shapes[1].clear();
        }
        shapes[0].extend(if matmul.transpose_lhs { [k, m] } else { [m, k] });
        shapes[1].extend(if matmul.transpose_rhs { [n, k] } else { [k, n] });
        let parameter = self.flip();
        let operands = [self.operand(&shapes[0], false), self.operand(&shapes[1], parameter)];
        inferred(kinds::Layer::Matmul(matmul), operands.into())
    }
}
