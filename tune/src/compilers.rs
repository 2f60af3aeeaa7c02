//! Compilers that work side by side: a session of MLIR is of one thread.

use std::{
    fs,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use gauss_lowering::{kernel::given::ScheduleFile, target::Target};
use pfp_compiler::{
    compile::{Compiled, Network, Options, Schedules},
    error::Error,
    interrupt::Scratch,
    module::Session,
};
use pfp_evaluate::measure::pin;

/// Opens the network in a session.
pub type Open<'a> = dyn for<'s> Fn(&'s Session) -> Result<Network<'s>, Error> + Sync + 'a;

/// A closure that opens the network in any session.
pub fn opener<F>(open: F) -> F
where
    F: for<'s> Fn(&'s Session) -> Result<Network<'s>, Error> + Sync,
{
    open
}

/// What is compiled, and how.
pub struct Compilers<'a> {
    /// Opens the network.
    pub open: &'a Open<'a>,
    /// The function.
    pub function: String,
    /// What it is compiled for.
    pub target: &'a Target,
    /// How; the schedules are those of each job.
    pub options: Options,
    /// The CPUs that they use, one worker for each.
    pub cpus: Vec<usize>,
}

impl Compilers<'_> {
    /// Compiles the function with each of some schedules, with or without a profile.
    pub fn compile(
        &self,
        jobs: &[ScheduleFile],
        is_profiled: bool,
    ) -> Vec<Result<Compiled, Error>> {
        // What was timed before may have kept this thread on some of them.
        if let Err(error) = pin(&self.cpus) {
            let message = error.to_string();
            return jobs.iter().map(|_| Err(Error::request(message.clone()))).collect();
        }
        let next = AtomicUsize::new(0);
        let done: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            let session = Session::new();
            let network = (self.open)(&session);
            loop {
                let job = next.fetch_add(1, Ordering::Relaxed);
                let (Some(file), Some(place)) = (jobs.get(job), done.get(job)) else { break };
                let compiled = match &network {
                    Ok(network) => self.compile_one(network, file, is_profiled),
                    Err(error) => Err(Error::request(error.to_string())),
                };
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(compiled);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.cpus.len().min(jobs.len()) {
                scope.spawn(work);
            }
            work();
        });
        let results = done.into_iter().map(|place| {
            let result = place.into_inner().unwrap_or_else(PoisonError::into_inner);
            result.unwrap_or_else(|| Err(Error::Internal("a compilation did not end".into())))
        });
        results.collect()
    }

    fn compile_one(
        &self,
        network: &Network,
        file: &ScheduleFile,
        is_profiled: bool,
    ) -> Result<Compiled, Error> {
        let function = network.function(Some(&self.function))?;
        self.with_file(file, |options| {
            let options = Options { profile: is_profiled, ..options };
            network.compile(function, self.target, &options, &|_| ())
        })
    }

    /// Calls `then` with the options of a compilation with these schedules.
    pub fn with_file<T>(
        &self,
        file: &ScheduleFile,
        then: impl FnOnce(Options) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let unusable = |error: std::io::Error| Error::request(error.to_string());
        let scratch = Scratch::new().map_err(unusable)?;
        let path = scratch.path().join("schedules.json");
        let text = serde_json::to_string(file)
            .map_err(|error| Error::Internal(format!("schedules without a JSON form: {error}")))?;
        fs::write(&path, text).map_err(unusable)?;
        then(Options { schedules: Schedules::File(path), ..self.options.clone() })
    }
}
