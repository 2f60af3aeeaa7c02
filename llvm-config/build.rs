//! Stops the build of the whole workspace at once where LLVM is missing.

#[allow(dead_code)] // the build script uses the check alone
#[path = "src/find.rs"]
mod find;

fn main() {
    println!("cargo:rerun-if-changed=src/find.rs");
    println!("cargo:rerun-if-changed=debian-packages");
    println!("cargo:rerun-if-env-changed=PFP_LLVM_PREFIX");
    println!("cargo:rerun-if-env-changed=MLIR_SYS_220_PREFIX");
    if let Err(missing) = find::Llvm::find() {
        eprintln!("\n{missing}\n");
        std::process::exit(1);
    }
}
