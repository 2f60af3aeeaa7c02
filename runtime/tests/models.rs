//! The files that the compiler emits, against functions of the compiled models' C ABI.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::slice::{from_raw_parts, from_raw_parts_mut};
use pfp_runtime::{Arena, Buffer, Error, Model};
use proptest::prelude::*;

mod lenet {
    include!("emitted/lenet.rs");
}
mod sensor {
    include!("emitted/sensor.rs");
}
mod fusion {
    include!("emitted/fusion.rs");
}
use fusion::Fusion;
use lenet::Lenet;
use sensor::Sensor;

/// mean_i = the sum of input i, i + 10, ...; variance_i = 1/2 + i; goes through the arena.
#[unsafe(no_mangle)]
extern "C" fn pfp_lenet(
    input: *const f32,
    mean: *mut f32,
    variance: *mut f32,
    arena: *mut c_void,
) -> c_int {
    if input.is_null() || mean.is_null() || variance.is_null() || arena.is_null() {
        return 1;
    }
    if !arena.addr().is_multiple_of(64) {
        return 2;
    }
    // SAFETY: the contract of the C ABI.
    let (input, mean, variance, arena) = unsafe {
        arena.write_bytes(0xff, Lenet::ARENA_BYTES);
        (
            from_raw_parts(input, 784),
            from_raw_parts_mut(mean, 10),
            from_raw_parts_mut(variance, 10),
            from_raw_parts_mut(arena.cast::<f32>(), 784),
        )
    };
    arena.copy_from_slice(input);
    for i in 0..10 {
        mean[i] = arena[i..].iter().step_by(10).sum();
        variance[i] = 0.5 + i as f32;
    }
    0
}

/// Mean and variance of the sum of each row of Gaussians. Has no arena.
#[unsafe(no_mangle)]
extern "C" fn pfp_sensor(
    input_mean: *const f32,
    input_variance: *const f32,
    mean: *mut f32,
    variance: *mut f32,
    arena: *mut c_void,
) -> c_int {
    assert!(arena.is_null());
    // SAFETY: the contract of the C ABI.
    unsafe {
        for row in 0..2 {
            *mean.add(row) = from_raw_parts(input_mean.add(3 * row), 3).iter().sum();
            *variance.add(row) = from_raw_parts(input_variance.add(3 * row), 3).iter().sum();
        }
    }
    0
}

/// mean0 = input0 + input1, variance0 = input1_variance, output1 = input0[0].
#[unsafe(no_mangle)]
extern "C" fn pfp_fusion(
    input0: *const f32,
    input1_mean: *const f32,
    input1_variance: *const f32,
    mean0: *mut f32,
    variance0: *mut f32,
    output1: *mut f32,
    _arena: *mut c_void,
) -> c_int {
    // SAFETY: the contract of the C ABI.
    unsafe {
        for i in 0..4 {
            *mean0.add(i) = *input0.add(i) + *input1_mean.add(i);
            *variance0.add(i) = *input1_variance.add(i);
        }
        *output1 = *input0;
    }
    0
}

#[test]
fn constants() {
    assert_eq!(Lenet::BATCH, 1);
    assert_eq!(Lenet::ARENA_BYTES, 25_088);
    assert_eq!(Lenet::WEIGHT_BYTES, 532_824);
    assert_eq!(Lenet::STACK_BYTES, 512);
    assert_eq!(Lenet::INPUT_SHAPE, [1, 1, 28, 28]);
    assert_eq!(Lenet::INPUT_ELEMENTS, 784);
    assert_eq!(Lenet::OUTPUT_SHAPE, [1, 10]);
    assert_eq!(Lenet::OUTPUT_ELEMENTS, 10);
    assert_eq!(<Lenet as Model>::SYMBOL, "pfp_lenet");
    assert_eq!(
        Sensor::INPUTS,
        [
            Buffer { name: "input_mean", shape: &[2, 3] },
            Buffer { name: "input_variance", shape: &[2, 3] },
        ]
    );
    let outputs: Vec<_> = Fusion::OUTPUTS.iter().map(|b| (b.name, b.elements())).collect();
    assert_eq!(outputs, [("mean0", 4), ("variance0", 4), ("output1", 1)]);
}

#[test]
fn deterministic_input_gaussian_output() -> Result<(), Error> {
    let input = core::array::from_fn(|i| i as f32);
    let (mut mean, mut variance) = ([f32::NAN; 10], [f32::NAN; 10]);
    let mut arena = Arena::<{ Lenet::ARENA_BYTES }>::new();
    Lenet::run(&input, &mut mean, &mut variance, &mut arena)?;
    for i in 0..10 {
        assert_eq!(mean[i], input[i..].iter().step_by(10).sum());
        assert_eq!(variance[i], 0.5 + i as f32);
    }
    Ok(())
}

#[test]
fn one_arena_serves_several_models() -> Result<(), Error> {
    const BYTES: usize = if Lenet::ARENA_BYTES > Fusion::ARENA_BYTES {
        Lenet::ARENA_BYTES
    } else {
        Fusion::ARENA_BYTES
    };
    let mut arena = Arena::<BYTES>::new();
    Lenet::run(&[0.0; 784], &mut [0.0; 10], &mut [0.0; 10], &mut arena)?;

    let (mut mean0, mut variance0, mut output1) = ([0.0; 4], [0.0; 4], [0.0; 1]);
    Fusion::run(
        &[1.0, 2.0, 3.0, 4.0],
        &[10.0; 4],
        &[0.1, 0.2, 0.3, 0.4],
        &mut mean0,
        &mut variance0,
        &mut output1,
        &mut arena,
    )?;
    assert_eq!(mean0, [11.0, 12.0, 13.0, 14.0]);
    assert_eq!(variance0, [0.1, 0.2, 0.3, 0.4]);
    assert_eq!(output1, [1.0]);
    Ok(())
}

#[test]
fn gaussian_input_without_an_arena() -> Result<(), Error> {
    let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
    Sensor::run(
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        &[0.5, 0.25, 0.25, 0.0, 0.0, 2.0],
        &mut mean,
        &mut variance,
        &mut Arena::<0>::new(),
    )?;
    assert_eq!((mean, variance), ([6.0, 15.0], [1.0, 2.0]));

    let mut again = ([0.0; 2], [0.0; 2]);
    Sensor::run_slices(
        &[&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.5, 0.25, 0.25, 0.0, 0.0, 2.0]],
        &mut [&mut again.0, &mut again.1],
        &mut [],
    )?;
    assert_eq!(again, (mean, variance));
    Ok(())
}

#[test]
fn two_threads_with_an_arena_each() {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let input = [thread as f32; 784];
                let (mut mean, mut variance) = ([0.0; 10], [0.0; 10]);
                let mut arena = Box::new(Arena::<{ Lenet::ARENA_BYTES }>::new());
                for _ in 0..100 {
                    Lenet::run(&input, &mut mean, &mut variance, &mut arena).unwrap();
                    assert_eq!(mean[9], 78.0 * thread as f32);
                }
            });
        }
    });
}

/// Run on buffers of the given lengths; the outputs hold a sentinel.
fn run_with<M: Model>(
    inputs: &[usize],
    outputs: &[usize],
    arena: &mut [MaybeUninit<u8>],
) -> (Result<(), Error>, Vec<Vec<f32>>) {
    let inputs: Vec<Vec<f32>> = inputs.iter().map(|n| vec![1.0; *n]).collect();
    let mut outputs: Vec<Vec<f32>> = outputs.iter().map(|n| vec![-7.0; *n]).collect();
    let input_slices: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut output_slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let result = M::run_slices(&input_slices, &mut output_slices, arena);
    (result, outputs)
}

#[test]
fn what_does_not_match_is_refused() {
    let mut arena = Arena::<{ Lenet::ARENA_BYTES + 64 }>::new();
    let arena = arena.as_mut_slice();
    for (inputs, outputs, bytes, expected) in [
        (&[][..], &[10, 10][..], 0..25_088, Error::InputCount { expected: 1, actual: 0 }),
        (&[784, 1], &[10, 10], 0..25_088, Error::InputCount { expected: 1, actual: 2 }),
        (&[784], &[10], 0..25_088, Error::OutputCount { expected: 2, actual: 1 }),
        (&[784], &[10, 10, 10], 0..25_088, Error::OutputCount { expected: 2, actual: 3 }),
        (
            &[783],
            &[10, 10],
            0..25_088,
            Error::Length { buffer: "input", expected: 784, actual: 783 },
        ),
        (
            &[784],
            &[10, 11],
            0..25_088,
            Error::Length { buffer: "variance", expected: 10, actual: 11 },
        ),
        (&[784], &[10, 10], 0..25_087, Error::ArenaTooSmall { expected: 25_088, actual: 25_087 }),
        (&[784], &[10, 10], 4..25_092, Error::Misaligned),
    ] {
        let (result, outputs) = run_with::<Lenet>(inputs, outputs, &mut arena[bytes]);
        assert_eq!(result, Err(expected));
        assert!(outputs.iter().flatten().all(|x| *x == -7.0));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(
        Error::Length { buffer: "variance", expected: 10, actual: 11 }.to_string(),
        "`variance` must have 10 elements, not 11"
    );
    let _: &dyn std::error::Error = &Error::Null;
}

proptest! {
    #[test]
    fn only_matching_lengths_run(
        input in 780usize..790, mean in 8usize..12, variance in 8usize..12, short in 0usize..2,
    ) {
        let mut arena = Arena::<{ Lenet::ARENA_BYTES }>::new();
        let bytes = &mut arena.as_mut_slice()[short..];
        let (result, outputs) = run_with::<Lenet>(&[input], &[mean, variance], bytes);
        let matches = (input, mean, variance, short) == (784, 10, 10, 0);
        prop_assert_eq!(result.is_ok(), matches);
        prop_assert_eq!(outputs.iter().flatten().all(|x| *x == -7.0), !matches);
    }

    #[test]
    fn slices_and_arrays_agree(input in prop::collection::vec(-1e3f32..1e3, 784)) {
        let mut arena = Arena::<{ Lenet::ARENA_BYTES }>::new();
        let (mut mean, mut variance) = ([0.0; 10], [0.0; 10]);
        Lenet::run(input.as_slice().try_into().unwrap(), &mut mean, &mut variance, &mut arena).unwrap();
        let mut slices = ([0.0; 10], [0.0; 10]);
        Lenet::run_slices(&[&input], &mut [&mut slices.0, &mut slices.1], arena.as_mut_slice()).unwrap();
        prop_assert_eq!(slices, (mean, variance));
    }
}
