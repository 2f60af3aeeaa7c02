//! Folders of images.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::{Value, json};

use crate::fixture::{Dir, Ran, repository, write_png};

/// An image of 2x2 pixels for [`TINY`](crate::fixture::TINY).
fn image(dir: &Dir, path: &str) {
    write_png(&dir.path(path), 2, 2, png::ColorType::Grayscale, &[0, 64, 128, 255]);
}

fn eval(dir: &Dir, data: &str) -> Ran {
    let eval = "eval tiny.mlir --params tiny.safetensors --no-latency --modes mean --json --items";
    dir.pfp(&format!("{eval} --scale 1/255 --in-domain {data}"))
}

fn set(dir: &Dir, data: &str) -> Value {
    eval(dir, data).json()["sets"][0].clone()
}

#[test]
fn hidden_entries_are_no_classes_and_it_is_said() {
    let dir = Dir::tiny();
    for class in ["cat", "dog", "eel"] {
        image(&dir, &format!("x/{class}/a.png"));
    }
    fs::create_dir_all(dir.path("x/.ipynb_checkpoints")).unwrap();
    image(&dir, "x/.thumbs/a.png");
    image(&dir, "x/cat/._a.png");
    let ran = eval(&dir, "x");
    let note = "note: x: left out 3 (hidden): .ipynb_checkpoints, .thumbs, cat/._a.png\n";
    assert!(ran.stderr.contains(note), "{ran:#?}");
    let set = ran.json()["sets"][0].clone();
    assert_eq!(set["labels"], json!([0, 1, 2]));
    assert_eq!(set["notes"][0].as_str(), note.strip_prefix("note: ").map(str::trim));
}

#[test]
fn images_are_found_at_any_depth_in_the_order_of_torchvision() {
    let dir = Dir::tiny();
    for path in ["0/b.png", "0/a/z.PNG", "1/deep/er/x.png", "2/last.png"] {
        image(&dir, &format!("x/{path}"));
    }
    assert_eq!(set(&dir, "x")["labels"], json!([0, 0, 1, 2]));
    // By contents, not by name.
    fs::copy(dir.path("x/0/b.png"), dir.path("x/1/deep/y.jpeg")).unwrap();
    assert_eq!(set(&dir, "x")["labels"], json!([0, 0, 1, 1, 2]));
}

#[test]
fn what_is_left_out_is_counted_and_named() {
    let dir = Dir::tiny();
    for class in ["0", "1", "2"] {
        image(&dir, &format!("x/{class}/a.png"));
    }
    image(&dir, "x/beside.png");
    for file in ["x/0/a.webp", "x/0/b.gif", "x/1/c.TIFF", "x/2/d.bmp", "x/readme.txt"] {
        dir.write(file, "");
    }
    symlink("..", dir.path("x/1/loop")).unwrap();
    symlink(".", dir.path("x/above")).unwrap();
    let set = set(&dir, "x");
    assert_eq!(set["labels"], json!([0, 1, 2]));
    assert_eq!(
        set["notes"],
        json!([
            "x: left out 4 (an image that is neither PNG nor JPEG): 0/a.webp, 0/b.gif, 1/c.TIFF \
             and 1 more",
            "x: left out 1 (no image): readme.txt",
            "x: left out 1 (an image beside the folders that are classes): beside.png",
            "x: left out 2 (a link that leads back to a folder above it): 1/loop, above",
        ])
    );
}

#[test]
fn classes_are_numbers_or_places_never_a_mixture() {
    let dir = Dir::tiny();
    for class in ["2", "0", "1"] {
        image(&dir, &format!("numbers/{class}/a.png"));
        image(&dir, &format!("shifted/{class}/a.png"));
    }
    fs::create_dir_all(dir.path("numbers/.DS_Store")).unwrap();
    assert_eq!(set(&dir, "numbers")["labels"], json!([0, 1, 2]));
    image(&dir, "shifted/+/a.png");
    fs::create_dir_all(dir.path("empty/thumbs")).unwrap();
    image(&dir, "empty/0/a.png");
    dir.write("empty/thumbs/readme.txt", "");
    image(&dir, "twice/0/a.png");
    image(&dir, "twice/00/a.png");
    image(&dir, "gone/0/a.png");
    symlink("nowhere.png", dir.path("gone/0/b.png")).unwrap();
    fs::create_dir_all(dir.path("flat")).unwrap();
    dir.write("flat/readme.txt", "");
    for (data, needle) in [
        ("empty", "empty/thumbs has no images, but every folder in empty is a class"),
        ("shifted", "the folder '+' is no number as '0' is, which would become class 1"),
        ("twice", "two folders are class 0"),
        ("gone", "cannot read gone/0/b.png"),
        ("flat", "flat has no images"),
    ] {
        let error = eval(&dir, data).error();
        assert!(error.contains(needle), "{needle}: {error}");
    }
    // A class of the network has no folder: which is which is said.
    image(&dir, "few/cat/a.png");
    image(&dir, "few/eel/a.png");
    let notes = set(&dir, "few")["notes"].clone();
    let note =
        "few: the network tells 3 classes apart, but there are 2 folders: cat is 0, eel is 1";
    assert_eq!(notes, json!([note]));
}

#[test]
fn jpeg_files_are_images() {
    let dir = Dir::tiny();
    let photos = repository().join("evaluate/tests/data");
    dir.write("net.mlir", crate::fixture::TINY.replace("x4xf32", "x1152xf32"));
    dir.write("tiny.safetensors", {
        let mut parameters = crate::fixture::tiny_parameters();
        for part in ["mean", "var"] {
            parameters.insert(format!("fc.weight.{part}"), (vec![3, 1152], vec![0.001; 3456]));
        }
        crate::fixture::safetensors(&parameters)
    });
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(dir.path(Path::new(to).parent().unwrap().to_str().unwrap())).unwrap();
        fs::copy(photos.join(from), dir.path(to)).unwrap();
    };
    copy("colour.jpg", "x/0/a.JPG");
    copy("progressive.jpg", "x/1/b.jpeg");
    copy("grey.jpg", "x/2/c.jpg");
    let run = "eval net.mlir --params tiny.safetensors --no-latency --modes mean --json --items";
    let json = dir.pfp(&format!("{run} --in-domain x")).json();
    assert_eq!(json["sets"][0]["labels"], json!([0, 1, 2]));
    assert_eq!(json["sets"][0]["item_shape"], json!([3, 16, 24]));
    copy("cmyk.jpg", "x/2/d.jpg");
    let error = dir.pfp(&format!("{run} --in-domain x")).error();
    assert!(error.contains("x/2/d.jpg is neither grey nor of red, green and blue"), "{error}");
}
