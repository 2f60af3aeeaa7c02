use core::mem::MaybeUninit;

/// Alignment of every [`Arena`] in bytes: the largest that a compiled model asks for.
pub const ARENA_ALIGN: usize = align_of::<Arena<0>>();

/// Scratch memory of a model, owned by the caller.
///
/// A model overwrites it from scratch in each call, so it is never initialised, and one arena
/// serves several models in turn if `BYTES` is the largest of their `ARENA_BYTES`.
///
/// Put it where the memory is: in a local variable, in a struct, on the heap, or, for arenas that
/// are too large for the stack of a microcontroller, in a [`StaticArena`].
#[repr(C, align(64))]
pub struct Arena<const BYTES: usize>([MaybeUninit<u8>; BYTES]);

impl<const BYTES: usize> Arena<BYTES> {
    /// An uninitialised arena. Costs no instruction.
    #[must_use]
    pub const fn new() -> Self {
        Self([MaybeUninit::uninit(); BYTES])
    }

    /// The `BYTES` bytes of the arena, aligned to [`ARENA_ALIGN`].
    pub const fn as_mut_slice(&mut self) -> &mut [MaybeUninit<u8>] {
        &mut self.0
    }
}

impl<const BYTES: usize> Default for Arena<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(target_has_atomic = "8")]
pub use statics::StaticArena;

#[cfg(target_has_atomic = "8")]
mod statics {
    use super::Arena;
    use core::cell::UnsafeCell;
    use core::sync::atomic::{AtomicBool, Ordering};

    /// An [`Arena`] for a `static`, handed out once.
    ///
    /// It lies in `.bss`: no byte of the image, no instruction at start-up beyond the usual
    /// clearing.
    ///
    /// ```
    /// use pfp_runtime::StaticArena;
    ///
    /// static ARENA: StaticArena<25_088> = StaticArena::new();
    ///
    /// let arena = ARENA.take().expect("taken only here");
    /// assert_eq!(arena.as_mut_slice().len(), 25_088);
    /// assert!(ARENA.take().is_none());
    /// ```
    pub struct StaticArena<const BYTES: usize> {
        taken: AtomicBool,
        arena: UnsafeCell<Arena<BYTES>>,
    }

    // SAFETY: `take` gives the arena to one caller only, and nothing else reaches it.
    unsafe impl<const BYTES: usize> Sync for StaticArena<BYTES> {}

    impl<const BYTES: usize> StaticArena<BYTES> {
        /// An arena that nobody has taken.
        #[must_use]
        pub const fn new() -> Self {
            Self { taken: AtomicBool::new(false), arena: UnsafeCell::new(Arena::new()) }
        }

        /// The arena, at the first call; `None` at every later one.
        #[expect(clippy::mut_from_ref, reason = "given out once")]
        pub fn take(&'static self) -> Option<&'static mut Arena<BYTES>> {
            // Relaxed suffices: uninitialised memory has no earlier writes to observe.
            if self.taken.swap(true, Ordering::Relaxed) {
                return None;
            }
            // SAFETY: the swap was false for this caller alone, so the reference is unique.
            Some(unsafe { &mut *self.arena.get() })
        }
    }

    impl<const BYTES: usize> Default for StaticArena<BYTES> {
        fn default() -> Self {
            Self::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_and_of_the_requested_size() {
        fn check<const BYTES: usize>() {
            let mut arena = Arena::<BYTES>::new();
            let bytes = arena.as_mut_slice();
            assert_eq!(bytes.len(), BYTES);
            assert!(bytes.as_ptr().addr().is_multiple_of(ARENA_ALIGN));
        }
        assert_eq!(ARENA_ALIGN, 64);
        check::<0>();
        check::<1>();
        check::<64>();
        check::<25_088>();
        assert_eq!(size_of::<Arena<65>>(), 128);
    }

    #[cfg(target_has_atomic = "8")]
    #[test]
    fn one_thread_of_many_takes_a_static_arena() {
        static ARENA: StaticArena<256> = StaticArena::new();
        let taken = std::thread::scope(|scope| {
            let threads: std::vec::Vec<_> =
                (0..8).map(|_| scope.spawn(|| ARENA.take().is_some())).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .filter(|taken| *taken)
                .count()
        });
        assert_eq!(taken, 1);
    }
}
