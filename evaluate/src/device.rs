//! Where compiled functions run: in this process, or on another machine.

use std::time::Duration;

use gauss_lowering::target::Target;
use pfp_agent::protocol::Measured;
use pfp_compiler::{
    compile::Compiled,
    error::Error,
    jit::{Arena, CompiledModel},
    profile,
    signature::Signature,
    target::{self, HOST},
};
use pfp_runtime::Threads;

use crate::measure::{self, Times};

/// The machine that functions are compiled for, and run on.
pub trait Device {
    /// What functions are compiled for.
    fn target(&self) -> &Target;

    /// What its system calls its processor.
    fn cpu_name(&self) -> String;

    /// Loads a function that was compiled for it.
    ///
    /// # Errors
    ///
    /// Where the function cannot be loaded.
    fn load(&self, compiled: &Compiled) -> Result<Box<dyn Executable>, Error>;
}

/// A function that is loaded on a device.
pub trait Executable: Sync {
    /// What the function takes and gives.
    fn signature(&self) -> &Signature;

    /// Memory for calls, and calls with it.
    fn caller(&self) -> Box<dyn Caller + '_>;
}

/// The buffers of a call, one after the other.
pub type Buffers = Vec<Vec<f32>>;

/// Calls a function.
pub trait Caller {
    /// Calls the function once for each of these inputs; returns the outputs of each call.
    ///
    /// # Errors
    ///
    /// Where inputs do not fit, or a call fails.
    fn call(&mut self, inputs: &[Buffers]) -> Result<Vec<Buffers>, Error>;

    /// Times calls on one input.
    ///
    /// # Errors
    ///
    /// As [`Caller::call`].
    fn time(&mut self, inputs: &Buffers, timing: &Timing) -> Result<Timed, Error>;
}

/// Fewer calls say nothing of how times vary.
pub const LEAST_CALLS: u32 = 3;

/// How calls are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// For about so long,
    pub duration: Duration,
    /// and at least so many calls.
    pub calls: u32,
    /// So many kernels too, in code that was compiled to tell; 0 for none.
    pub kernels: usize,
}

/// Times of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// Microseconds of each call.
    pub calls: Vec<f64>,
    /// Microseconds of each kernel, the median of the calls.
    pub kernels: Vec<f64>,
    /// What else the device told.
    pub told: Option<Measured>,
}

/// This machine.
#[derive(Debug)]
pub struct Host {
    target: Target,
    /// The CPUs that calls are timed on; none leaves that to the system.
    cpus: Vec<usize>,
}

impl Host {
    /// This machine, its calls timed on these CPUs, or on any where there are none.
    ///
    /// # Errors
    ///
    /// Where there is no code generator for it.
    pub fn new(cpus: Vec<usize>) -> Result<Self, Error> {
        Ok(Self { target: target::find(HOST, None)?, cpus })
    }
}

impl Device for Host {
    fn target(&self) -> &Target {
        &self.target
    }

    fn cpu_name(&self) -> String {
        measure::cpu_name()
    }

    fn load(&self, compiled: &Compiled) -> Result<Box<dyn Executable>, Error> {
        let cpus = self.cpus.get(..compiled.tasks).unwrap_or(&self.cpus).to_vec();
        // Threads stay where the thread that starts them may run.
        if !cpus.is_empty() {
            measure::pin(&cpus)?;
        }
        let model = CompiledModel::new(compiled)?;
        Ok(Box::new(InProcess::with_threads(model, compiled.tasks, cpus)?))
    }
}

/// A function in this process.
pub struct InProcess {
    model: CompiledModel,
    threads: Threads,
    cpus: Vec<usize>,
}

impl InProcess {
    /// A function whose calls take the calling thread only.
    ///
    /// # Errors
    ///
    /// None in fact: no thread is started.
    pub fn serial(model: CompiledModel) -> Result<Self, Error> {
        Self::with_threads(model, 1, Vec::new())
    }

    fn with_threads(model: CompiledModel, count: usize, cpus: Vec<usize>) -> Result<Self, Error> {
        let threads = Threads::new(count)
            .map_err(|error| Error::request(format!("a thread cannot be started: {error}")))?;
        Ok(Self { model, threads, cpus })
    }

    /// The function alone.
    pub fn model(&self) -> &CompiledModel {
        &self.model
    }
}

impl Executable for InProcess {
    fn signature(&self) -> &Signature {
        self.model.signature()
    }

    fn caller(&self) -> Box<dyn Caller + '_> {
        let buffers = self.signature().output_buffers();
        let outputs = buffers.iter().map(|buffer| vec![0.0; buffer.tensor.elements()]).collect();
        Box::new(InProcessCaller { executable: self, outputs, arena: self.model.arena() })
    }
}

struct InProcessCaller<'a> {
    executable: &'a InProcess,
    outputs: Buffers,
    arena: Arena,
}

impl InProcessCaller<'_> {
    /// Lets `with` make calls on an input.
    fn prepare<T>(
        &mut self,
        inputs: &Buffers,
        with: impl FnOnce(&mut dyn FnMut() -> Result<(), Error>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let mut outputs: Vec<_> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        let InProcess { model, threads, .. } = self.executable;
        let executor = threads.executor();
        let mut call = model.prepare(&inputs, &mut outputs, &mut self.arena, &executor)?;
        with(&mut || call.run())
    }
}

impl Caller for InProcessCaller<'_> {
    fn call(&mut self, inputs: &[Buffers]) -> Result<Vec<Buffers>, Error> {
        let call = |inputs: &Buffers| {
            self.prepare(inputs, |call| call())?;
            Ok(self.outputs.clone())
        };
        inputs.iter().map(call).collect()
    }

    fn time(&mut self, inputs: &Buffers, timing: &Timing) -> Result<Timed, Error> {
        let &Timing { duration, calls, kernels } = timing;
        if !self.executable.cpus.is_empty() {
            measure::pin(&self.executable.cpus)?;
        }
        let mut spent = vec![Vec::new(); kernels];
        let calls = self.prepare(inputs, |call| match kernels {
            0 => measure::time(duration, calls, call),
            _ => measure::time(duration, calls, || {
                let times = profile::of(kernels, &mut *call)?;
                spent.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
                Ok(())
            }),
        })?;
        let kernels = spent.into_iter().map(|times| Times::of(times).median).collect();
        Ok(Timed { calls, kernels, told: None })
    }
}
