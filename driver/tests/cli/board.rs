//! `pfp board`, and `--on`.

mod sshd;

use std::{
    fs,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pfp::demo::aarch64;
use pfp_compiler::{
    array::Array,
    compile::{Compiled, Network, Options},
    diagnostics::Source,
    jit::CompiledModel,
    module::Session,
    parameters::Safetensors,
    target,
};
use pfp_evaluate::{batches::Items, data::Output};
use serde_json::Value;

use crate::{
    absent::skipped,
    fixture::{Dir, TINY, npy, repository, safetensors, tiny_parameters},
};
use sshd::{EMULATED, NATIVE, Sshd, processes};

const RUN: &str = "run tiny.mlir --params tiny.safetensors --input x.npy";
const BENCH: &str = "bench tiny.mlir --params tiny.safetensors --batch 1 --rounds 2 --on board";

/// Three items.
fn items() -> Vec<f32> {
    (0..12).map(|i| 0.25 * i as f32 - 1.0).collect()
}

/// The tiny network, compiled for a batch of 1.
fn compiled(triple: &str, cpu: &str) -> Compiled {
    let session = Session::new();
    let parameters = Safetensors::from_bytes("tiny", safetensors(&tiny_parameters())).unwrap();
    let source: Arc<Source> = Source::as_written("tiny.mlir", TINY);
    let network = Network::open(&session, &source, Some(&parameters), Some(1)).unwrap();
    let target = target::find(triple, Some(cpu)).unwrap();
    let function = network.function(None).unwrap();
    network.compile(function, &target, &Options::default(), &|_| ()).unwrap()
}

/// The outputs of `pfp run --on board`.
fn run_on_board(board: &Sshd) -> [Vec<f32>; 2] {
    board.dir.write("x.npy", npy(&[3, 4], &items()));
    let answer = board.pfp(&format!("{RUN} --on board --json")).json();
    let outputs = answer["outputs"].as_array().unwrap();
    let values = |output: &Value| {
        let values = output["values"].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap() as f32).collect()
    };
    [values(&outputs[0]), values(&outputs[1])]
}

#[test]
fn results_on_a_board_are_those_of_the_same_object_here() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let model = CompiledModel::new(&compiled("x86_64-linux-gnu", "x86-64")).unwrap();
    let mut expected = [vec![], vec![]];
    for item in items().chunks(4) {
        let outputs = model.run(&[item]).unwrap();
        expected.iter_mut().zip(outputs).for_each(|(all, output)| all.extend(output));
    }
    assert_eq!(run_on_board(&board), expected);
}

#[test]
fn results_on_an_aarch64_board_are_those_of_the_same_object_in_a_c_program() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let compiled = compiled("aarch64-linux-gnu", "cortex-a72");
    let arrays = [Array { shape: vec![3, 4], values: items() }];
    let items = Items::new(&compiled.function.signature, &arrays).unwrap();
    let expected = match aarch64::run(&compiled, &items).unwrap() {
        aarch64::Run::Done(outputs) => outputs,
        aarch64::Run::Missing(tool) => return skipped(&tool),
    };
    let expected: Vec<_> = expected.into_iter().map(|Output { values, .. }| values).collect();
    assert_eq!(run_on_board(&board).to_vec(), expected);
}

#[test]
fn a_network_on_an_aarch64_board_agrees_with_the_reference() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let check = "check tiny.mlir --params tiny.safetensors --samples 0 --on board";
    assert!(board.pfp(check).ok().contains("ok: every error is at most"));
    let head = format!("{check} --head sample:50");
    assert!(board.pfp(&head).ok().contains("ok: every error is at most"));
}

#[test]
fn a_board_is_added_by_what_it_says_and_then_tested() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let add = format!("board add other {}", board.add_options());
    let answer = board.pfp(&format!("{add} --json")).json();
    assert_eq!(answer["board"]["platform"], "x86_64-linux-gnu");
    assert_eq!(answer["found"]["architecture"], "x86_64");
    let cpu = answer["board"]["cpu"].as_str().unwrap();
    assert!(cpu.starts_with("x86-64") || cpu.starts_with("znver"), "{answer}");
    let again = board.pfp(&add).error();
    assert!(again.contains("already has a board 'other'"), "{again}");
    let list = board.pfp("board list").ok();
    assert!(list.lines().any(|line| line.starts_with("other  board  x86_64-linux-gnu")), "{list}");
    let test = board.pfp("board test other").ok();
    for step in ["ssh and agent", "object mapped", "network run", "clock", "sensors of energy"] {
        assert!(test.contains(step), "{test}");
    }
    assert!(test.ends_with("ok: other can be used\n"), "{test}");
}

#[test]
fn an_aarch64_board_is_added_with_the_emulator_that_runs_its_agent() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let add = format!(
        "board add pi --host board --platform aarch64-linux-gnu --runner=qemu-aarch64 --ssh=-F \
         --ssh={} --directory {} --json",
        board.dir.path("ssh_config").display(),
        board.remote().display()
    );
    let answer = board.pfp(&add).json();
    assert_eq!(answer["found"]["architecture"], "aarch64");
    // The core of the emulator is none of Arm.
    assert_eq!(answer["board"]["cpu"], "generic");
    assert!(board.pfp("board test pi").ok().contains("ok: pi can be used"));
}

#[test]
fn threads_share_a_call_on_a_board() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let answer = board.pfp(&format!("{BENCH} --threads 1,2 --seconds 0.05 --json"));
    if answer.stderr.contains("2 threads need as many CPUs") {
        return skipped("this machine has one CPU");
    }
    let answer = answer.json();
    assert_eq!(answer["results"][1]["threads"], 2);
    assert_eq!(answer["cpus"].as_array().unwrap().len(), 2);
}

#[test]
fn a_profile_on_a_board_names_kernels_and_says_why_events_are_not_counted() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let answer = board.pfp(&format!("{BENCH} --profile --seconds 0.05 --json")).json();
    let result = &answer["results"][0];
    let kernels = result["profile"].as_array().unwrap();
    assert!(kernels.iter().any(|kernel| kernel["kernel"].as_str().unwrap().contains("dense")));
    let shares: f64 = kernels.iter().map(|kernel| kernel["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{answer}");
    // qemu has no hardware counters.
    assert!(kernels.iter().all(|kernel| kernel.get("cycles").is_none()), "{answer}");
    assert!(!result["counters_missing"].as_str().unwrap().is_empty());
}

#[test]
fn schedules_are_measured_on_the_board_for_its_core() {
    for kind in [NATIVE, EMULATED] {
        let Some(board) = Sshd::start(kind) else { return };
        let tune = "tune tiny.mlir --params tiny.safetensors --budget 10s --candidates 3 --number 1 \
                    --repeat 4 --min-repeat-ms 1 --on board -o found.json --quiet --json";
        let answer = board.pfp(tune).json();
        assert!(answer["measured"].as_u64() > Some(0) && answer["failed"] == 0, "{answer}");
        assert!(answer["cpu"].as_str().is_some_and(|name| !name.is_empty()), "{answer}");
        let found = board.dir.json("found.json");
        assert!(found["kernels"].as_array().unwrap().iter().all(|k| k["core"] == answer["core"]));
        let files = board.dir.list(".");
        let journal = files.iter().find(|name| name.ends_with(".journal")).unwrap();
        assert!(board.dir.text(journal).lines().count() > 1);
    }
}

#[test]
fn the_results_file_has_latency_and_energy_or_why_there_is_none() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    board.pfp(&format!("{BENCH} --seconds 0.05 --results out.json")).ok();
    let file = board.dir.json("out.json");
    assert_eq!((&file["version"], &file["board"]["name"]), (&1.into(), &"board".into()));
    let latency = &file["latency"][0];
    let median = latency["median_microseconds"].as_f64().unwrap();
    assert!(median > 0.0 && latency["microseconds"]["median"] == median, "{file}");
    assert!(tells_of_energy(latency), "{file}");
}

/// Are there joules, or why there are none?
fn tells_of_energy(latency: &Value) -> bool {
    let joules = latency["energy"].as_array().unwrap();
    let missing = latency["energy_missing"].as_str();
    !joules.is_empty() || missing.is_some_and(|why| !why.is_empty())
}

#[test]
fn an_evaluation_on_a_board_is_that_of_this_machine_with_times_of_the_board() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let digits = repository().join("examples/digits").display().to_string();
    let eval = format!(
        "eval {digits}/mlp.mlir --params {digits}/mlp.safetensors --scale 1/16 --modes moments --json \
         --in-domain {digits}/test-images.idx3-ubyte@labels={digits}/test-labels.idx1-ubyte"
    );
    let accuracy = |answer: &Value| {
        answer["modes"][0]["sets"][0]["classification"]["accuracy"].as_f64().unwrap()
    };
    let here = accuracy(&board.pfp(&format!("{eval} --no-latency")).json());
    let answer = board.pfp(&format!("{eval} --latency 1 --on board --results out.json")).json();
    // Where two classes are as likely as float32 can tell, cores may differ: in one item at most.
    assert!((accuracy(&answer) - here).abs() <= 1.0 / 400.0, "{here}: {}", accuracy(&answer));
    let file = board.dir.json("out.json");
    assert_eq!(file["accuracy"][0]["top1"].as_f64(), Some(accuracy(&answer)));
    assert_eq!(
        (&file["accuracy"][0]["items"], &file["board"]["cpu"]),
        (&400.into(), &"cortex-a72".into())
    );
    assert!(file["latency"][0]["median_microseconds"].as_f64().unwrap() > 0.0, "{file}");
    assert!(tells_of_energy(&file["latency"][0]), "{file}");
    assert!(tells_of_energy(&answer["modes"][0]["latency"][0]), "{answer}");
}

#[test]
fn a_bundle_by_hand_takes_the_time_that_the_client_tells() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let bench = format!("{BENCH} --seconds 0.2 --save-bundle bundle --json");
    let agent = sshd::agents().join("x86_64-unknown-linux-gnu/pfp-agent");
    let by_hand = || {
        let ran = board.dir.run(Command::new(&agent).args(["measure", "bundle"])).json();
        ran["min_ns"].as_f64().unwrap() / 1e3
    };
    let (mut on_board, mut alone) = (f64::INFINITY, f64::INFINITY);
    // What else the machine does makes calls longer only: the least times approach each other.
    let start = Instant::now();
    loop {
        let answer = board.pfp(&bench).json();
        on_board = on_board.min(answer["results"][0]["microseconds"]["min"].as_f64().unwrap());
        alone = alone.min(by_hand());
        let difference = (on_board - alone).abs() / alone;
        if difference < 0.01 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{on_board} us, {alone} us by hand");
    }
}

#[test]
fn a_run_after_the_first_costs_little() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    board.dir.write("x.npy", npy(&[3, 4], &items()));
    let time = |arguments: &str| {
        let start = Instant::now();
        board.pfp(arguments).ok();
        start.elapsed()
    };
    let (here, on_board) = (RUN.to_owned(), format!("{RUN} --on board"));
    time(&on_board);
    let (mut least_here, mut least_on_board) = (Duration::MAX, Duration::MAX);
    // What else the machine does makes runs longer only.
    let start = Instant::now();
    loop {
        least_here = least_here.min(time(&here));
        least_on_board = least_on_board.min(time(&on_board));
        let overhead = least_on_board.saturating_sub(least_here);
        if start.elapsed() > Duration::from_secs(2) && overhead < Duration::from_millis(60) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{overhead:?} more than {least_here:?}");
    }
}

#[test]
fn nothing_but_the_agent_is_left_and_older_ones_go() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    fs::create_dir_all(board.remote()).unwrap();
    for old in ["agent-x86_64-0.0.1-0123456789abcdef", "agent-aarch64-0.0.1-0", "mine"] {
        fs::write(board.remote().join(old), "an old agent").unwrap();
    }
    run_on_board(&board);
    board.wait_until_none_runs();
    let left = board.left();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.contains(&"mine".into()) && left.contains(&"agent-aarch64-0.0.1-0".into()));
    assert!(!left.contains(&"agent-x86_64-0.0.1-0123456789abcdef".into()));
}

#[test]
fn a_damaged_agent_is_sent_again() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let expected = run_on_board(&board);
    board.wait_until_none_runs();
    let path = board.remote().join(board.left().remove(0));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..1000]).unwrap();
    assert_eq!(run_on_board(&board), expected);
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn what_a_board_has_not_is_refused_when_it_is_added() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    let add = format!("board add more {}", board.add_options());
    let error = board.pfp(&format!("{add} --cpus 4096")).error();
    assert!(error.contains("has no CPU 4096: it has "), "{error}");
    let error = board.pfp(&format!("{add} --cpus 0,0")).error();
    assert!(error.contains("the CPU 0 is named twice"), "{error}");
    let error = board.pfp(&format!("{add} --cpu native")).error();
    assert!(error.contains("'native' is the CPU of this machine"), "{error}");
    // Instructions of one extension after the other, of which this machine may have all.
    for cpu in ["x86-64-v3", "x86-64-v4", "sapphirerapids"] {
        let added = board.pfp(&format!("{add} --cpu {cpu} --replace"));
        let said = &added.stderr;
        assert!(added.code == Some(0) || said.contains("lacks, of what code for"), "{added:#?}");
    }
}

#[test]
fn an_agent_of_another_version_of_the_protocol_is_refused() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    run_on_board(&board);
    let name = board.left().remove(0);
    let greeting = r#"{"reply":"greeting","version":0,"board":{"architecture":"x86_64","name":"","cores":[],"features":[],"cpus":1,"allowed":[0],"memory":null,"governor":null,"kernel":null}}"#;
    let length: String =
        (greeting.len() as u32).to_le_bytes().iter().map(|byte| format!("\\{byte:03o}")).collect();
    let script = format!(
        "#!/bin/sh\nprintf 'pfpagent{length}\\000\\000\\000\\000\\000\\000\\000\\000%s' '{greeting}'\n"
    );
    // Of another length it would be a damaged one.
    let path = board.remote().join(name);
    let length = fs::metadata(&path).unwrap().len() as usize;
    let rest = " ".repeat(length - script.len());
    fs::write(path, script + &rest).unwrap();
    let error = board.pfp(&format!("{RUN} --on board")).error();
    assert!(error.contains("speaks version 0 of the protocol, this pfp version 1"), "{error}");
}

#[test]
fn a_board_of_another_architecture_is_an_error_that_names_both() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    board.name("wrong", "platform = 'aarch64-linux-gnu'\n", &board.remote());
    if !sshd::agents().join("aarch64-unknown-linux-gnu/pfp-agent").exists() {
        return skipped("no agent for aarch64 is built (./x agent builds it)");
    }
    let error = board.pfp("board test wrong").error();
    assert!(
        error.contains("is a machine of the architecture x86_64, but its platform says aarch64"),
        "{error}"
    );
    assert!(!board.remote().exists());
}

#[test]
fn code_for_a_cpu_with_more_features_is_refused_before_it_runs() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    let runner = "runner = ['qemu-aarch64', '-cpu', 'cortex-a53']\n";
    let table = format!("platform = 'aarch64-linux-gnu'\ncpu = 'cortex-a76'\n{runner}");
    board.name("old", &table, &board.remote());
    board.dir.write("x.npy", npy(&[3, 4], &items()));
    let error = board.pfp(&format!("{RUN} --on old")).error();
    assert!(error.contains("code for a CPU with") && error.contains("asimddp"), "{error}");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let may = Command::new("unshare").args(["-m", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        return skipped("a full disk: this user may not mount one");
    }
    let disk = tempfile::tempdir().unwrap();
    let mount =
        format!("mount -t tmpfs -o size=256k none {} && exec \"$0\" \"$@\"", disk.path().display());
    let Some(board) = Sshd::start_with(NATIVE, &["unshare", "-m", "sh", "-c", &mount]) else {
        return;
    };
    board.name("full", NATIVE, &disk.path().join("pfp"));
    let error = board.pfp("board test full").error();
    assert!(error.contains("its disk is full"), "{error}");
    // A smaller file has room, so what was begun is gone.
    let room = format!("printf %200000s x >{}/room", disk.path().display());
    let config = board.dir.path("ssh_config").display().to_string();
    let ssh = board.dir.run(Command::new("ssh").args(["-F", &config, "board", &room]));
    assert_eq!(ssh.code, Some(0), "{ssh:?}");
}

#[test]
fn a_host_whose_key_is_not_known_is_refused_with_advice() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    board.dir.write("known_hosts", "");
    let error = board.pfp("board test board").error();
    assert!(error.contains("Host key verification failed"), "{error}");
    assert!(error.contains("connect once with `ssh board`"), "{error}");
}

#[test]
fn a_user_without_a_key_is_refused_with_advice() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    board.dir.write("authorized_keys", "");
    let error = board.pfp("board test board").error();
    assert!(error.contains("Permission denied") && error.contains("ssh-copy-id"), "{error}");
}

/// A measurement of a minute, that runs by now.
fn long_measurement(board: &Sshd) -> std::process::Child {
    let mut bench = board.command("bench tiny.mlir --params tiny.safetensors --batch 1 --on board");
    bench.args(["--seconds", "60", "--rounds", "1"]).stdin(Stdio::null());
    bench.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = bench.spawn().unwrap();
    let start = Instant::now();
    // The agent, and the process of the network.
    while agents_of(board).len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing runs");
        thread::sleep(Duration::from_millis(20));
    }
    // It is being called, not loaded.
    thread::sleep(Duration::from_millis(300));
    child
}

/// The processes of the agent.
fn agents_of(board: &Sshd) -> Vec<i32> {
    let remote = format!("{}/agent-", board.remote().display());
    let all = processes(&remote).into_iter().filter(|(_, line)| line.trim_end().ends_with("serve"));
    let mut pids: Vec<_> =
        all.filter(|(_, line)| !line.starts_with("sh ")).map(|(pid, _)| pid).collect();
    pids.sort_unstable();
    pids
}

#[test]
fn a_client_that_disappears_in_mid_run_leaves_nothing() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    run_on_board(&board);
    board.wait_until_none_runs();
    let mut client = long_measurement(&board);
    client.kill().unwrap();
    client.wait().unwrap();
    board.wait_until_none_runs();
    assert_eq!(board.left().len(), 1, "{:?}", board.left());
}

#[test]
fn a_connection_that_breaks_in_mid_run_is_an_error_and_leaves_nothing() {
    let Some(board) = Sshd::start(EMULATED) else { return };
    run_on_board(&board);
    board.wait_until_none_runs();
    let client = long_measurement(&board);
    // The shared connection.
    let sockets = board.dir.path("run").display().to_string();
    for (pid, line) in processes(&sockets) {
        if line.contains("[mux]") {
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        }
    }
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the connection to board ended") || said.contains("no connection"),
        "{said}"
    );
    board.wait_until_none_runs();
    assert_eq!(board.left().len(), 1, "{:?}", board.left());
}

#[test]
fn a_network_whose_process_is_killed_is_an_error_of_its_own() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    run_on_board(&board);
    board.wait_until_none_runs();
    let client = long_measurement(&board);
    let worker = *agents_of(&board).last().unwrap();
    Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
    let output = client.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the object crashed with SIGKILL"), "{said}");
    assert!(said.contains("run out of memory"), "{said}");
}

#[test]
fn two_clients_take_turns_and_the_second_is_told() {
    let Some(board) = Sshd::start(NATIVE) else { return };
    run_on_board(&board);
    board.wait_until_none_runs();
    let mut first = long_measurement(&board);
    let holder = agents_of(&board)[0];
    let mut second = board.command(&format!("{RUN} --on board"));
    second.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut second = second.spawn().unwrap();
    thread::sleep(Duration::from_millis(1500));
    assert!(second.try_wait().unwrap().is_none(), "it did not wait");
    first.kill().unwrap();
    first.wait().unwrap();
    let output = second.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("waiting for another client of the board (process {holder})");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn what_the_file_of_boards_lacks_is_told() {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[3, 4], &items()));
    dir.write("boards.toml", "[boards.pi]\nhost = 'pi'\nplatform = 'aarch64-linux-gnu'\n");
    let run = |arguments: &str| dir.pfp(&format!("{RUN} --boards boards.toml {arguments}"));
    let error = run("--on pie").error();
    assert!(
        error.contains("has no board 'pie'") && error.contains("did you mean 'pi'?"),
        "{error}"
    );
    dir.write(
        "boards.toml",
        "[boards.pi]\nhost = 'pi'\nplatform = 'aarch64-linux-gnu'\nport = 22\n",
    );
    let error = run("--on pi").error();
    assert!(error.contains("board 'pi' has the unknown key 'port'"), "{error}");
    assert_eq!(dir.pfp("board add a;b --host pi").code, Some(2));
    assert_eq!(dir.pfp("board add ab --host=-oProxyCommand=x").code, Some(2));
}
