// Emitted by pfp 0.1.0 from @fusion for aarch64-linux-gnu, cortex-a72. Do not edit.

pfp_runtime::model! {
    /// `@fusion`, compiled for aarch64-linux-gnu, cortex-a72.
    pub struct Fusion {
        const BATCH = 1;
        const ARENA_BYTES = 192;
        const ARENA_ALIGN = 64;
        const WEIGHT_BYTES = 96;
        const STACK_BYTES = 16;
        const INPUT0_SHAPE, INPUT0_ELEMENTS = [1, 4];
        const INPUT1_SHAPE, INPUT1_ELEMENTS = [1, 2, 2];
        const OUTPUT0_SHAPE, OUTPUT0_ELEMENTS = [1, 4];
        const OUTPUT1_SHAPE, OUTPUT1_ELEMENTS = [1];
    }

    // SAFETY: the object file that was written together with this file defines the function so.
    unsafe extern "C" fn pfp_fusion(
        input0: INPUT0_SHAPE,
        input1_mean: INPUT1_SHAPE,
        input1_variance: INPUT1_SHAPE,
    ) -> (mean0: OUTPUT0_SHAPE, variance0: OUTPUT0_SHAPE, output1: OUTPUT1_SHAPE);
}
