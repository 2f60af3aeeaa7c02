//! `pfp tune` and `pfp schedules`.

use std::fs;

use serde_json::{Value, json};

use crate::fixture::{Dir, repository};

/// Short windows: what is found does not matter here, but that it is right.
const QUICK: &str = "tune net.mlir --params net.safetensors --budget 10s --candidates 4 --number 1 \
                     --repeat 4 --min-repeat-ms 1 --quiet";

/// What databases of these tests are for.
const V3: &str = "--target x86_64-linux-gnu --cpu x86-64-v3";

fn journals(dir: &Dir) -> Vec<String> {
    dir.list(".").into_iter().filter(|name| name.ends_with(".journal")).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A database with an entry for every kernel of the network: not what the model chooses, where there
/// is anything else.
fn database(dir: &Dir, edit: impl Fn(usize, &mut Value)) -> Value {
    let listed = dir.pfp(&format!("inspect net.mlir --schedule --candidates 20 {V3}")).ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let kernels = listed["kernels"].as_array().unwrap().iter().enumerate().map(|(n, kernel)| {
        let last = kernel["candidates"].as_array().unwrap().last().unwrap();
        let mut entry = json!({
            "core": "x86-64-v3",
            "shape": kernel["shape"],
            "schedule": last["schedule"],
            "times": { "cpu": "test", "microseconds": 1.0, "of_model": 2.0, "candidates": 20 },
        });
        edit(n, &mut entry);
        entry
    });
    json!({ "version": 1, "kernels": kernels.collect::<Vec<_>>() })
}

#[test]
fn a_search_measures_candidates_of_every_kernel_and_says_what_it_found() {
    let dir = Dir::net();
    let answer = dir.pfp(&format!("{QUICK} --json -o found.json")).json();
    assert!(number(&answer["measured"]) > 0.0 && answer["failed"] == 0, "{answer}");
    for kernel in answer["kernels"].as_array().unwrap() {
        let [measured, candidates] = ["measured", "candidates"].map(|key| number(&kernel[key]));
        assert!(measured <= candidates && candidates <= 4.0, "{kernel}");
    }
    assert!(number(&answer["of_model"]) > 0.0 && number(&answer["tuned"]) > 0.0);
    let found = dir.json("found.json");
    let entries = ["kernels", "networks"].map(|key| found[key].as_array().unwrap().len());
    assert_eq!(number(&answer["entries"]) as usize, entries[0] + entries[1]);
    assert_eq!(found["version"], 1);
    // What was measured is not measured again.
    let again = dir.pfp(&format!("{QUICK} --json -o found.json")).json();
    assert_eq!(again["measured"], answer["measured"]);
    assert!(number(&again["compilations"]) < number(&answer["compilations"]));
    assert!(answer["taken_over"] == 0 && number(&again["taken_over"]) > 0.0, "{again}");
}

#[test]
fn every_network_has_a_journal_of_its_own_and_that_of_another_processor_is_refused() {
    let dir = Dir::net();
    dir.pfp(&format!("{QUICK} -o found.json")).ok();
    let first = journals(&dir);
    dir.pfp(&format!("{QUICK} --batch 3 -o found.json")).ok();
    assert_eq!((first.len(), journals(&dir).len()), (1, 2));
    let text = dir.text(&first[0]).replace("\"cpu\":\"", "\"cpu\":\"other ");
    dir.write(&first[0], &text);
    let error = dir.pfp(&format!("{QUICK} -o found.json")).error();
    assert!(
        error.contains(".journal is the journal of another search: processor other"),
        "{error}"
    );
    assert!(dir.text(&first[0]) == text);
}

#[test]
fn a_file_that_is_no_database_is_refused_before_anything_is_measured() {
    let dir = Dir::net();
    let schedule = dir.pfp("inspect net.mlir --schedule").ok();
    for (file, text, message) in [
        ("names.json", &schedule[..], "it names the kernels of one network"),
        ("other.json", r#"{"version": 2}"#, "it is a database of version 2"),
        ("more.json", r#"{"version": 1, "colour": 1}"#, "unknown field `colour`"),
        ("no_version.json", r#"{"networks": []}"#, "says its \"version\", which is 1"),
        ("none.json", "[", "EOF while parsing"),
    ] {
        dir.write(file, text);
        for command in [format!("{QUICK} -o {file}"), format!("schedules {file}")] {
            let error = dir.pfp(&command).error();
            assert!(
                error.contains("is no database of schedules") && error.contains(message),
                "{error}"
            );
        }
        assert_eq!(dir.text(file), text);
        assert!(journals(&dir).is_empty());
        let error = dir.pfp(&format!("schedules -o {file}")).error();
        assert!(error.contains(message) && dir.text(file) == text, "{error}");
    }
}

#[test]
fn entries_that_nothing_can_have_measured_are_refused() {
    let dir = Dir::net();
    let cases: [(&str, Value, &str); 3] = [
        ("/core", "pentium".into(), "entry 1 of \"kernels\": unknown core 'pentium'"),
        ("/times/microseconds", (-1.0).into(), "its times are positive"),
        ("/shape/digest", "xyz".into(), "its digest has 16 hexadecimal digits"),
    ];
    for (place, value, message) in cases {
        let wrong = database(&dir, |number, entry| {
            if let (1, Some(field)) = (number, entry.pointer_mut(place)) {
                *field = value.clone();
            }
        });
        dir.write("found.json", wrong.to_string());
        let error = dir.pfp("schedules found.json").error();
        assert!(error.contains(message), "{error}");
    }
    let network = json!({ "core": "x86-64-v3", "name": "net", "digest": "0123456789abcdef",
        "numbers": { "speed": 3 },
        "times": { "cpu": "test", "microseconds": 1.0, "of_model": 2.0, "candidates": 2 } });
    dir.write("found.json", json!({ "version": 1, "networks": [network] }).to_string());
    let error = dir.pfp("schedules found.json").error();
    assert!(error.contains("entry 0 of \"networks\": a core has no 'speed'"), "{error}");
}

#[test]
fn a_budget_is_a_time() {
    let ran = Dir::net().pfp("tune net.mlir --budget 5x");
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let message = "'5x' is no time from 10s to 24h, such as 90s, 10m or 2h";
    assert!(ran.stderr.contains(message), "{ran:#?}");
}

#[test]
fn windows_that_a_budget_has_no_room_for_are_refused() {
    let error = Dir::net().pfp("tune net.mlir --budget 10s --min-repeat-ms 20000").error();
    assert!(error.contains("windows of 20000 ms are too long for a search of 10 s"), "{error}");
    let error =
        Dir::net().pfp("tune net.mlir --params net.safetensors --threads 2 --cpus 0,0").error();
    assert!(error.contains("the CPU 0 is named twice"), "{error}");
}

#[test]
fn compiled_code_follows_a_database_by_the_shapes_of_kernels() {
    let dir = Dir::net();
    dir.write("found.json", database(&dir, |_, _| ()).to_string());
    let compile = format!("compile net.mlir --params net.safetensors --emit obj {V3}");
    dir.pfp(&format!("{compile} -o tuned --schedule found.json")).ok();
    dir.pfp(&format!("{compile} -o model --schedule model")).ok();
    assert!(dir.read("tuned/net.o") != dir.read("model/net.o"), "the database changes nothing");
    dir.pfp("check net.mlir --params net.safetensors --schedule model --samples 0").ok();
    // Those of another core are for others.
    let other = database(&dir, |_, entry| entry["core"] = "cortex-a53".into());
    dir.write("other.json", other.to_string());
    let ran = dir.pfp(&format!("{compile} -o other --schedule other.json"));
    assert!(ran.stderr.contains("other.json has no schedule for any kernel of @net"), "{ran:#?}");
    ran.ok();
    assert!(dir.read("other/net.o") == dir.read("model/net.o"));
    // A file that names kernels is for the functions of its network.
    let named = dir.pfp(&format!("inspect net.mlir --schedule {V3}")).ok();
    dir.write("named.json", named.replace("\"function\": \"net\"", "\"function\": \"nest\""));
    let error = dir.pfp(&format!("{compile} -o named --schedule named.json")).error();
    assert!(error.contains("named.json has a schedule for @nest, which"), "{error}");
}

#[test]
fn an_entry_that_the_compiler_cannot_follow_is_named() {
    let dir = Dir::net();
    let wrong = database(&dir, |_, entry| entry["schedule"]["rows"] = 99.into());
    dir.write("found.json", wrong.to_string());
    let compile = format!("compile net.mlir --params net.safetensors {V3}");
    let error = dir.pfp(&format!("{compile} --schedule found.json -o out")).error();
    assert!(
        error.contains("the measured schedule of kernel '0 ") && error.contains("needs 'rows'"),
        "{error}"
    );
    assert!(!dir.path("out/net.o").exists());
}

#[test]
fn databases_are_merged_the_later_entry_stays() {
    let dir = Dir::net();
    let times =
        |time: f64| database(&dir, move |_, entry| entry["times"]["microseconds"] = time.into());
    dir.write("a.json", times(1.0).to_string());
    dir.write("b.json", times(2.0).to_string());
    let mut other = times(3.0);
    let kernels = other["kernels"].as_array_mut().unwrap();
    kernels.truncate(1);
    kernels[0]["core"] = "cortex-a53".into();
    dir.write("c.json", other.to_string());
    let answer = dir.pfp("schedules a.json b.json c.json -o all.json --json").json();
    let all = dir.json("all.json");
    let kernels = all["kernels"].as_array().unwrap();
    let count = dir.json("a.json")["kernels"].as_array().unwrap().len();
    assert_eq!(answer["kernels"], kernels.len());
    // Kernels of one shape have one entry.
    assert!(kernels.len() > 1 && kernels.len() <= count + 1, "{}", kernels.len());
    let times: Vec<_> =
        kernels.iter().map(|entry| number(&entry["times"]["microseconds"])).collect();
    assert_eq!(times.iter().filter(|time| **time == 3.0).count(), 1);
    assert!(times.iter().all(|time| *time > 1.0), "{times:?}");
    let table = dir.pfp("schedules all.json").ok();
    assert!(table.contains("cortex-a53") && table.contains("conv2d"), "{table}");
    fs::remove_file(dir.path("a.json")).unwrap();
    assert!(dir.pfp("schedules a.json").error().contains("there is no file a.json"));
}

#[test]
fn what_is_shipped_is_a_database_of_known_cores() {
    let shipped = Dir::net().pfp("schedules --json").json();
    assert_eq!(shipped["version"], 1);
    let text = fs::read(repository().join("lowering/src/kernel/tuned.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), shipped);
}
