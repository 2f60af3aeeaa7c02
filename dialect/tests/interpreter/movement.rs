//! Reshapes, movements, sums along axes, look-ups and interpolation.

use super::*;

#[test]
fn reshape_and_flatten_keep_the_elements_and_the_batch() {
    let signature = "(%x: !gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x3x1x2xf32>";
    let body = "%f = gauss.flatten %x : (!gauss.tensor<?x2x3xf32>) -> !gauss.tensor<?x6xf32>
         %y = gauss.reshape %f : (!gauss.tensor<?x6xf32>) -> !gauss.tensor<?x3x1x2xf32>
         return %y : !gauss.tensor<?x3x1x2xf32>";
    let input = random(&[4, 2, 3], true, 5);
    let expected = Tensor { shape: vec![4, 3, 1, 2], ..input.clone() };
    assert_eq!(run(signature, body, &[input]), expected);
}

#[test]
fn reshape_may_drop_and_add_dimensions() {
    let body = "%y = gauss.reshape %x : (tensor<1x1xf32>) -> tensor<f32>
         %z = gauss.reshape %y : (tensor<f32>) -> tensor<1xf32>
         return %z : tensor<1xf32>";
    let result = run("(%x: tensor<1x1xf32>) -> tensor<1xf32>", body, &[exact(&[1, 1], &[7.0])]);
    assert_eq!(result, exact(&[1], &[7.0]));
}

/// Every element by hand.
#[test]
fn movements_and_sums() {
    let x = gaussian(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let check = |op: &str, shape: &str, means: &[f64], variances: &[f64]| {
        let ty = format!("!gauss.tensor<{shape}xf32>");
        let sizes: Vec<_> = shape.split('x').map(|size| size.parse().unwrap()).collect();
        let result = run(
            &format!("(%x: !gauss.tensor<2x3xf32>) -> {ty}"),
            &format!("%y = gauss.{op} : (!gauss.tensor<2x3xf32>) -> {ty}\nreturn %y : {ty}"),
            std::slice::from_ref(&x),
        );
        assert_close(&result, &gaussian(&sizes, means, variances), 1e-15);
    };
    let reflected = "pad %x low [0, 2] high [0, 1] mode \"reflect\"";
    check(
        reflected,
        "2x6",
        &[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 6.0, 5.0, 4.0, 5.0, 6.0, 5.0],
        &[0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.6, 0.5, 0.4, 0.5, 0.6, 0.5],
    );
    let edge = "pad %x low [1, 0] high [0, 1] mode \"edge\"";
    check(
        edge,
        "3x4",
        &[1.0, 2.0, 3.0, 3.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 6.0],
        &[0.1, 0.2, 0.3, 0.3, 0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.6],
    );
    let constant = "pad %x low [0, 1] high [0, 0] value 7.0";
    check(
        constant,
        "2x4",
        &[7.0, 1.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0],
        &[0.0, 0.1, 0.2, 0.3, 0.0, 0.4, 0.5, 0.6],
    );
    check(
        "transpose %x permutation [1, 0]",
        "3x2",
        &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0],
        &[0.1, 0.4, 0.2, 0.5, 0.3, 0.6],
    );
    check("slice %x axis 1 start 1 size 2", "2x2", &[2.0, 3.0, 5.0, 6.0], &[0.2, 0.3, 0.5, 0.6]);
    check("reduce_sum %x axes [0]", "3", &[5.0, 7.0, 9.0], &[0.5, 0.7, 0.9]);
    check("reduce_mean %x axes [0, 1] keep_dims true", "1x1", &[3.5], &[2.1 / 36.0]);
    let doubled = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 6.0];
    check("upsample %x factors [1, 2]", "2x6", &doubled, &doubled.map(|m| m / 10.0));
}

#[test]
fn rows_of_a_table_stay_within_it() {
    let table = gaussian(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    let numbers = [0.0, 2.0, 1.75, -5.0, 3.0, 1e30, f64::NAN, f64::NEG_INFINITY];
    let result = run(
        "(%i: tensor<8xf32>, %t: !gauss.tensor<3x2xf32>) -> !gauss.tensor<8x2xf32>",
        "%y = gauss.embedding %i, %t : (tensor<8xf32>, !gauss.tensor<3x2xf32>) -> !gauss.tensor<8x2xf32>
         return %y : !gauss.tensor<8x2xf32>",
        &[exact(&[8], &numbers), table],
    );
    let means: Vec<_> = result.mean.chunks(2).map(|row| row[0]).collect();
    assert_eq!(means, [1.0, 5.0, 3.0, 1.0, 5.0, 5.0, 1.0, 1.0]);
    assert_eq!(result.variance.unwrap()[2..4], [0.5, 0.6]);
}

/// What `gauss.resize` makes of a line.
#[track_caller]
fn resized(attributes: &str, line: &[f64], size: usize) -> Tensor {
    let (from, to) = (line.len(), size);
    let variance: Vec<_> = line.iter().map(|value| value * value).collect();
    run(
        &format!("(%x: !gauss.tensor<{from}xf32>) -> !gauss.tensor<{to}xf32>"),
        &format!(
            "%y = gauss.resize %x {attributes} : (!gauss.tensor<{from}xf32>) -> !gauss.tensor<{to}xf32>
             return %y : !gauss.tensor<{to}xf32>"
        ),
        &[gaussian(&[from], line, &variance)],
    )
}

#[test]
fn interpolation_weighs_two_neighbours() {
    // A place, then the weights of its neighbours, in the coordinates of PyTorch's `interpolate`.
    let line = [1.0, 5.0, 2.0, 7.0];
    let expected = |places: &[f64]| {
        let at = |&place: &f64| {
            let place = place.clamp(0.0, 3.0);
            let (low, w) = (place.floor() as usize, place.fract());
            let high = (low + 1).min(3);
            let mean = (1.0 - w) * line[low] + w * line[high];
            (mean, ((1.0 - w) * line[low]).powi(2) + (w * line[high]).powi(2))
        };
        let (mean, variance): (Vec<_>, Vec<_>) = places.iter().map(at).unzip();
        gaussian(&[places.len()], &mean, &variance)
    };
    let half_pixel = |size: usize, ratio: f64| {
        expected(&(0..size).map(|i| (i as f64 + 0.5) / ratio - 0.5).collect::<Vec<_>>())
    };
    let aligned = |size: usize| {
        let step = if size == 1 { 0.0 } else { 3.0 / (size - 1) as f64 };
        expected(&(0..size).map(|i| i as f64 * step).collect::<Vec<_>>())
    };
    for size in [1, 2, 3, 4, 6, 7, 8, 13, 16] {
        let sizes = resized(&format!("sizes [{size}]"), &line, size);
        assert_close(&sizes, &half_pixel(size, size as f64 / 4.0), 1e-13);
        let corners =
            resized(&format!("sizes [{size}] coordinates \"align_corners\""), &line, size);
        assert_close(&corners, &aligned(size), 1e-13);
    }
    // 4·7/5 = 5.6: five elements at the distance of 5/7, and not of 4/5.
    let fraction = resized("numerators [7] denominators [5]", &line, 5);
    assert_close(&fraction, &half_pixel(5, 1.4), 1e-13);
}
