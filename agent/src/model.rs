//! A loaded network, called and timed.

use std::{
    ffi::{c_int, c_void},
    num::NonZero,
    ptr::NonNull,
    slice,
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap},
    unistd::Pid,
};
use pfp_runtime::Threads;

use crate::{
    conditions::{Conditions, Snapshot},
    crash, description,
    energy::{Energy, Meter},
    link::Image,
    measure::{self, mark},
    protocol::{Measured, Model, Settings, floats_of_bytes, floats_to_bytes},
    sysfs::Root,
};

type Packed = unsafe extern "C" fn(*const *mut c_void) -> c_int;

/// A network in this process, with memory for its calls.
pub struct Loaded {
    model: Model,
    call: Packed,
    inputs: Vec<Memory>,
    outputs: Vec<Memory>,
    arena: Memory,
    threads: Threads,
    cpus: Vec<usize>,
    root: Root,
    // Owns the code.
    _image: Image,
}

/// Memory that begins at a page and is zero at first.
struct Memory {
    start: NonNull<u8>,
    bytes: NonZero<usize>,
}

impl Memory {
    fn new(bytes: u64) -> Result<Self, String> {
        let refuse = |why: String| format!("no memory for {bytes} bytes: {why}");
        let length = usize::try_from(bytes.max(1)).map_err(|error| refuse(error.to_string()))?;
        let length = NonZero::new(length).unwrap_or(NonZero::<usize>::MIN);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: new memory, where the kernel likes.
        let start = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_PRIVATE) };
        let start = start.map_err(|error| refuse(error.to_string()))?.cast();
        Ok(Self { start, bytes: length })
    }

    fn of_floats(elements: u64) -> Result<Self, String> {
        let bytes = elements.checked_mul(4).ok_or("a buffer larger than the memory")?;
        Self::new(bytes)
    }

    fn floats(&self) -> &[f32] {
        // SAFETY: as many bytes, aligned to a page, any of which make numbers.
        unsafe { slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes.get() / 4) }
    }

    fn floats_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.bytes.get() / 4) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped with this size.
        let _ = unsafe { munmap(self.start.cast(), self.bytes.get()) };
    }
}

impl Loaded {
    /// Loads a network; `payload` has its objects. The process is kept on the CPUs of the network.
    ///
    /// # Errors
    ///
    /// Where the network does not fit the board, or its objects cannot be linked; says why.
    pub fn new(model: Model, payload: &[u8], root: &Root) -> Result<Self, String> {
        check(&model)?;
        let mut rest = payload;
        let mut objects = Vec::new();
        for &bytes in &model.objects {
            let bytes = usize::try_from(bytes).map_err(|error| error.to_string())?;
            let (object, others) =
                rest.split_at_checked(bytes).ok_or("an object is shorter than it should be")?;
            objects.push(object);
            rest = others;
        }
        let functions: [(&str, u64); 4] = [
            ("memcpy", libc::memcpy as *const () as u64),
            ("memmove", libc::memmove as *const () as u64),
            ("memset", libc::memset as *const () as u64),
            ("pfp.profile_mark", mark as *const () as u64),
        ];
        let image = Image::link(&objects, &model.machine, &functions)?;
        let address = image
            .symbol(&model.symbol)
            .filter(|address| image.text().contains(address))
            .ok_or_else(|| format!("the objects have no function '{}'", model.symbol))?;
        // SAFETY: the compiler makes the function with this type.
        let call = unsafe { std::mem::transmute::<usize, Packed>(address) };
        crash::set_text(image.text());
        let cpus = pin(&model)?;
        let threads = match model.has_tasks {
            true => model.threads.max(1) as usize,
            false => 1,
        };
        let threads = Threads::new(threads)
            .map_err(|error| format!("a thread cannot be started: {error}"))?;
        let memory = |buffers: &[u64]| {
            buffers
                .iter()
                .map(|&elements| Memory::of_floats(elements))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            call,
            inputs: memory(&model.inputs)?,
            outputs: memory(&model.outputs)?,
            arena: Memory::new(model.arena)?,
            threads,
            cpus,
            root: root.clone(),
            model,
            _image: image,
        })
    }

    /// The outputs of so many calls; `inputs` has their input buffers.
    ///
    /// # Errors
    ///
    /// Where the inputs are not those of so many calls, or a call fails.
    pub fn run(&mut self, calls: u32, inputs: &[u8]) -> Result<Vec<u8>, String> {
        let each = self.input_bytes();
        if inputs.len() != each * calls as usize {
            return Err(format!(
                "{calls} call(s) read {} bytes, not {}",
                each * calls as usize,
                inputs.len()
            ));
        }
        let mut outputs = Vec::new();
        // A function without inputs has no bytes to go through.
        for number in 0..calls as usize {
            self.set_inputs(&inputs[each * number..each * (number + 1)]);
            self.caller()()?;
            for (output, &elements) in self.outputs.iter().zip(&self.model.outputs) {
                outputs.extend(floats_to_bytes(&output.floats()[..elements as usize]));
            }
        }
        Ok(outputs)
    }

    /// Times calls on one input. The energy is that of the sensors that count it, the conditions are those
    /// of both ends.
    ///
    /// # Errors
    ///
    /// As [`Loaded::run`].
    pub fn measure(
        &mut self,
        settings: &Settings,
        inputs: &[u8],
    ) -> Result<(Measured, Vec<u64>), String> {
        let each = self.input_bytes();
        if inputs.len() != each {
            return Err(format!("a call reads {each} bytes, not {}", inputs.len()));
        }
        self.set_inputs(inputs);
        let (root, cpus) = (self.root.clone(), self.cpus.clone());
        let meter = Meter::open(&root);
        let (kernels, threads) = (self.model.kernels as usize, self.model.threads);
        let mut call = self.caller();
        let calls = measure::warm_up(settings, &mut call)?;
        let mut conditions = Conditions::begin(&root, &cpus);
        let begin = meter.count();
        let samples = measure::sample(settings, calls, &mut call)?;
        let counted = meter.counted(&begin, &meter.count());
        conditions.end(Snapshot::take(&root, &cpus));
        let profile = match settings.profile && kernels > 0 {
            true => Some(measure::profile(settings, (kernels, threads), &root, &mut call)?),
            false => None,
        };
        drop(call);
        let measured = Measured {
            calls: samples.calls,
            window: samples.window,
            cpus,
            energy: Energy { readings: counted, missing: None },
            conditions,
            profile,
        };
        Ok((measured, samples.nanoseconds))
    }

    /// A call on the inputs that are there.
    fn caller(&mut self) -> impl FnMut() -> Result<(), String> + '_ {
        let executor = Box::new(self.threads.executor());
        let inputs = self.inputs.iter().map(|memory| memory.start.as_ptr().cast());
        let outputs = self.outputs.iter().map(|memory| memory.start.as_ptr().cast());
        let place: *const pfp_runtime::Executor = &raw const *executor;
        let executor_place = self.model.has_tasks.then_some(place.cast_mut().cast());
        let arena = [self.arena.start.as_ptr().cast()];
        let pointers: Vec<*mut c_void> =
            inputs.chain(outputs).chain(arena).chain(executor_place).collect();
        let (call, kernels) = (self.call, self.model.kernels);
        move || {
            // The pointers refer to it.
            let _ = &executor;
            if kernels > 0 {
                crash::enter_kernel(0);
            }
            // SAFETY: a pointer for every parameter, each to as many elements as the client says that
            // the function reads or writes; should it lie, this process alone comes to harm.
            match unsafe { call(pointers.as_ptr()) } {
                0 => Ok(()),
                status => Err(format!("the compiled function returned {status}")),
            }
        }
    }

    fn input_bytes(&self) -> usize {
        self.model.inputs.iter().map(|&elements| 4 * elements as usize).sum()
    }

    /// Puts numbers into the input buffers, one buffer after the other.
    fn set_inputs(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        for (memory, &elements) in self.inputs.iter_mut().zip(&self.model.inputs) {
            let (input, others) = rest.split_at(4 * elements as usize);
            memory.floats_mut()[..elements as usize].copy_from_slice(&floats_of_bytes(input));
            rest = others;
        }
    }
}

/// Refuses code of another machine, or for what the processor lacks.
fn check(model: &Model) -> Result<(), String> {
    let here = std::env::consts::ARCH;
    if model.machine != here {
        return Err(format!("the object is code for {}, the board is {here}", model.machine));
    }
    let features = description::features();
    let lacks = model.features.iter().filter(|feature| !features.contains(feature));
    let lacks: Vec<_> = lacks.map(String::as_str).collect();
    match lacks.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "the object is code for a CPU with {}, which this CPU lacks",
            lacks.join(", ")
        )),
    }
}

/// Keeps this process on the CPUs of a network: those that it names, else the last ones.
fn pin(model: &Model) -> Result<Vec<usize>, String> {
    let allowed = description::allowed_cpus();
    let threads = if model.has_tasks { model.threads.max(1) as usize } else { 1 };
    let cpus: Vec<_> = match model.cpus.is_empty() {
        true => allowed.iter().rev().copied().take(threads).collect(),
        false => model.cpus.iter().copied().take(threads).collect(),
    };
    if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(format!("the agent may not use the CPU {cpu}, but {allowed:?}"));
    }
    if cpus.len() < threads {
        return Err(format!(
            "{threads} threads need as many CPUs; there are {}: {cpus:?}",
            cpus.len()
        ));
    }
    let refuse = |error| format!("the CPUs {cpus:?} cannot be used: {error}");
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu)).map_err(refuse)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refuse)?;
    Ok(cpus)
}
