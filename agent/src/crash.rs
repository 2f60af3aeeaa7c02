//! What a process tells of its own end.
//!
//! The signals of a crash are noted in memory that the process shares with the agent, before they end
//! the process.

use std::{
    mem::size_of,
    num::NonZero,
    ops::Range,
    ptr::{self, NonNull},
    sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed},
};

use libc::{c_int, c_void, siginfo_t};
use nix::sys::{
    mman::{MapFlags, ProtFlags, mmap_anonymous, munmap},
    signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    wait::WaitStatus,
};

use crate::protocol::Crash;

/// What the handler of the signals writes.
#[repr(C)]
#[derive(Debug)]
struct Note {
    signal: AtomicI32,
    /// From the start of the text, [`NOWHERE`] where it is not in it.
    offset: AtomicUsize,
    /// Kernels that have ended in this call; 0 where none is marked.
    kernels: AtomicU32,
}

const NOWHERE: usize = usize::MAX;

/// The signals of a crash.
const SIGNALS: [Signal; 5] =
    [Signal::SIGSEGV, Signal::SIGILL, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGTRAP];

static NOTE: AtomicPtr<Note> = AtomicPtr::new(ptr::null_mut());
static TEXT_START: AtomicUsize = AtomicUsize::new(0);
static TEXT_END: AtomicUsize = AtomicUsize::new(0);

/// Memory that outlives the process which writes it.
#[derive(Debug)]
pub struct Shared(NonNull<Note>);

impl Shared {
    /// An empty note.
    ///
    /// # Errors
    ///
    /// Where there is no memory.
    pub fn new() -> Result<Self, String> {
        let length = NonZero::new(size_of::<Note>()).ok_or("an empty note")?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, where the kernel likes.
        let memory = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_SHARED) };
        let note = memory.map_err(|error| format!("no shared memory: {error}"))?.cast::<Note>();
        // SAFETY: of this size, aligned to a page, and zero, which is a valid note.
        unsafe { note.as_ref() }.offset.store(NOWHERE, Relaxed);
        Ok(Self(note))
    }

    /// From now on, crashes of this process are noted here.
    ///
    /// # Errors
    ///
    /// Where the system refuses a handler.
    pub fn watch(&self) -> Result<(), String> {
        NOTE.store(self.0.as_ptr(), Relaxed);
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK;
        let action = SigAction::new(SigHandler::SigAction(note), flags, SigSet::empty());
        for signal in SIGNALS {
            // SAFETY: the handler only stores numbers and calls what signals may interrupt.
            unsafe { sigaction(signal, &action) }
                .map_err(|error| format!("no handler of {signal}: {error}"))?;
        }
        Ok(())
    }

    /// How a process ended that was watched.
    pub fn crash(&self, status: WaitStatus) -> Crash {
        // SAFETY: as in `new`.
        let note = unsafe { self.0.as_ref() };
        let ended_by = match status {
            WaitStatus::Signaled(_, signal, _) => signal.as_str().to_owned(),
            WaitStatus::Exited(_, code) => format!("exit status {code}"),
            other => format!("{other:?}"),
        };
        let is_noted = note.signal.load(Relaxed) != 0;
        let offset =
            Some(note.offset.load(Relaxed)).filter(|&offset| offset != NOWHERE && is_noted);
        let kernel = Some(note.kernels.load(Relaxed)).filter(|&kernels| kernels > 0 && is_noted);
        Crash {
            ended_by,
            offset: offset.map(|offset| offset as u64),
            kernel: kernel.map(|running| running - 1),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: mapped with this size; a process that notes there has its own mapping.
        let _ = unsafe { munmap(self.0.cast(), size_of::<Note>()) };
    }
}

/// Where the code of objects is.
pub fn set_text(text: Range<usize>) {
    TEXT_START.store(text.start, Relaxed);
    TEXT_END.store(text.end, Relaxed);
}

/// The kernel of this number begins, in code whose kernels are marked.
pub fn enter_kernel(number: u32) {
    let note = NOTE.load(Relaxed);
    // SAFETY: null, or the note that this process watches, which it never drops.
    if let Some(note) = unsafe { note.as_ref() } {
        note.kernels.store(number + 1, Relaxed);
    }
}

/// Notes where the process is, and lets the signal end it.
extern "C" fn note(signal: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let note = NOTE.load(Relaxed);
    // SAFETY: as in `enter_kernel`.
    if let Some(note) = unsafe { note.as_ref() } {
        // SAFETY: the kernel gives the context of the thread.
        let counter = unsafe { program_counter(context) };
        let (start, end) = (TEXT_START.load(Relaxed), TEXT_END.load(Relaxed));
        if (start..end).contains(&counter) {
            note.offset.store(counter - start, Relaxed);
        }
        note.signal.store(signal, Relaxed);
    }
    // SAFETY: the default action; the instruction is tried again, and the signal then ends the process.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

#[cfg(target_arch = "x86_64")]
unsafe fn program_counter(context: *mut c_void) -> usize {
    // SAFETY: the caller gives the context of a signal.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

#[cfg(target_arch = "aarch64")]
unsafe fn program_counter(context: *mut c_void) -> usize {
    // SAFETY: the caller gives the context of a signal.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    context.uc_mcontext.pc as usize
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn program_counter(_: *mut c_void) -> usize {
    0
}
