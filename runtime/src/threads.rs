use core::ffi::c_void;
use core::hint;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec::Vec;
use std::{io, mem};

use crate::executor::{Executor, Task};

/// Threads that run the tasks of models, the calling thread among them.
///
/// A worker waits for the next tasks without sleeping for a while, since the parts of a network
/// follow each other within microseconds; after that it sleeps until there are tasks again.
///
/// ```
/// # #[cfg(feature = "std")] {
/// let threads = pfp_runtime::Threads::new(2)?;
/// let executor = threads.executor();
/// // Lenet::run_parallel(&image, &mut mean, &mut variance, &mut arena, &executor)?;
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// How long a worker waits before it sleeps.
const PATIENCE: Duration = Duration::from_micros(100);

/// What the caller and the workers share. A job is the tasks of one call of the executor.
#[derive(Debug, Default)]
struct Shared {
    /// Held by the caller whose job it is.
    caller: Mutex<()>,
    /// Counts the jobs.
    number: AtomicUsize,
    /// May a worker take part in the job? Its description is written before this becomes true.
    is_open: AtomicBool,
    /// Workers that may be looking at the job.
    active: AtomicUsize,
    task: AtomicPtr<()>,
    data: AtomicPtr<c_void>,
    count: AtomicUsize,
    /// The first task that nobody has taken.
    next: AtomicUsize,
    /// Workers that sleep or are about to.
    sleeping: AtomicUsize,
    is_ending: AtomicBool,
}

impl Threads {
    /// `threads` threads in all: the caller's and `threads - 1` workers. 0 counts as 1.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut all = Self { shared, workers: Vec::new() };
        for _ in 1..threads {
            let shared = Arc::clone(&all.shared);
            let worker = thread::Builder::new().name("pfp".into()).spawn(move || shared.work())?;
            all.workers.push(worker);
        }
        Ok(all)
    }

    /// The number of threads, the caller's among them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.workers.len() + 1
    }

    /// What runs the tasks of a model on these threads.
    ///
    /// Several callers may use it at the same time: the workers help one of them, the others run
    /// their tasks themselves.
    #[must_use]
    pub fn executor(&self) -> Executor<'_> {
        let context: *const Self = self;
        // SAFETY: the lifetime keeps the threads alive, which may be used from any thread; `run`
        // does what an executor has to.
        unsafe { Executor::new(context.cast_mut().cast(), run) }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, SeqCst);
        self.shared.number.fetch_add(1, SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker does not panic: tasks cannot unwind.
            let _ = worker.join();
        }
    }
}

unsafe extern "C" fn run(context: *mut c_void, task: Task, data: *mut c_void, count: usize) {
    // SAFETY: the executor was made with its threads as context, and they live.
    let threads = unsafe { &*context.cast::<Threads>() };
    let shared = &threads.shared;
    let in_order = || {
        for index in 0..count {
            // SAFETY: the model gives a task with its data and the number of its parts.
            unsafe { task(data, index) };
        }
    };
    if count < 2 || threads.workers.is_empty() {
        return in_order();
    }
    let Ok(_caller) = shared.caller.try_lock() else {
        return in_order();
    };
    shared.task.store(task as *mut (), Relaxed);
    shared.data.store(data, Relaxed);
    shared.count.store(count, Relaxed);
    shared.next.store(0, Relaxed);
    shared.is_open.store(true, Release);
    shared.number.fetch_add(1, SeqCst);
    // After the number has changed: a worker counts itself as sleeping before it looks at it.
    if shared.sleeping.load(SeqCst) > 0 {
        threads.workers.iter().for_each(|worker| worker.thread().unpark());
    }
    shared.take_part();
    shared.is_open.store(false, SeqCst);
    // A worker counts itself as active before it looks whether the job is open, so one that is
    // not counted here will find it closed.
    while shared.active.load(SeqCst) > 0 {
        thread::yield_now();
    }
    fence(Acquire);
}

impl Shared {
    /// Takes tasks of the open job until there are none.
    fn take_part(&self) {
        let task = self.task.load(Relaxed);
        let (data, count) = (self.data.load(Relaxed), self.count.load(Relaxed));
        // SAFETY: written by `run` from a function of this type, before the job was opened.
        let task = unsafe { mem::transmute::<*mut (), Task>(task) };
        loop {
            let index = self.next.fetch_add(1, Relaxed);
            if index >= count {
                return;
            }
            // SAFETY: the model's task with its data; each index is taken once.
            unsafe { task(data, index) };
        }
    }

    /// What a worker does until the end.
    fn work(&self) {
        let mut seen = 0;
        loop {
            seen = self.wait_for_job(seen);
            if self.is_ending.load(SeqCst) {
                return;
            }
            self.active.fetch_add(1, SeqCst);
            if self.is_open.load(SeqCst) {
                self.take_part();
            }
            // What the tasks wrote is visible to whoever sees that the worker has left.
            self.active.fetch_sub(1, Release);
        }
    }

    /// Waits until the number of jobs is no longer `seen`; returns it.
    fn wait_for_job(&self, seen: usize) -> usize {
        let start = Instant::now();
        loop {
            for _ in 0..64 {
                let number = self.number.load(SeqCst);
                if number != seen {
                    return number;
                }
                hint::spin_loop();
            }
            if start.elapsed() < PATIENCE {
                thread::yield_now();
                continue;
            }
            self.sleeping.fetch_add(1, SeqCst);
            while self.number.load(SeqCst) == seen {
                thread::park();
            }
            self.sleeping.fetch_sub(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Work {
        runs: Vec<AtomicUsize>,
    }

    unsafe extern "C" fn count_run(data: *mut c_void, index: usize) {
        // SAFETY: the tests pass a `Work`.
        let work = unsafe { &*data.cast::<Work>() };
        work.runs[index].fetch_add(1, Relaxed);
    }

    fn run_once(threads: &Threads, tasks: usize) {
        let work = Work { runs: (0..tasks).map(|_| AtomicUsize::new(0)).collect() };
        let data: *const Work = &work;
        let context: *const Threads = threads;
        // SAFETY: the context is the threads, the task takes a `Work`.
        unsafe { run(context.cast_mut().cast(), count_run, data.cast_mut().cast(), tasks) };
        assert!(work.runs.iter().all(|runs| runs.load(Relaxed) == 1));
    }

    #[test]
    fn every_task_runs_once_however_many_threads_there_are() {
        for count in [0, 1, 2, 3, 5] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(threads.count(), count.max(1));
            for tasks in [0, 1, 2, 3, 17] {
                for _ in 0..200 {
                    run_once(&threads, tasks);
                }
            }
        }
    }

    #[test]
    fn workers_that_sleep_wake_up() {
        let threads = Threads::new(3).unwrap();
        for _ in 0..5 {
            thread::sleep(4 * PATIENCE);
            run_once(&threads, 6);
        }
    }

    #[test]
    fn two_callers_may_share_the_threads() {
        let threads = Threads::new(2).unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..500).for_each(|_| run_once(&threads, 4)));
            }
        });
    }
}
