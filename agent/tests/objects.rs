//! The agent, spoken to over its pipes, with objects that a C compiler makes.

use std::{
    fs,
    io::{BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pfp_agent::protocol::{
    self, Crash, Model, Reply, Request, Settings, VERSION, floats_of_bytes, floats_to_bytes,
};

/// Doubles four numbers, through memcpy and a table of constants.
const DOUBLE: &str = "
void *memcpy(void *, const void *, unsigned long);
static const float factors[4] = {2, 2, 2, 2};
int f(void **p) {
    float *arena = p[2];
    memcpy(arena, p[0], 16);
    for (int i = 0; i < 4; i++) ((float *)p[1])[i] = factors[i] * arena[i];
    return 0;
}";

struct Agent {
    process: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Agent {
    /// An agent that has greeted.
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_pfp-agent"))
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = process.stdin.take();
        let mut from = BufReader::new(process.stdout.take().unwrap());
        let (greeting, _) = protocol::read::<Reply>(&mut from).unwrap().unwrap();
        assert!(matches!(greeting, Reply::Greeting { version: VERSION, .. }), "{greeting:?}");
        Self { process, to, from }
    }

    fn send(&mut self, request: &Request, payload: &[u8]) {
        protocol::write(self.to.as_mut().unwrap(), request, &[payload]).unwrap();
    }

    fn ask(&mut self, request: &Request, payload: &[u8]) -> (Reply, Vec<u8>) {
        self.send(request, payload);
        loop {
            match protocol::read::<Reply>(&mut self.from).unwrap().unwrap() {
                (Reply::Waiting { .. }, _) => (),
                answer => return answer,
            }
        }
    }

    fn load(&mut self, source: &str) -> Reply {
        let object = compile(source);
        let model = Model { objects: vec![object.len() as u64], ..model() };
        self.ask(&Request::Load { model }, &object).0
    }

    /// Loads an object that is right, and calls it.
    fn run(&mut self, source: &str) -> (Reply, Vec<u8>) {
        let Reply::Loaded { model } = self.load(source) else { panic!("not loaded") };
        self.ask(&Request::Run { model, calls: 1 }, &floats_to_bytes(&[1.0, 2.0, 3.0, 4.0]))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.process.wait();
    }
}

/// A function `f` from four numbers to four.
fn model() -> Model {
    Model {
        symbol: "f".into(),
        machine: std::env::consts::ARCH.into(),
        inputs: vec![4],
        outputs: vec![4],
        arena: 64,
        threads: 1,
        ..Model::default()
    }
}

/// The object of a C source.
fn compile(source: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (file, object) = (dir.path().join("f.c"), dir.path().join("f.o"));
    fs::write(&file, source).unwrap();
    let flags =
        ["-std=c11", "-O1", "-fPIC", "-fvisibility=hidden", "-fno-builtin", "-w", "-c", "-o"];
    let status = Command::new("cc").args(flags).arg(&object).arg(&file).status().unwrap();
    assert!(status.success());
    fs::read(object).unwrap()
}

fn message(reply: Reply) -> String {
    match reply {
        Reply::Failed { message } => message,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_object_is_mapped_and_called() {
    let mut agent = Agent::start();
    let (reply, outputs) = agent.run(DOUBLE);
    assert_eq!((reply, floats_of_bytes(&outputs)), (Reply::Outputs, vec![2.0, 4.0, 6.0, 8.0]));
}

#[test]
fn several_calls_go_in_one_request() {
    let mut agent = Agent::start();
    let Reply::Loaded { model } = agent.load(DOUBLE) else { panic!("not loaded") };
    let inputs: Vec<_> = (0..12).map(|n| n as f32).collect();
    let request = Request::Run { model, calls: 3 };
    let (_, outputs) = agent.ask(&request, &floats_to_bytes(&inputs));
    let expected: Vec<_> = inputs.iter().map(|number| 2.0 * number).collect();
    assert_eq!(floats_of_bytes(&outputs), expected);
    let (reply, _) = agent.ask(&request, &floats_to_bytes(&inputs[..4]));
    assert_eq!(message(reply), "3 call(s) read 48 bytes, not 16");
}

#[test]
fn a_measurement_has_samples_and_what_the_board_tells() {
    let mut agent = Agent::start();
    let Reply::Loaded { model } = agent.load(DOUBLE) else { panic!("not loaded") };
    let settings = Settings {
        duration: 1_000_000,
        calls: 0,
        least_sample: 20_000,
        least_samples: 5,
        ..Settings::default()
    };
    let (reply, times) = agent.ask(&Request::Measure { model, settings }, &[0; 16]);
    let Reply::Measured(measured) = reply else { panic!("{reply:?}") };
    assert!(times.len() >= 5 * 8 && measured.calls > 1, "{measured:?}");
    assert!(measured.window.1 > measured.window.0 && measured.cpus.len() == 1);
    let energy = &measured.energy;
    assert!(!energy.readings.is_empty() || energy.missing.is_some(), "{energy:?}");
}

#[test]
fn an_object_that_crashes_says_where_and_the_agent_goes_on() {
    let mut agent = Agent::start();
    for (source, signal) in [
        ("int f(void **p) { *(volatile int *)64 = 1; return 0; }", "SIGSEGV"),
        ("int f(void **p) { __builtin_trap(); }", "SIGILL"),
    ] {
        let (reply, _) = agent.run(source);
        let Reply::Crashed(Crash { ended_by, offset, kernel }) = reply else { panic!("{reply:?}") };
        assert_eq!((ended_by.as_str(), kernel), (signal, None));
        assert!(offset.is_some_and(|offset| offset < 64), "{offset:?}");
    }
    assert_eq!(agent.run(DOUBLE).0, Reply::Outputs);
}

#[test]
fn a_crash_is_told_with_the_kernel_that_ran() {
    let source = "void mark(unsigned) __asm__(\"pfp.profile_mark\");
        int f(void **p) { mark(0); mark(1); *(volatile int *)64 = 1; return 0; }";
    let object = compile(source);
    let model = Model { objects: vec![object.len() as u64], kernels: 4, ..model() };
    let mut agent = Agent::start();
    let (reply, _) = agent.ask(&Request::Load { model }, &object);
    let Reply::Loaded { model } = reply else { panic!("{reply:?}") };
    let (reply, _) = agent.ask(&Request::Run { model, calls: 1 }, &[0; 16]);
    let Reply::Crashed(crash) = reply else { panic!("{reply:?}") };
    assert_eq!(crash.kernel, Some(2));
}

#[test]
fn code_and_constants_cannot_be_written() {
    let mut agent = Agent::start();
    for target in ["(void *)f", "(void *)table"] {
        let source = format!(
            "static const int table[2] = {{1, 2}};
             int f(void **p) {{ *(volatile char *){target} = 0; return table[*(int *)p[0] & 1]; }}"
        );
        let (reply, _) = agent.run(&source);
        let Reply::Crashed(crash) = reply else { panic!("{target}: {reply:?}") };
        assert_eq!(crash.ended_by, "SIGSEGV", "{target}");
    }
}

#[test]
fn a_status_is_an_error() {
    let mut agent = Agent::start();
    let (reply, _) = agent.run("int f(void **p) { return 3; }");
    assert_eq!(message(reply), "the compiled function returned 3");
}

#[test]
fn what_the_agent_does_not_link_is_refused_by_name() {
    let mut agent = Agent::start();
    for (source, expected) in [
        ("int puts(char *); int f(void **p) { return puts(p[0]); }", "the symbol 'puts'"),
        ("static int n = 1; int f(void **p) { return n++; }", "data that can be written: .data"),
        ("static int n; int f(void **p) { return n++; }", "data that can be written: .bss"),
        ("int g(void **p) { return 0; }", "no function 'f'"),
    ] {
        let said = message(agent.load(source));
        assert!(said.contains(expected), "{said}");
    }
    let (reply, _) =
        agent.ask(&Request::Load { model: Model { objects: vec![4], ..model() } }, b"text");
    assert!(message(reply).contains("no object file"));
    let short = Request::Load { model: Model { objects: vec![9], ..model() } };
    assert!(message(agent.ask(&short, b"text").0).contains("shorter than it should be"));
}

#[test]
fn an_object_of_another_machine_or_cpu_is_refused_before_it_runs() {
    let mut agent = Agent::start();
    let mut object = compile(DOUBLE);
    let objects = vec![object.len() as u64];
    let other = Model { machine: "sparc64".into(), objects: objects.clone(), ..model() };
    let (reply, _) = agent.ask(&Request::Load { model: other }, &object);
    assert!(message(reply).contains("the object is code for sparc64"));
    let features = vec!["tricorder".to_owned()];
    let more = Model { features, objects: objects.clone(), ..model() };
    let (reply, _) = agent.ask(&Request::Load { model: more }, &object);
    assert!(message(reply).contains("code for a CPU with tricorder"));
    // The machine that the object itself names.
    object[18] = 2;
    object[19] = 0;
    let (reply, _) = agent.ask(&Request::Load { model: Model { objects, ..model() } }, &object);
    assert!(message(reply).contains("code for another architecture"));
}

#[test]
fn a_cpu_that_the_agent_may_not_use_is_refused() {
    let object = compile(DOUBLE);
    let model = Model { objects: vec![object.len() as u64], cpus: vec![1000], ..model() };
    let (reply, _) = Agent::start().ask(&Request::Load { model }, &object);
    assert!(message(reply).contains("the agent may not use the CPU 1000"));
}

#[test]
fn an_object_that_never_returns_ends_with_its_client() {
    let mut agent = Agent::start();
    let Reply::Loaded { model } = agent.load("int f(void **p) { for (;;) __asm__(\"\"); }") else {
        panic!("not loaded")
    };
    agent.send(&Request::Run { model, calls: 1 }, &[0; 16]);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(agent.process.try_wait().unwrap(), None);
    drop(agent.to.take());
    let start = Instant::now();
    while agent.process.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(5), "the agent still runs");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_no_request_ends_the_agent_with_an_error() {
    let mut agent = Agent::start();
    agent.to.as_mut().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    drop(agent.to.take());
    assert_eq!(agent.process.wait().unwrap().code(), Some(1));
}
