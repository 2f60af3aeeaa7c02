use core::ffi::c_void;
use core::marker::PhantomData;

/// A task of a model: the `index`-th part of some work on `data`.
pub type Task = unsafe extern "C" fn(data: *mut c_void, index: usize);

/// Runs the tasks of a model that was compiled with `--threads`: the `struct pfp_executor` of the
/// C header.
///
/// `Threads`, with the feature `std`, makes one. An application with workers of its own makes one
/// with [`Executor::new`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Executor<'a> {
    context: *mut c_void,
    run: unsafe extern "C" fn(*mut c_void, Task, *mut c_void, usize),
    of: PhantomData<&'a ()>,
}

impl Executor<'_> {
    /// An executor of the application: `run(context, task, data, count)`.
    ///
    /// # Safety
    ///
    /// For as long as the executor lives, `run` may be called with `context`, from any thread that
    /// the executor is used in. It calls `task(data, i)` once for every `i < count`, in any order
    /// and from any threads, and returns when all of these calls have returned and their writes
    /// are visible to its caller. It does not unwind.
    #[must_use]
    pub const unsafe fn new(
        context: *mut c_void,
        run: unsafe extern "C" fn(*mut c_void, Task, *mut c_void, usize),
    ) -> Self {
        Self { context, run, of: PhantomData }
    }

    /// Runs the tasks one after the other in the calling thread.
    #[must_use]
    pub const fn serial() -> Self {
        Self { context: core::ptr::null_mut(), run: in_order, of: PhantomData }
    }
}

unsafe extern "C" fn in_order(_: *mut c_void, task: Task, data: *mut c_void, count: usize) {
    for index in 0..count {
        // SAFETY: the caller gives a task with its data and the number of its parts.
        unsafe { task(data, index) };
    }
}

/// Defines `TASKS` and `run_parallel` of a model that was compiled with `--threads`. The Rust file
/// that `pfp --emit=rust` writes then has one invocation of this macro, after that of
/// [`model!`](crate::model!).
///
/// ```text
/// impl Lenet {
///     pub const TASKS: usize = 2;             // the most that run at the same time
///
///     pub fn run_parallel<const BYTES: usize>(
///         input: &[f32; 784],
///         mean: &mut [f32; 10],
///         variance: &mut [f32; 10],
///         arena: &mut Arena<BYTES>,           // BYTES >= ARENA_BYTES, checked at compile time
///         executor: &Executor,
///     ) -> Result<(), Error>;
/// }
/// ```
///
/// # Safety
///
/// As for [`model!`](crate::model!).
#[macro_export]
macro_rules! parallel {
    (
        impl $Model:ident {
            const TASKS = $tasks:expr;
        }

        unsafe extern "C" fn $symbol:ident(
            $($input:ident: $INPUT:ident),* $(,)?
        ) -> (
            $($output:ident: $OUTPUT:ident),* $(,)?
        );
    ) => {
        #[allow(dead_code)]
        impl $Model {
            /// The most tasks that run at the same time.
            pub const TASKS: usize = $tasks;

            /// Run the model once, its tasks by an executor.
            ///
            /// The results are those of `run`, bit for bit.
            ///
            /// # Errors
            ///
            /// Only if the compiled function refuses its arguments, which these types exclude.
            #[allow(clippy::too_many_arguments)]
            pub fn run_parallel<const BYTES: usize>(
                $($input: &[f32; $crate::elements(&$Model::$INPUT)],)*
                $($output: &mut [f32; $crate::elements(&$Model::$OUTPUT)],)*
                arena: &mut $crate::Arena<BYTES>,
                executor: &$crate::Executor<'_>,
            ) -> ::core::result::Result<(), $crate::Error> {
                unsafe extern "C" {
                    fn $symbol(
                        $($input: *const f32,)*
                        $($output: *mut f32,)*
                        arena: *mut ::core::ffi::c_void,
                        executor: *const $crate::Executor<'_>,
                    ) -> ::core::ffi::c_int;
                }
                const {
                    assert!(
                        BYTES >= $Model::ARENA_BYTES,
                        "the arena is smaller than the model's ARENA_BYTES"
                    )
                };
                let arena =
                    $crate::__private::arena_pointer(arena.as_mut_slice(), Self::ARENA_BYTES)?;
                // SAFETY: the arrays have the lengths of the model's shapes, the exclusive
                // references rule out overlap, the arena has the model's size and alignment, and
                // an executor keeps its promise. That the symbol is such a function was asserted
                // where the macro was invoked.
                $crate::__private::status(unsafe {
                    $symbol($($input.as_ptr(),)* $($output.as_mut_ptr(),)* arena, executor)
                })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serial_executor_runs_every_task_in_order() {
        unsafe extern "C" fn append(data: *mut c_void, index: usize) {
            // SAFETY: the test passes a vector.
            unsafe { (*data.cast::<std::vec::Vec<usize>>()).push(index) };
        }
        let mut seen = std::vec::Vec::<usize>::new();
        let executor = Executor::serial();
        // SAFETY: the task takes a vector.
        unsafe { (executor.run)(executor.context, append, (&raw mut seen).cast(), 4) };
        assert_eq!(seen, [0, 1, 2, 3]);
    }
}
