//! Pools.

use super::*;

/// A module with one pool from `input` to `result`.
fn pool(op: &str, attributes: &str, input: &Tensor, result: &[usize]) -> Tensor {
    let kind = if input.variance.is_some() { "!gauss." } else { "" };
    let sizes: Vec<_> = result.iter().map(|size| format!("{size}x")).collect();
    let (input_ty, result_ty) = (input.ty(), format!("{kind}tensor<{}f32>", sizes.concat()));
    let body = format!(
        "%y = gauss.{op} %x {attributes} : ({input_ty}) -> {result_ty}\nreturn %y : {result_ty}"
    );
    run(&format!("(%x: {input_ty}) -> {result_ty}"), &body, std::slice::from_ref(input))
}

#[test]
fn max_pool2d_goes_along_each_row_and_then_down() {
    let input = random(&[1, 1, 3, 3], true, 4);
    let result = pool("max_pool2d", "kernel [3, 3]", &input, &[1, 1, 1, 1]);
    let at =
        |i: usize| Moments { mean: input.mean[i], variance: input.variance.as_ref().map(|v| v[i]) };
    let max = |x, y| moments::max(&mut F64, x, y);
    let row = |i| {
        let left = max(at(i), at(i + 1));
        max(left, at(i + 2))
    };
    let (first, second, third) = (row(0), row(3), row(6));
    let upper = max(first, second);
    let all = max(upper, third);
    assert_eq!(result.mean, [all.mean]);
    assert_eq!(result.variance, all.variance.map(|v| vec![v]));
}

#[test]
fn a_global_maximum_is_a_pool_of_the_whole_image() {
    let image = random(&[2, 3, 4, 5], true, 4);
    let all = pool("max_pool2d", "kernel [4, 5]", &image, &[2, 3, 1, 1]);
    assert_eq!(pool("global_max_pool", "", &image, &[2, 3, 1, 1]), all);
    let volume = random(&[2, 3, 2, 4, 5], true, 4);
    let all = pool("max_pool3d", "kernel [2, 4, 5]", &volume, &[2, 3, 1, 1, 1]);
    assert_eq!(pool("global_max_pool", "", &volume, &[2, 3, 1, 1, 1]), all);
    // A window has at most 256 elements along an axis, the whole line has not.
    let line: Vec<_> = (0..300).map(|i| f64::from(i * 7 % 300)).collect();
    let line = exact(&[1, 1, 300], &line);
    assert_eq!(pool("global_max_pool", "", &line, &[1, 1, 1]), exact(&[1, 1, 1], &[299.0]));
}

#[test]
fn max_pool3d_takes_slice_after_slice() {
    let volume = random(&[1, 1, 2, 2, 2], true, 4);
    let slices = reshaped(&volume, &[1, 2, 2, 2]);
    let slices = pool("max_pool2d", "kernel [2, 2]", &slices, &[1, 2, 1, 1]);
    let line = reshaped(&slices, &[1, 1, 2]);
    let expected = pool("max_pool1d", "kernel [2]", &line, &[1, 1, 1]);
    let result = pool("max_pool3d", "kernel [2, 2, 2]", &volume, &[1, 1, 1, 1, 1]);
    assert_eq!(result, reshaped(&expected, &[1, 1, 1, 1, 1]));
    let result = pool("avg_pool3d", "kernel [2, 2, 2]", &volume, &[1, 1, 1, 1, 1]);
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let variance = volume.variance.as_deref().map(sum).unwrap() / 64.0;
    let expected = gaussian(&[1, 1, 1, 1, 1], &[sum(&volume.mean) / 8.0], &[variance]);
    assert_close(&result, &expected, 1e-15);
}

#[test]
fn padding_takes_no_part_in_max_pool2d() {
    let input = exact(&[1, 1, 2, 3], &[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]);
    let attributes = "kernel [2, 2] strides [1, 2] padding [1, 1, 0, 0]";
    let result = pool("max_pool2d", attributes, &input, &[1, 1, 2, 2]);
    assert_eq!(result, exact(&[1, 1, 2, 2], &[-1.0, -2.0, -1.0, -2.0]));
    let input = Tensor { variance: Some(vec![0.0; 6]), ..input };
    let result = pool("max_pool2d", attributes, &input, &[1, 1, 2, 2]);
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[-1.0, -2.0, -1.0, -2.0], &[0.0; 4]));
}

#[test]
fn avg_pool2d_counts_padding_or_not() {
    let input = gaussian(&[1, 1, 2, 2], &[4.0, 8.0, 12.0, 16.0], &[16.0, 32.0, 48.0, 64.0]);
    let attributes = "kernel [2, 2] padding [1, 0, 0, 1]";
    let result = pool("avg_pool2d", attributes, &input, &[1, 1, 2, 2]);
    // The windows hold {4, 8}, {8}, {4, 8, 12, 16} and {8, 16}.
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[3.0, 2.0, 10.0, 6.0], &[3.0, 2.0, 10.0, 6.0]));
    let exclude = format!("{attributes} count_include_pad false");
    let result = pool("avg_pool2d", &exclude, &input, &[1, 1, 2, 2]);
    assert_eq!(result, gaussian(&[1, 1, 2, 2], &[6.0, 8.0, 10.0, 12.0], &[12.0, 32.0, 10.0, 24.0]));
}

#[test]
fn pools_leave_channels_and_images_apart() {
    let input = exact(&[2, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let result = pool("max_pool2d", "kernel [1, 2]", &input, &[2, 2, 1, 1]);
    assert_eq!(result, exact(&[2, 2, 1, 1], &[2.0, 4.0, 6.0, 8.0]));
    let result = pool("avg_pool2d", "kernel [1, 2]", &input, &[2, 2, 1, 1]);
    assert_eq!(result, exact(&[2, 2, 1, 1], &[1.5, 3.5, 5.5, 7.5]));
}

/// A pool of a line of numbers.
#[track_caller]
fn line_pool(op: &str, line: &[f64], expected: &[f64]) {
    let (from, to) = (line.len(), expected.len());
    let result = run(
        &format!("(%x: tensor<1x1x1x{from}xf32>) -> tensor<1x1x1x{to}xf32>"),
        &format!(
            "%y = gauss.{op} : (tensor<1x1x1x{from}xf32>) -> tensor<1x1x1x{to}xf32>
             return %y : tensor<1x1x1x{to}xf32>"
        ),
        &[exact(&[1, 1, 1, from], line)],
    );
    assert_close(&result, &exact(&[1, 1, 1, to], expected), 1e-15);
}

/// As PyTorch counts: a window that ends beyond input and padding has what is left of it.
#[test]
fn pools_round_up_and_have_gaps() {
    let line = [1.0, 2.0, 3.0, 4.0, 5.0];
    let two = "kernel [1, 2] strides [1, 2]";
    line_pool(&format!("avg_pool2d %x {two}"), &line, &[1.5, 3.5]);
    line_pool(&format!("avg_pool2d %x {two} ceil true"), &line, &[1.5, 3.5, 5.0]);
    line_pool(&format!("max_pool2d %x {two} ceil true"), &line, &[2.0, 4.0, 5.0]);
    let three = "kernel [1, 3] strides [1, 2] padding [0, 1, 0, 1] ceil true";
    line_pool(&format!("avg_pool2d %x {three}"), &line[..4], &[1.0, 3.0, 2.0]);
    let inside = format!("avg_pool2d %x {three} count_include_pad false");
    line_pool(&inside, &line[..4], &[1.5, 3.0, 4.0]);
    // A window that would begin in the padding behind the input is none.
    let wide = "kernel [1, 2] strides [1, 3] padding [0, 1, 0, 1] ceil true";
    line_pool(&format!("max_pool2d %x {wide}"), &line[..4], &[1.0, 4.0]);
    let apart = "kernel [1, 2] dilation [1, 2]";
    line_pool(&format!("max_pool2d %x {apart}"), &[1.0, 5.0, 2.0, 4.0], &[2.0, 5.0]);
    line_pool(&format!("avg_pool2d %x {apart}"), &[1.0, 5.0, 2.0, 4.0], &[1.5, 4.5]);
}
