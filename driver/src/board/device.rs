//! Networks on a board.

use std::sync::Arc;

use gauss_lowering::target::Target;
use pfp_agent::protocol::{
    Crash, Measured, Model, Reply, Request, Settings, floats_of_bytes, floats_to_bytes,
};
use pfp_compiler::{
    compile::{Compiled, wrapper},
    error::Error,
    signature::Signature,
    target,
};
use pfp_evaluate::device::{Buffers, Caller, Device, Executable, Timed, Timing};

use super::{
    connection::{Connection, Tell},
    file::Board,
};

/// A board, with its agent running.
#[derive(Clone)]
pub struct BoardDevice {
    /// The connection to its agent.
    pub connection: Arc<Connection>,
    target: Target,
    cpus: Vec<usize>,
}

impl BoardDevice {
    /// Connects to a board; calls run on these CPUs, or those that its table names.
    ///
    /// # Errors
    ///
    /// Where no code is made for the board, or its agent does not run.
    pub fn open(board: &Board, cpus: &[usize], tell: Tell) -> Result<Self, Error> {
        let target = board.target()?;
        let cpus = if cpus.is_empty() { &board.cpus } else { cpus }.to_vec();
        Ok(Self { connection: Arc::new(Connection::open(board, tell)?), target, cpus })
    }

    /// Loads a function.
    ///
    /// # Errors
    ///
    /// Where the board has another architecture or CPU, the object has what the agent does not link, or
    /// there is no memory for it.
    pub fn load_function(&self, compiled: &Compiled) -> Result<Loaded, Error> {
        let (model, packed) = describe(compiled, &self.cpus)?;
        let request = Request::Load { model };
        let answer = self.connection.ask(&request, &[&compiled.object, &packed])?;
        let kernels = compiled.kernels.iter().map(|kernel| kernel.kernel.clone()).collect();
        match answer.0 {
            Reply::Loaded { model } => Ok(Loaded {
                connection: Arc::clone(&self.connection),
                number: model,
                signature: compiled.function.signature.clone(),
                kernels,
            }),
            other => Err(unexpected(other, &kernels)),
        }
    }

    /// The requests that load a function and time it, as the agent reads them from a file.
    ///
    /// # Errors
    ///
    /// Where LLVM fails, which is a fault of the compiler.
    pub fn bundle(
        &self,
        compiled: &Compiled,
        inputs: &Buffers,
        settings: &Settings,
    ) -> Result<Vec<u8>, Error> {
        let (model, packed) = describe(compiled, &self.cpus)?;
        let mut bundle = Vec::new();
        let inputs: Vec<_> = inputs.iter().map(|input| floats_to_bytes(input)).collect();
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let measure = Request::Measure { model: 1, settings: settings.clone() };
        pfp_agent::protocol::write(
            &mut bundle,
            &Request::Load { model },
            &[&compiled.object, &packed],
        )
        .and_then(|()| pfp_agent::protocol::write(&mut bundle, &measure, &inputs))
        .map_err(|error| Error::request(format!("the bundle is too large: {error}")))?;
        Ok(bundle)
    }
}

/// A function as the agent loads it, and the object that calls it.
fn describe(compiled: &Compiled, cpus: &[usize]) -> Result<(Model, Vec<u8>), Error> {
    let packed = wrapper::packed_object(compiled)?;
    let signature = &compiled.function.signature;
    let elements = |buffers: Vec<pfp_compiler::signature::Buffer>| {
        buffers.iter().map(|buffer| buffer.tensor.elements() as u64).collect()
    };
    let is_marked = compiled.report.undefined_symbols.iter().any(|name| name == "pfp.profile_mark");
    let model = Model {
        symbol: wrapper::packed_symbol(compiled),
        machine: compiled.target.triple.split('-').next().unwrap_or_default().to_owned(),
        features: target::needed_features(&compiled.target),
        objects: vec![compiled.object.len() as u64, packed.len() as u64],
        inputs: elements(signature.input_buffers()),
        outputs: elements(signature.output_buffers()),
        arena: compiled.arena.bytes,
        has_tasks: compiled.tasks > 1,
        threads: u32::try_from(compiled.tasks).unwrap_or(1),
        cpus: cpus.to_vec(),
        kernels: if is_marked { u32::try_from(compiled.kernels.len()).unwrap_or(0) } else { 0 },
    };
    Ok((model, packed))
}

impl Device for BoardDevice {
    fn target(&self) -> &Target {
        &self.target
    }

    fn cpu_name(&self) -> String {
        self.connection.board.name.clone()
    }

    fn load(&self, compiled: &Compiled) -> Result<Box<dyn Executable>, Error> {
        Ok(Box::new(self.load_function(compiled)?))
    }
}

/// A function on a board.
pub struct Loaded {
    connection: Arc<Connection>,
    number: u32,
    signature: Signature,
    kernels: Vec<String>,
}

impl Loaded {
    /// Times calls on one input: what was measured, and the nanoseconds of each sample.
    ///
    /// # Errors
    ///
    /// Where the function crashes, or the connection ends.
    pub fn measure(
        &self,
        inputs: &Buffers,
        settings: &Settings,
    ) -> Result<(Measured, Vec<u64>), Error> {
        let bytes: Vec<_> = inputs.iter().map(|input| floats_to_bytes(input)).collect();
        let parts: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
        let request = Request::Measure { model: self.number, settings: settings.clone() };
        match self.connection.ask(&request, &parts)? {
            (Reply::Measured(measured), times) => {
                let times = times.as_chunks().0.iter().map(|time| u64::from_le_bytes(*time));
                Ok((*measured, times.collect()))
            }
            (other, _) => Err(unexpected(other, &self.kernels)),
        }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // It is gone with the connection at the latest.
        let _ = self.connection.ask(&Request::Unload { model: self.number }, &[]);
    }
}

impl Executable for Loaded {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn caller(&self) -> Box<dyn Caller + '_> {
        Box::new(RemoteCaller(self))
    }
}

struct RemoteCaller<'a>(&'a Loaded);

impl Caller for RemoteCaller<'_> {
    fn call(&mut self, inputs: &[Buffers]) -> Result<Vec<Buffers>, Error> {
        let Loaded { connection, number, signature, kernels } = self.0;
        let bytes: Vec<_> = inputs.iter().flatten().map(|input| floats_to_bytes(input)).collect();
        let parts: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
        let calls = u32::try_from(inputs.len())
            .map_err(|_| Error::request("these are too many calls at a time"))?;
        let (reply, outputs) = connection.ask(&Request::Run { model: *number, calls }, &parts)?;
        if reply != Reply::Outputs {
            return Err(unexpected(reply, kernels));
        }
        let buffers = signature.output_buffers();
        let lengths: Vec<_> = buffers.iter().map(|buffer| buffer.tensor.elements()).collect();
        let expected = lengths.iter().sum::<usize>() * 4 * inputs.len();
        if outputs.len() != expected {
            let message = format!("the agent gave {} bytes, not {expected}", outputs.len());
            return Err(Error::request(message));
        }
        let mut outputs = floats_of_bytes(&outputs).into_iter();
        let mut next = |length: &usize| outputs.by_ref().take(*length).collect::<Vec<_>>();
        Ok(inputs.iter().map(|_| lengths.iter().map(&mut next).collect()).collect())
    }

    fn time(&mut self, inputs: &Buffers, timing: &Timing) -> Result<Timed, Error> {
        let duration = u64::try_from(timing.duration.as_nanos()).unwrap_or(u64::MAX);
        let profile = timing.kernels > 0;
        let settings = Settings {
            warm_up: duration / 10,
            duration,
            least_samples: timing.calls,
            profile,
            ..Settings::default()
        };
        let (measured, times) = self.0.measure(inputs, &settings)?;
        let each = 1e3 * f64::from(measured.calls);
        let calls = times.into_iter().map(|time| time as f64 / each).collect();
        let kernels = measured.profile.as_ref().map(|profile| &profile.nanoseconds[..]);
        let kernels = kernels.unwrap_or_default().iter().map(|time| time / 1e3).collect();
        Ok(Timed { calls, kernels, told: Some(measured) })
    }
}

/// The error of an answer that is none of the request.
fn unexpected(reply: Reply, kernels: &[String]) -> Error {
    match reply {
        Reply::Crashed(crash) => crashed(&crash, kernels),
        _ => Error::request("the agent gives an answer to another question"),
    }
}

fn crashed(Crash { ended_by, offset, kernel }: &Crash, kernels: &[String]) -> Error {
    let offset =
        offset.map_or(String::new(), |offset| format!(" at offset {offset:#x} of its text"));
    let name = kernel.and_then(|kernel| Some((kernel, kernels.get(kernel as usize)?)));
    let kernel =
        name.map_or(String::new(), |(number, name)| format!(" in kernel {number} ({name})"));
    let error = Error::request(format!("the object crashed with {ended_by}{offset}{kernel}"));
    match ended_by.as_str() {
        "SIGILL" => error.with_help(
            "the CPU does not know an instruction: correct the `cpu` of the board, or let `pfp board add` find it",
        ),
        "SIGKILL" => error.with_help("the board's kernel may have run out of memory"),
        _ => error.with_help("please report it: compiled networks do not crash; `pfp check` may tell more"),
    }
}
