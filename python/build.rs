//! Lets the module link the libraries of LLVM statically: a wheel is loaded where they are not installed, and
//! beside other copies of them.

use std::{
    env, fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// What LLVM and the C++ of the compiler are linked with, and the archives that hold them, the first that
/// exists.
const LIBRARIES: [(&str, &[&str]); 4] = [
    ("libstdc++.a", &["libstdc++.a"]),
    // The code of the plain archive can be in programs only.
    ("libffi.a", &["libffi_pic.a", "libffi.a"]),
    ("libz.a", &["libz.a"]),
    ("libzstd.a", &["libzstd.a"]),
];

/// Where the C compiler finds an archive.
fn find(archive: &str) -> Option<PathBuf> {
    let option = format!("-print-file-name={archive}");
    let output = Command::new("cc").arg(option).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    // A name that is not found is printed as it is.
    path.is_absolute().then_some(path)
}

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("static");
    fs::create_dir_all(&folder)?;
    for (name, archives) in LIBRARIES {
        let link = folder.join(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match archives.iter().find_map(|archive| find(archive)) {
            Some(archive) => symlink(archive, link)?,
            None => println!("cargo:warning=no {name}: the module will need the shared library"),
        }
    }
    // Searched before the system's folders.
    println!("cargo:rustc-link-search=native={}", folder.display());
    Ok(())
}
