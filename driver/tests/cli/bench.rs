//! `pfp bench`.

use serde_json::Value;

use crate::fixture::Dir;

const QUICK: &str = "bench net.mlir --params net.safetensors --seconds 0.02 --rounds 2";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn every_batch_and_number_of_threads_is_timed_against_the_limits_of_a_core() {
    let dir = Dir::net();
    let answer = dir.pfp(&format!("{QUICK} --batch 1,3 --threads 1 --json")).json();
    assert!(number(&answer["roofline"]["gflops"]) > 0.0);
    let results = answer["results"].as_array().unwrap();
    let batches: Vec<_> = results.iter().map(|result| number(&result["batch"])).collect();
    assert_eq!(batches, [1.0, 3.0]);
    for result in results {
        let times = ["min", "p10", "median", "p90"].map(|key| number(&result["microseconds"][key]));
        assert!(times[0] > 0.0 && times.is_sorted(), "{times:?}");
        let share = number(&result["share_of_limit"]);
        let limit = number(&result["limit_microseconds"]);
        assert!((share * times[2] - limit).abs() <= 1e-9 * limit, "{result}");
        // The weights are read as fast as a set of their own size.
        let weights = number(&result["weight_bytes"]);
        let sets = answer["roofline"]["bandwidths"].as_array().unwrap();
        let is_measured = |set: &Value| (0.0..4096.0).contains(&(number(&set["bytes"]) - weights));
        assert!(sets.iter().any(is_measured), "{weights} in {sets:?}");
    }
}

#[test]
fn a_profile_names_every_kernel_and_its_share() {
    let dir = Dir::net();
    let answer = dir.pfp(&format!("{QUICK} --batch 1 --profile --json")).json();
    let kernels = answer["results"][0]["profile"].as_array().unwrap();
    let names: Vec<_> = kernels.iter().map(|kernel| kernel["kernel"].as_str().unwrap()).collect();
    for layer in ["conv2d", "max_pool2d", "dense"] {
        assert!(names.iter().any(|name| name.contains(layer)), "no {layer} in {names:?}");
    }
    // Pools and copies multiply and add nothing; sums do, if below a peak that was disturbed.
    for kernel in kernels {
        let is_sum =
            !["pool", "copy"].iter().any(|other| kernel["kernel"].to_string().contains(other));
        let [rate, share] = ["gflops", "share_of_peak"].map(|key| number(&kernel[key]));
        assert_eq!((rate > 0.0, (0.0..2.0).contains(&share)), (is_sum, true), "{kernel}");
    }
    let shares: f64 = kernels.iter().map(|kernel| number(&kernel["share"])).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{shares}");
}

#[test]
fn the_text_has_a_row_for_each_measurement() {
    let dir = Dir::net();
    let text = dir.pfp(&format!("{QUICK} --batch 1,2")).ok();
    let rows = text.lines().skip_while(|line| !line.starts_with("batch")).skip(1);
    let batches: Vec<_> = rows.filter_map(|row| row.split_whitespace().next()).collect();
    assert_eq!(batches, ["1", "2"], "{text}");
}

#[test]
fn a_module_that_fixes_its_batch_is_timed_with_that() {
    let dir = Dir::empty();
    let ty = "tensor<3x4xf32>";
    dir.write(
        "net.mlir",
        format!(
            "func.func @f(%x: !gauss.{ty}) -> !gauss.{ty} {{\n  \
             %0 = gauss.relu %x : (!gauss.{ty}) -> !gauss.{ty}\n  return %0 : !gauss.{ty}\n}}\n"
        ),
    );
    let answer = dir.pfp("bench net.mlir --seconds 0.02 --rounds 2 --json").json();
    assert_eq!(answer["results"][0]["batch"], 3, "{answer}");
}

/// Is the emulator there? Says so where it is not.
fn has_emulator() -> bool {
    let has = ["qemu-aarch64", "llvm-mca-22"]
        .iter()
        .all(|tool| std::process::Command::new(tool).arg("--version").output().is_ok());
    if !has {
        eprintln!("SKIPPED: counts without a board: qemu-aarch64 or llvm-mca-22 is missing");
    }
    has
}

#[test]
fn without_a_board_the_instructions_of_every_kernel_are_counted() {
    if !has_emulator() {
        return;
    }
    let dir = Dir::net();
    let bench = "bench net.mlir --params net.safetensors --target aarch64-linux-gnu --cpu cortex-a72 --json";
    let answer = dir.pfp(&format!("{bench} --batch 1,8 --profile")).json();
    assert!(answer["instructions_by"].as_str().unwrap().starts_with("qemu-aarch64"), "{answer}");
    let results = answer["results"].as_array().unwrap();
    for result in results {
        let kernels = result["profile"].as_array().unwrap();
        assert!(!kernels.is_empty());
        for count in ["instructions", "model_cycles"] {
            let of_kernels: f64 = kernels.iter().map(|kernel| number(&kernel[count])).sum();
            let all = number(&result[count]);
            // What is in no kernel is the frame of the function. Rare blocks cost by what is with them.
            assert!(of_kernels <= 1.05 * all && of_kernels > 0.8 * all, "{of_kernels} of {all}");
        }
        for kernel in kernels {
            // Two sums of vectors of four for each multiply-add, of which the means of a convolution may
            // take fewer.
            let least = number(&kernel["multiply_adds"]) / 4.0;
            assert!(number(&kernel["instructions"]) > least, "{kernel}");
        }
    }
    let calls: Vec<_> = results.iter().map(|result| number(&result["instructions"])).collect();
    assert!(calls[1] > 3.0 * calls[0] && calls[1] < 9.0 * calls[0], "{calls:?}");
    // Exact: the same once more.
    assert_eq!(dir.pfp(&format!("{bench} --batch 1,8 --profile")).json(), answer);
}

#[test]
fn a_page_shows_the_kernels_as_bars() {
    let dir = Dir::net();
    dir.pfp(&format!("{QUICK} --batch 2 --profile --report bench.html")).ok();
    let page = dir.text("bench.html");
    let bars = page.matches("class=\"bar\"><i style").count();
    let answer = dir.pfp(&format!("{QUICK} --batch 2 --profile --json")).json();
    assert_eq!(bars, answer["results"][0]["profile"].as_array().unwrap().len(), "{page}");
    assert!(page.contains("width:100.0%"), "{page}");
}

#[test]
fn what_is_not_emulated_is_refused() {
    let dir = Dir::net();
    for (arguments, message) in [
        ("--target x86_64-linux-gnu", "code for x86_64-linux-gnu is not emulated"),
        ("--target aarch64-linux-gnu --threads 2", "an emulated call has one thread"),
        ("--target aarch64-linux-gnu --cpu cortex-a72x", "LLVM knows no CPU 'cortex-a72x'"),
    ] {
        let error =
            dir.pfp(&format!("bench net.mlir --params net.safetensors {arguments}")).error();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let dir = Dir::net();
    for (arguments, message) in [
        ("--cpus 100000", "may not use the CPU 100000"),
        ("--threads 64 --cpus 0", "64 threads need as many CPUs"),
        ("--schedule missing.json", "missing.json"),
    ] {
        let refused = dir.pfp(&format!("{QUICK} --batch 1 {arguments}")).error();
        assert!(refused.contains(message), "{arguments}: {refused}");
    }
    let usage = dir.pfp("bench net.mlir --params net.safetensors --seconds 0");
    assert_eq!(usage.code, Some(2));
    assert!(usage.stderr.contains("is not a number above 0 and at most 3600"), "{}", usage.stderr);
}
