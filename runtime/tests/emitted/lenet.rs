// Emitted by pfp 0.1.0 from @lenet for aarch64-linux-gnu, cortex-a72. Do not edit.

pfp_runtime::model! {
    /// `@lenet`, compiled for aarch64-linux-gnu, cortex-a72.
    pub struct Lenet {
        const BATCH = 1;
        const ARENA_BYTES = 25_088;
        const ARENA_ALIGN = 64;
        const WEIGHT_BYTES = 532_824;
        const STACK_BYTES = 512;
        const INPUT_SHAPE, INPUT_ELEMENTS = [1, 1, 28, 28];
        const OUTPUT_SHAPE, OUTPUT_ELEMENTS = [1, 10];
    }

    // SAFETY: the object file that was written together with this file defines the function so.
    unsafe extern "C" fn pfp_lenet(
        input: INPUT_SHAPE,
    ) -> (mean: OUTPUT_SHAPE, variance: OUTPUT_SHAPE);
}
