//! Files that are written: checked before the work, whole, all or none, and nothing else is left.

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::fixture::{Dir, npy, pfp, repository};

const COMPILE: &str = "compile tiny.mlir --params tiny.safetensors";
const RUN: &str = "run tiny.mlir --params tiny.safetensors --input x.npy";

/// A directory with an input for `RUN`.
fn tiny() -> Dir {
    let dir = Dir::tiny();
    dir.write("x.npy", npy(&[1, 4], &[1.0, 0.0, -1.0, 2.0]));
    dir
}

/// `eval` or `calibrate` on the built-in digits, quick.
fn on_digits(dir: &Dir, command: &str, arguments: &[&str]) -> crate::fixture::Ran {
    let file = |name: &str| repository().join("examples/digits").join(name).display().to_string();
    let mut pfp = pfp();
    pfp.args([command, &file("mlp.mlir"), "--params", &file("mlp.safetensors")]);
    pfp.args(["--scale", "1/16", "--normalize", "0.5,0.5"]).args(arguments);
    dir.run(&mut pfp)
}

fn digits() -> String {
    repository().join("examples/digits/test").display().to_string()
}

#[test]
fn a_path_that_cannot_be_written_is_refused_before_the_work() {
    let dir = tiny();
    // The work would fail: there is no such data. The output is named first.
    let digits = ["--in-domain", "no-such-data", "--report", "/proc/nothing/r.html"];
    let error = on_digits(&dir, "eval", &digits).error();
    assert!(error.contains("cannot write /proc/nothing"), "{error}");
    let digits = ["--data", "no-such-data", "-o", "/proc/nothing/c.safetensors"];
    let error = on_digits(&dir, "calibrate", &digits).error();
    assert!(error.contains("cannot write /proc/nothing"), "{error}");
    for (arguments, needle) in [
        (format!("{RUN} -o /proc/nothing/y.npy"), "cannot write /proc/nothing"),
        (format!("{RUN} -o y.csv"), "cannot tell from its name how to write y.csv"),
        (format!("{COMPILE} -o /proc/nothing"), "cannot write /proc/nothing"),
        (format!("{COMPILE} -o x.npy"), "cannot write x.npy"),
        ("demo no --reports /proc/nothing".into(), "cannot write /proc/nothing"),
    ] {
        let error = dir.pfp(&arguments).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn directories_are_made_and_go_again_where_the_work_fails() {
    let dir = tiny();
    dir.pfp(&format!("{RUN} -o a/b/y.npy")).ok();
    assert_eq!(dir.list("a/b"), ["y.mean.npy", "y.variance.npy"]);
    let digits = digits();
    on_digits(&dir, "calibrate", &["--data", &digits, "-o", "c/d.safetensors"]).ok();
    assert_eq!(dir.list("c"), ["d.json", "d.safetensors"]);
    dir.pfp("run tiny.mlir --params tiny.safetensors --input no.npy -o new/er/y.npy").error();
    assert!(!dir.path("new").exists());
}

#[test]
fn the_table_does_not_depend_on_the_page() {
    let dir = Dir::empty();
    let digits = digits();
    let arguments = ["--in-domain", &digits, "--modes", "mean", "--no-latency"];
    let ran = on_digits(&dir, "eval", &[&arguments[..], &["--report", "/dev/full"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stderr.contains("cannot write /dev/full: No space left on device"), "{ran:#?}");
    assert!(ran.stdout.contains("accuracy"), "{ran:#?}");
}

#[test]
fn an_input_is_no_output() {
    let dir = tiny();
    dir.write("params.safetensors", dir.read("tiny.safetensors"));
    symlink("x.npy", dir.path("link.npy")).unwrap();
    fs::hard_link(dir.path("tiny.safetensors"), dir.path("hard.safetensors")).unwrap();
    symlink("tiny.mlir", dir.path("tiny.o")).unwrap();
    let before = ["x.npy", "tiny.safetensors", "tiny.mlir"].map(|file| dir.read(file));
    for (arguments, file) in [
        (format!("{RUN} -o hard.safetensors"), "hard.safetensors"),
        (format!("{RUN} -o tiny.safetensors"), "tiny.safetensors"),
        (COMPILE.to_owned(), "./tiny.o"),
    ] {
        let error = dir.pfp(&arguments).error();
        assert!(error.contains(&format!("{file} is one of the inputs")), "{error}");
    }
    assert_eq!(before, ["x.npy", "tiny.safetensors", "tiny.mlir"].map(|file| dir.read(file)));

    let example = repository().join("examples/digits");
    symlink(example.join("test-images.idx3-ubyte"), dir.path("page.html")).unwrap();
    symlink(example.join("test-labels.idx1-ubyte"), dir.path("labels.html")).unwrap();
    let digits = digits();
    for page in ["page.html", "labels.html"] {
        let error = on_digits(&dir, "eval", &["--in-domain", &digits, "--report", page]).error();
        assert!(error.contains(&format!("{page} is one of the inputs")), "{error}");
    }
    symlink(example.join("mlp.safetensors"), dir.path("mine.safetensors")).unwrap();
    let error =
        on_digits(&dir, "calibrate", &["--data", &digits, "-o", "mine.safetensors"]).error();
    assert!(error.contains("mine.safetensors is one of the inputs"), "{error}");
}

#[test]
fn two_outputs_need_two_files() {
    let dir = tiny();
    symlink("tiny.h", dir.path("tiny.o")).unwrap();
    let error = dir.pfp(COMPILE).error();
    assert!(error.contains("two outputs would go to"), "{error}");
}

#[test]
fn links_are_followed_and_permissions_kept() {
    let dir = tiny();
    fs::create_dir(dir.path("real")).unwrap();
    dir.write("real/object", "before");
    fs::set_permissions(dir.path("real/object"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/object", dir.path("tiny.o")).unwrap();
    symlink("real/new-header", dir.path("tiny.h")).unwrap();
    dir.pfp(COMPILE).ok();
    for (link, file) in [("tiny.o", "real/object"), ("tiny.h", "real/new-header")] {
        assert!(fs::symlink_metadata(dir.path(link)).unwrap().is_symlink(), "{link}");
        assert!(!dir.read(file).is_empty());
    }
    assert!(dir.read("tiny.o").starts_with(b"\x7fELF"));
    let mode = fs::metadata(dir.path("real/object")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_eq!(dir.list("real"), ["new-header", "object"]);
    symlink("tiny.o.2", dir.path("tiny.o.1")).unwrap();
    symlink("tiny.o.1", dir.path("tiny.o.2")).unwrap();
    symlink("tiny.o.1", dir.path("y.json")).unwrap();
    let error = dir.pfp(&format!("{RUN} -o y.json")).error();
    assert!(error.contains("cannot write y.json: Too many levels of symbolic links"), "{error}");
}

#[test]
fn pipes_and_devices_are_written_not_replaced() {
    let dir = tiny();
    symlink("/dev/stdout", dir.path("y.json")).unwrap();
    let printed = dir.pfp(&format!("{RUN} -o y.json")).ok();
    assert!(printed.starts_with("[{\"name\":\"mean\""), "{printed}");
    assert!(printed.contains("1 item(s)"), "{printed}");
    assert!(fs::symlink_metadata(dir.path("y.json")).unwrap().is_symlink());
    // To a file the shell has opened: what was there stays, and the order too.
    let script = format!("echo first; {} {RUN} -o y.json", env!("CARGO_BIN_EXE_pfp"));
    let script = format!("{{ {script}; }} > all");
    dir.run(Command::new("sh").args(["-c", &script])).ok();
    assert_eq!(dir.text("all"), format!("first\n{printed}"));

    dir.run(Command::new("mkfifo").arg("pipe.json")).ok();
    let script =
        format!("cat pipe.json > read & {} {RUN} -o pipe.json; wait", env!("CARGO_BIN_EXE_pfp"));
    dir.run(Command::new("sh").args(["-c", &script])).ok();
    assert!(dir.text("read").starts_with("[{\"name\""), "{}", dir.text("read"));
    assert!(fs::symlink_metadata(dir.path("pipe.json")).unwrap().file_type().is_fifo());
}

#[test]
fn a_set_of_files_is_replaced_or_left() {
    let dir = tiny();
    dir.pfp(COMPILE).ok();
    let files = ["tiny.o", "tiny.h", "tiny.json"];
    let before = files.map(|file| dir.read(file));
    // A file that may not grow.
    let script = format!("ulimit -f 1; {} {COMPILE} --batch 9", env!("CARGO_BIN_EXE_pfp"));
    let error = dir.run(Command::new("sh").args(["-c", &script])).error();
    assert!(error.contains("cannot write ./tiny.o: File too large"), "{error}");
    assert_eq!(files.map(|file| dir.read(file)), before);
    // The linker is missing, when the object is there.
    let ran = dir.run(
        pfp().args(COMPILE.split(' ')).args(["--emit=obj,shared", "--batch", "9"]).env("PATH", ""),
    );
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(files.map(|file| dir.read(file)), before);
    let left = ["tiny.h", "tiny.json", "tiny.mlir", "tiny.o", "tiny.safetensors", "x.npy"];
    assert_eq!(dir.list("."), left);
}

/// Waits until something holds.
fn eventually(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_leaves_nothing_behind() {
    for (name, signal) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let dir = tiny();
        fs::create_dir(dir.path("tmp")).unwrap();
        fs::create_dir(dir.path("fake")).unwrap();
        // A linker that takes its time, and tells who waits for it.
        let sleeper = dir.path("sleeper");
        let linker = format!("#!/bin/sh\nsleep 600 &\necho $! > {}\nwait\n", sleeper.display());
        dir.write("fake/cc", linker);
        fs::set_permissions(dir.path("fake/cc"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", dir.path("fake").display());
        // Where this test itself runs under nohup or in the background, they would stay ignored.
        let mut child = Command::new("env")
            .args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_pfp")])
            .args(COMPILE.split(' '))
            .args(["--emit=shared,obj", "-o", "made/out"])
            .current_dir(dir.path(""))
            .env("TMPDIR", dir.path("tmp"))
            .env("PATH", path)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually(|| fs::read_to_string(&sleeper).is_ok_and(|id| id.ends_with('\n')));
        let sleeper = dir.text("sleeper").trim().to_owned();
        assert_eq!(dir.list("tmp").len(), 1);
        let kill = format!("kill -{name} {}", child.id());
        dir.run(Command::new("sh").args(["-c", &kill])).ok();
        assert_eq!(child.wait().unwrap().signal(), Some(signal));
        assert_eq!(dir.list("tmp"), [""; 0]);
        assert!(!dir.path("made").exists());
        // Gone, or not reaped yet by whoever inherits it.
        let state = || fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
        eventually(|| state().is_empty() || state().contains(") Z "));
    }
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let dir = tiny();
    let script = format!("trap '' HUP; kill -HUP $$; exec {} {COMPILE}", env!("CARGO_BIN_EXE_pfp"));
    dir.run(Command::new("sh").args(["-c", &script])).ok();
    // While the command runs, too: nohup is no promise that holds for a moment.
    dir.run(Command::new("mkfifo").arg("pipe.json")).ok();
    let script = format!(
        "trap '' HUP; {} {RUN} -o pipe.json & id=$!; sleep 1; kill -HUP $id; cat pipe.json; wait $id",
        env!("CARGO_BIN_EXE_pfp")
    );
    dir.run(Command::new("sh").args(["-c", &script])).ok();
}

#[test]
fn the_pages_of_the_demo_get_a_directory_of_their_own() {
    let dir = Dir::empty();
    fs::create_dir(dir.path("tmp")).unwrap();
    dir.write("victim", "mine");
    // The name that everybody could guess.
    symlink("../victim", dir.path("tmp/pfp-demo-mlp.html")).unwrap();
    let demo = |extra: &[&str]| {
        let mut command = pfp();
        command.current_dir(repository()).arg("demo").args(extra).env("TMPDIR", dir.path("tmp"));
        crate::fixture::Ran::of(&mut command)
    };
    // Where it fails, nothing is left.
    demo(&["no"]).error();
    assert_eq!(dir.list("tmp"), ["pfp-demo-mlp.html"]);
    let ran = demo(&["--json"]);
    let made: Vec<_> = dir.list("tmp").into_iter().filter(|file| !file.contains("html")).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(dir.list(&format!("tmp/{}", made[0])), ["pfp-demo-cnn.html", "pfp-demo-mlp.html"]);
    assert!(ran.stderr.contains(&made[0]), "{ran:#?}");
    ran.ok();
    assert_eq!(dir.text("victim"), "mine");
}
