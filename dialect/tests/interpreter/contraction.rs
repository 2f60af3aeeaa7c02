//! Dense layers, convolutions and products of matrices.

use super::*;

#[test]
fn dense_takes_any_mix_of_gaussian_and_deterministic_operands() {
    let (x, w, b) = (
        gaussian(&[2, 2], &[1.0, 2.0, -3.0, 0.0], &[0.5, 0.25, 0.0, 4.0]),
        gaussian(&[1, 2], &[3.0, -1.0], &[2.0, 1.0]),
        gaussian(&[1], &[10.0], &[0.125]),
    );
    let plain = |tensor: &Tensor| Tensor { variance: None, ..tensor.clone() };
    let means = [11.0, 1.0];
    // Σ v(s + μ²) + m²s: 0.5·11 + 1·2 + 0.25·2 + 4·1 and 0·11 + 9·2 + 4·2 + 0·1.
    let both = [12.0, 26.0];
    let expect = |variances: [f64; 2]| gaussian(&[2, 1], &means, &variances);
    assert_eq!(dense(&x, &w, &plain(&b)), expect(both));
    assert_eq!(dense(&x, &w, &b), expect([12.125, 26.125]));
    assert_eq!(dense(&plain(&x), &w, &plain(&b)), expect([6.0, 18.0]));
    assert_eq!(dense(&x, &plain(&w), &plain(&b)), expect([4.75, 4.0]));
    assert_eq!(dense(&plain(&x), &plain(&w), &b), expect([0.125, 0.125]));
    assert_eq!(dense(&plain(&x), &plain(&w), &plain(&b)), exact(&[2, 1], &means));
}

#[test]
fn dense_without_a_bias() {
    let result = run(
        "(%x: tensor<?x2xf32>, %w: tensor<1x2xf32>) -> tensor<?x1xf32>",
        "%y = gauss.dense %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
         return %y : tensor<?x1xf32>",
        &[exact(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), exact(&[1, 2], &[10.0, 1.0])],
    );
    assert_eq!(result, exact(&[2, 1], &[12.0, 34.0]));
}

/// The shape of a convolution: C, H, W, O, KH, KW and the attributes.
struct Convolution {
    sizes: [usize; 6],
    strides: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
    groups: usize,
}

impl Convolution {
    /// The sums of the op's page, one element after the other.
    fn expected(&self, x: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
        let [channels, height, width, outputs, kernel_height, kernel_width] = self.sizes;
        let (group_channels, group_outputs) = (channels / self.groups, outputs / self.groups);
        let extent = |size, kernel, axis: usize| {
            let padded = size + self.padding[axis] + self.padding[axis + 2];
            (padded - self.dilation[axis] * (kernel - 1) - 1) / self.strides[axis] + 1
        };
        let (rows, columns) = (extent(height, kernel_height, 0), extent(width, kernel_width, 1));
        let variance = |tensor: &Tensor, i: usize| tensor.variance.as_ref().map_or(0.0, |v| v[i]);
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for n in 0..x.shape[0] {
            for o in 0..outputs {
                for (row, column) in grid(rows, columns) {
                    let (mut mean, mut total) = (b.mean[o], variance(b, o));
                    for c in 0..group_channels {
                        for (i, j) in grid(kernel_height, kernel_width) {
                            let y = row * self.strides[0] + i * self.dilation[0];
                            let x_ = column * self.strides[1] + j * self.dilation[1];
                            let inside = (self.padding[0]..self.padding[0] + height).contains(&y)
                                && (self.padding[1]..self.padding[1] + width).contains(&x_);
                            if !inside {
                                continue;
                            }
                            let channel = o / group_outputs * group_channels + c;
                            let plane = (n * channels + channel) * height;
                            let at = (plane + y - self.padding[0]) * width + x_ - self.padding[1];
                            let tap =
                                ((o * group_channels + c) * kernel_height + i) * kernel_width + j;
                            let (m, v) = (x.mean[at], variance(x, at));
                            let (mu, s) = (w.mean[tap], variance(w, tap));
                            mean += m * mu;
                            total += v * (s + mu * mu) + m * m * s;
                        }
                    }
                    means.push(mean);
                    variances.push(total);
                }
            }
        }
        let gaussian = [x, w, b].iter().any(|tensor| tensor.variance.is_some());
        let shape = vec![x.shape[0], outputs, rows, columns];
        Tensor::new(shape, means, gaussian.then_some(variances))
    }

    fn check(&self, gaussian: [bool; 3]) {
        let [channels, height, width, outputs, kernel_height, kernel_width] = self.sizes;
        let x = random(&[3, channels, height, width], gaussian[0], 1);
        let w =
            random(&[outputs, channels / self.groups, kernel_height, kernel_width], gaussian[1], 2);
        let b = random(&[outputs], gaussian[2], 3);
        let expected = self.expected(&x, &w, &b);
        let types = format!("({}, {}, {})", x.ty(), w.ty(), b.ty());
        let body = format!(
            "%y = gauss.conv2d %x, %w, %b strides {:?} padding {:?} dilation {:?} groups {} \
             : {types} -> {result}
             return %y : {result}",
            self.strides,
            self.padding,
            self.dilation,
            self.groups,
            result = expected.ty(),
        );
        let signature =
            format!("(%x: {}, %w: {}, %b: {}) -> {}", x.ty(), w.ty(), b.ty(), expected.ty());
        assert_close(&run(&signature, &body, &[x, w, b]), &expected, 1e-11);
    }
}

#[test]
fn conv2d_is_the_sum_over_its_window() {
    let plain = Convolution {
        sizes: [2, 5, 6, 3, 3, 2],
        strides: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
    };
    for bits in 0..8 {
        plain.check([bits & 1 > 0, bits & 2 > 0, bits & 4 > 0]);
    }
    let all = [true; 3];
    Convolution { padding: [2, 0, 1, 3], ..plain }.check(all);
    Convolution { strides: [2, 3], padding: [1, 2, 0, 1], ..plain }.check(all);
    Convolution { dilation: [2, 3], padding: [1, 2, 3, 4], ..plain }.check(all);
    Convolution { sizes: [4, 5, 6, 6, 3, 2], groups: 2, padding: [1; 4], ..plain }.check(all);
    Convolution { sizes: [3, 7, 7, 6, 3, 3], groups: 3, strides: [2, 2], ..plain }.check(all);
    // The kernel is larger than the input, which padding makes good.
    Convolution { sizes: [1, 2, 1, 2, 4, 5], padding: [2, 3, 2, 4], ..plain }.check(all);
    // A window that meets nothing but padding.
    Convolution { sizes: [1, 2, 2, 1, 1, 1], padding: [3, 3, 3, 3], strides: [2, 2], ..plain }
        .check(all);
    // Larger than one block of output rows.
    Convolution { sizes: [20, 30, 31, 2, 5, 5], padding: [2; 4], ..plain }.check(all);
}

#[test]
fn a_line_is_an_image_of_one_row() {
    let (x, w, b) =
        (random(&[2, 4, 9], true, 1), random(&[6, 2, 3], true, 2), random(&[6], true, 3));
    let image = [reshaped(&x, &[2, 4, 1, 9]), reshaped(&w, &[6, 2, 1, 3]), b.clone()];
    let two = "strides [1, 2] padding [0, 1, 0, 2] dilation [1, 2] groups 2";
    let two = layer("conv2d", two, &image, &[2, 6, 1, 4]);
    let one = "strides [2] padding [1, 2] dilation [2] groups 2";
    let one = layer("conv1d", one, &[x.clone(), w, b], &[2, 6, 4]);
    assert_eq!(one, reshaped(&two, &[2, 6, 4]));

    for (op, more) in [("max", ""), ("avg", " count_include_pad false")] {
        let two = format!("kernel [1, 3] strides [1, 2] padding [0, 2, 0, 1] ceil true{more}");
        let two = layer(&format!("{op}_pool2d"), &two, &image[..1], &[2, 4, 1, 6]);
        let one = format!("kernel [3] strides [2] padding [2, 1] ceil true{more}");
        let one = layer(&format!("{op}_pool1d"), &one, std::slice::from_ref(&x), &[2, 4, 6]);
        assert_eq!(one, reshaped(&two, &[2, 4, 6]));
    }
}

/// Slice by slice: those of the kernel are convolutions of images whose results are added.
#[test]
fn conv3d_is_the_sum_of_convolutions_of_its_slices() {
    let (x, w) = (random(&[1, 2, 5, 4, 6], true, 1), random(&[3, 2, 2, 3, 2], true, 2));
    let attributes = "strides [2, 1, 2] padding [1, 1, 0, 0, 0, 1] dilation [3, 1, 2]";
    let (depth, rows, columns) = (2, 3, 3);
    let result =
        layer("conv3d", attributes, &[x.clone(), w.clone()], &[1, 3, depth, rows, columns]);
    // One slice of every channel, or of every kernel.
    let slice = |of: &Tensor, at: usize| {
        let [planes, slices, height, width] =
            [of.shape[0] * of.shape[1], of.shape[2], of.shape[3], of.shape[4]];
        let take = |values: &[f64]| -> Vec<f64> {
            let size = height * width;
            let start = |plane| (plane * slices + at) * size;
            (0..planes)
                .flat_map(|plane| values[start(plane)..start(plane) + size].to_vec())
                .collect()
        };
        let variance = of.variance.as_ref().map(|values| take(values));
        let shape = vec![of.shape[0], of.shape[1], height, width];
        Tensor::new(shape, take(&of.mean), variance)
    };
    let mut expected = Tensor {
        mean: vec![0.0; result.mean.len()],
        variance: Some(vec![0.0; result.mean.len()]),
        ..result.clone()
    };
    for (z, h) in grid(depth, 2) {
        // Of 5 slices and one before them.
        let Some(at) = (2 * z + 3 * h).checked_sub(1).filter(|at| *at < 5) else { continue };
        let attributes = "strides [1, 2] padding [1, 0, 0, 1] dilation [1, 2]";
        let part =
            layer("conv2d", attributes, &[slice(&x, at), slice(&w, h)], &[1, 3, rows, columns]);
        for (o, place) in grid(3, rows * columns) {
            let [to, from] = [(o * depth + z) * rows * columns + place, o * rows * columns + place];
            expected.mean[to] += part.mean[from];
            let variances = expected.variance.as_mut().zip(part.variance.as_ref());
            variances.into_iter().for_each(|(to_, from_)| to_[to] += from_[from]);
        }
    }
    assert_close(&result, &expected, 1e-12);
}

/// The definition of textbooks: a convolution of the input with zeros between its elements, whose
/// kernel is turned round and has channels and outputs swapped.
#[test]
fn a_transposed_convolution_is_one_of_an_input_with_zeros() {
    // Stride, padding before and behind, dilation, output padding, groups.
    let cases = [
        (1, [0, 0], 1, 0, 1),
        (2, [1, 1], 1, 0, 1),
        (2, [1, 0], 1, 1, 2),
        (3, [0, 2], 2, 2, 1),
        (2, [2, 1], 2, 1, 4),
        (4, [0, 0], 3, 0, 2),
    ];
    let (channels, outputs, size, kernel) = (4, 8, 5, 3);
    for (stride, [low, high], dilation, more, groups) in cases {
        let (of_input, of_group) = (channels / groups, outputs / groups);
        let x = random(&[2, channels, size], true, 1);
        let w = random(&[channels, of_group, kernel], true, 2);
        let b = random(&[outputs], true, 3);
        let reach = dilation * (kernel - 1);
        let length = (size - 1) * stride + reach + 1 + more - low - high;
        let attributes = format!(
            "strides [{stride}] padding [{low}, {high}] dilation [{dilation}] output_padding \
             [{more}] groups {groups}"
        );
        let operands = [x.clone(), w.clone(), b.clone()];
        let result = layer("conv_transpose1d", &attributes, &operands, &[2, outputs, length]);

        // Zeros between the elements, so many before them and as many as are read behind them.
        let before = reach as i64 - low as i64;
        let wide = length + reach;
        let spread = |values: &[f64]| -> Vec<f64> {
            let mut spread = vec![0.0; 2 * channels * wide];
            for (number, &value) in values.iter().enumerate() {
                let at = (number % size * stride) as i64 + before;
                if (0..wide as i64).contains(&at) {
                    spread[number / size * wide + at as usize] = value;
                }
            }
            spread
        };
        let turned = |values: &[f64]| -> Vec<f64> {
            let mut turned = vec![0.0; values.len()];
            for (c, o) in grid(channels, of_group) {
                for k in 0..kernel {
                    let output = c / of_input * of_group + o;
                    let to = (output * of_input + c % of_input) * kernel + kernel - 1 - k;
                    turned[to] = values[(c * of_group + o) * kernel + k];
                }
            }
            turned
        };
        let map = |of: &Tensor, shape: &[usize], f: &dyn Fn(&[f64]) -> Vec<f64>| {
            let variance = of.variance.as_ref().map(|values| f(values));
            Tensor::new(shape.to_vec(), f(&of.mean), variance)
        };
        let x = map(&x, &[2, channels, wide], &spread);
        let w = map(&w, &[outputs, of_input, kernel], &turned);
        let attributes = format!("dilation [{dilation}] groups {groups}");
        let expected = layer("conv1d", &attributes, &[x, w, b], &[2, outputs, length]);
        assert_close(&result, &expected, 1e-12);
    }
}

/// A kernel that is a product of one for rows and one for columns does both one after the other.
#[test]
fn a_transposed_convolution_goes_along_each_axis() {
    let x = random(&[1, 1, 3, 4, 2], false, 1);
    let kernels = [2, 3, 1].map(|size| random(&[size], false, size as u64));
    let mut product = vec![];
    for (i, (j, k)) in (0..2).flat_map(|i| grid(3, 1).map(move |jk| (i, jk))) {
        product.push(kernels[0].mean[i] * kernels[1].mean[j] * kernels[2].mean[k]);
    }
    let w = exact(&[1, 1, 2, 3, 1], &product);
    let attributes = "strides [2, 1, 3] padding [1, 0, 0, 0, 1, 0] output_padding [0, 0, 1]";
    let result = layer("conv_transpose3d", attributes, &[x.clone(), w], &[1, 1, 5, 5, 5]);
    let along = |x: &Tensor, axis: usize, strides: &str, rest: &str, size: usize| {
        let mut shape = x.shape.clone();
        shape[axis + 2] = size;
        let mut of_kernel = vec![1; 5];
        of_kernel[axis + 2] = kernels[axis].shape[0];
        let attributes = format!("strides {strides} {rest}");
        let operands = [x.clone(), reshaped(&kernels[axis], &of_kernel)];
        layer("conv_transpose3d", &attributes, &operands, &shape)
    };
    let x = along(&x, 0, "[2, 1, 1]", "padding [1, 0, 0, 0, 0, 0]", 5);
    let x = along(&x, 1, "[1, 1, 1]", "padding [0, 0, 0, 0, 1, 0]", 5);
    let x = along(&x, 2, "[1, 1, 3]", "output_padding [0, 0, 1]", 5);
    assert_close(&result, &x, 1e-12);
}

#[test]
fn products_of_matrices_by_hand() {
    // Two matrices, the second operand of which is one for both.
    let x = gaussian(&[2, 1, 2], &[1.0, 2.0, -3.0, 0.0], &[0.5, 0.25, 0.0, 4.0]);
    let w = gaussian(&[1, 2], &[3.0, -1.0], &[2.0, 1.0]);
    let result = run(
        "(%x: !gauss.tensor<2x1x2xf32>, %w: !gauss.tensor<1x2xf32>) -> !gauss.tensor<2x1x1xf32>",
        "%y = gauss.matmul %x, %w transpose_rhs true
           : (!gauss.tensor<2x1x2xf32>, !gauss.tensor<1x2xf32>) -> !gauss.tensor<2x1x1xf32>
         return %y : !gauss.tensor<2x1x1xf32>",
        &[x, w],
    );
    // As of the dense layer above.
    assert_eq!(result, gaussian(&[2, 1, 1], &[1.0, -9.0], &[12.0, 26.0]));
}

#[test]
fn a_product_of_matrices_is_a_sum_for_each_element() {
    let sizes = [2, 3, 4, 5, 6];
    let [a, b, m, k, n] = sizes;
    for (transpose_lhs, transpose_rhs) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let left = if transpose_lhs { [a, b, k, m] } else { [a, b, m, k] };
        let right = if transpose_rhs { [a, 1, n, k] } else { [a, 1, k, n] };
        let (x, y) = (random(&left, true, 1), random(&right, true, 2));
        let result = exact(&[a, b, m, n], &[]);
        let ty = format!("!gauss.tensor<{a}x{b}x{m}x{n}xf32>");
        let actual = run(
            &format!("(%x: {}, %y: {}) -> {ty}", x.ty(), y.ty()),
            &format!(
                "%z = gauss.matmul %x, %y transpose_lhs {transpose_lhs} transpose_rhs \
                 {transpose_rhs} : ({}, {}) -> {ty}
                 return %z : {ty}",
                x.ty(),
                y.ty()
            ),
            &[x.clone(), y.clone()],
        );
        let (mut mean, mut variance) = (vec![], vec![]);
        for (p, q) in grid(a, b) {
            for (i, j) in grid(m, n) {
                let (mut sum, mut spread) = (0.0, 0.0);
                for l in 0..k {
                    let inner = if transpose_lhs { l * m + i } else { i * k + l };
                    let at = (p * b + q) * m * k + inner;
                    let inner = if transpose_rhs { j * k + l } else { l * n + j };
                    let with = p * k * n + inner;
                    let (x_mean, x_variance) = (x.mean[at], x.variance.as_ref().unwrap()[at]);
                    let (y_mean, y_variance) = (y.mean[with], y.variance.as_ref().unwrap()[with]);
                    sum += x_mean * y_mean;
                    // E[x²]E[y²] less the square of the mean.
                    spread += (x_mean.powi(2) + x_variance) * (y_mean.powi(2) + y_variance)
                        - (x_mean * y_mean).powi(2);
                }
                mean.push(sum);
                variance.push(spread);
            }
        }
        assert_close(&actual, &gaussian(&result.shape, &mean, &variance), 1e-13);
    }
}

/// A line that is long beside what is read at once of it and the kernel.
#[test]
fn a_long_line_is_convolved_with_a_long_kernel() {
    let (size, kernel, result) = (800, 101, 700);
    let values = |count: usize, step: usize| -> Vec<f64> {
        (0..count).map(|i| (i * step % 17) as f64 - 8.0).collect()
    };
    let squares = |values: &[f64]| values.iter().map(|value| value * value).collect::<Vec<_>>();
    let (x, w) = (values(2 * size, 5), values(3 * 2 * kernel, 3));
    let (mut mean, mut variance) = (Vec::new(), Vec::new());
    for (output, position) in grid(3, result) {
        let products = grid(2, kernel).map(|(channel, element)| {
            let m = x[channel * size + position + element];
            m * w[(output * 2 + channel) * kernel + element]
        });
        let products: Vec<_> = products.collect();
        mean.push(products.iter().sum());
        // A variance is the square of its mean: v(s + μ²) + m²s is 3m²μ².
        variance.push(products.iter().map(|product| 3.0 * product.powi(2)).sum());
    }
    let operands =
        [gaussian(&[1, 2, size], &x, &squares(&x)), gaussian(&[3, 2, kernel], &w, &squares(&w))];
    let found = layer("conv1d", "", &operands, &[1, 3, result]);
    assert_eq!(found, gaussian(&[1, 3, result], &mean, &variance));
}
