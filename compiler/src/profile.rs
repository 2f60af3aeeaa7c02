//! Where the time of a call goes: what profiled kernels call at their end.

use std::{cell::RefCell, time::Instant};

/// Times of the kernels of a call in this thread.
#[derive(Debug)]
struct Clock {
    last: Instant,
    /// Microseconds by kernel.
    spent: Vec<f64>,
}

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// The function `pfp.profile_mark` of compiled code: the kernel of this number has ended.
pub extern "C" fn mark(kernel: u32) {
    CLOCK.with_borrow_mut(|clock| {
        let Some(clock) = clock else { return };
        let now = Instant::now();
        if let Some(spent) = clock.spent.get_mut(kernel as usize) {
            *spent += (now - clock.last).as_secs_f64() * 1e6;
        }
        // What the mark itself takes belongs to no kernel.
        clock.last = Instant::now();
    });
}

/// The microseconds that each of so many kernels takes during `call`.
///
/// # Errors
///
/// That of `call`.
pub fn of<E>(kernels: usize, call: impl FnOnce() -> Result<(), E>) -> Result<Vec<f64>, E> {
    let clock = Clock { last: Instant::now(), spent: vec![0.0; kernels] };
    CLOCK.set(Some(clock));
    let result = call();
    let spent = CLOCK.take().map(|clock| clock.spent).unwrap_or_default();
    result.map(|()| spent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_to_the_kernel_that_ends() {
        let spent = of(2, || -> Result<(), ()> {
            std::thread::sleep(std::time::Duration::from_millis(2));
            mark(1);
            mark(0);
            // A kernel that is not listed is not counted.
            mark(7);
            Ok(())
        })
        .unwrap();
        assert!(spent[1] >= 2000.0 && spent[0] < spent[1], "{spent:?}");
        mark(0);
    }
}
