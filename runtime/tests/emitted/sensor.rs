// Emitted by pfp 0.1.0 from @sensor for aarch64-linux-gnu, cortex-a72. Do not edit.

pfp_runtime::model! {
    /// `@sensor`, compiled for aarch64-linux-gnu, cortex-a72.
    pub struct Sensor {
        const BATCH = 2;
        const ARENA_BYTES = 0;
        const ARENA_ALIGN = 64;
        const WEIGHT_BYTES = 48;
        const STACK_BYTES = 0;
        const INPUT_SHAPE, INPUT_ELEMENTS = [2, 3];
        const OUTPUT_SHAPE, OUTPUT_ELEMENTS = [2, 1];
    }

    // SAFETY: the object file that was written together with this file defines the function so.
    unsafe extern "C" fn pfp_sensor(
        input_mean: INPUT_SHAPE,
        input_variance: INPUT_SHAPE,
    ) -> (mean: OUTPUT_SHAPE, variance: OUTPUT_SHAPE);
}
