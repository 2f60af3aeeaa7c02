//! Names that clash: with each other, as the files of all functions of a module lie in one
//! folder and are linked into one program, and with those of others.

use std::collections::HashMap;

use super::{Kind, rust};
use crate::{
    compile::{Function, Network},
    error::Error,
};

/// Headers of the C library, of POSIX and of the GNU C library. One of these names in a folder
/// that a compiler searches hides the library's own.
const HEADERS: &str = "\
    aio aliases alloca argp argz assert byteswap complex cpio crypt ctype dirent dlfcn elf endian envz \
    err errno error execinfo fcntl features fenv float fmtmsg fnmatch fstab fts ftw gconv getopt \
    glob grp gshadow iconv ifaddrs inttypes iso646 langinfo lastlog libgen libintl limits link \
    locale malloc math mcheck memory mntent monetary mqueue ndbm netdb nl_types nss obstack \
    paths poll printf proc_service pthread pty pwd re_comp regex regexp resolv sched search \
    semaphore setjmp sgtty shadow signal spawn stab stdalign stdarg stdatomic stdbit stdbool \
    stdckdint stddef stdint stdio stdio_ext stdlib stdnoreturn string strings stropts syscall sysexits \
    syslog tar termio termios tgmath thread_db threads time trace ttyent uchar ucontext ulimit unistd \
    utime utmp utmpx values wait wchar wctype wordexp";

/// What `-lNAME` means on Linux where nobody compiled a network of that name.
const LIBRARIES: &str = "\
    anl asan atomic backtrace brokenlocale c crypt dl g gcc gcc_eh gcc_s gcov gomp itm lsan m \
    mcheck mvec nsl pthread quadmath resolv rt thread_db tsan ubsan util";

/// The endings of the names that a function that learns has beside its own.
const LEARNING: [&str; 4] = ["_step", "_adapt", "_prior", "_start"];

/// Refuses functions whose files of these kinds cannot stand beside each other, or would stand
/// before what a C compiler or linker brings along.
///
/// # Errors
///
/// At the first such function.
pub fn check(network: &Network, functions: &[&Function], kinds: &[Kind]) -> Result<(), Error> {
    let mut taken: HashMap<String, &Function> = HashMap::new();
    for &function in functions {
        if let Some(reason) = hides(&function.name, kinds) {
            return Err(network.reject(function, &reason));
        }
        for claim in claims(&function.name, kinds) {
            if let Some(other) = taken.get(&claim) {
                let message = format!(
                    "cannot be compiled beside @{}: both would have {claim}; rename one of them, \
                     or compile each with --function into a folder of its own",
                    other.name
                );
                return Err(network.reject(function, &message));
            }
            taken.insert(claim, function);
        }
    }
    Ok(())
}

/// Refuses a function that learns where what it is compiled to cannot stand beside another of the module.
///
/// # Errors
///
/// At the first such other function.
pub fn check_learning(network: &Network, function: &Function) -> Result<(), Error> {
    check(network, &[function], &Kind::DEFAULT)?;
    let of = |suffix: &str| claims(&format!("{}{suffix}", function.name), &[]);
    let own: Vec<_> = LEARNING.into_iter().flat_map(of).collect();
    for other in network.functions() {
        let mut others = claims(&other.name, &[]).into_iter();
        if let Some(claim) = others.find(|claim| own.contains(claim)) {
            let message = format!(
                "cannot learn beside @{}: both would have {claim}; rename one of them",
                other.name
            );
            return Err(network.reject(function, &message));
        }
    }
    Ok(())
}

/// What nothing but one function can have, in the words of a message.
fn claims(name: &str, kinds: &[Kind]) -> Vec<String> {
    let symbols = ["", "_run", "_parallel"].map(|suffix| format!("the C name pfp_{name}{suffix}"));
    // Of the same name but for case, files are one where the file system does not tell them
    // apart. Longer names of one function are no macro of another: what follows the name begins
    // with a word of the header.
    let macros = format!("the macros PFP_{}_..", name.to_ascii_uppercase());
    let rust =
        kinds.contains(&Kind::Rust).then(|| format!("the Rust type {}", rust::type_name(name)));
    symbols.into_iter().chain([macros]).chain(rust).collect()
}

/// Why a function of this name would be in the way of others.
fn hides(name: &str, kinds: &[Kind]) -> Option<String> {
    let folded = name.to_ascii_lowercase();
    let hides = |kind: Kind, names: &str| {
        kinds.contains(&kind) && names.split_whitespace().any(|taken| taken == folded)
    };
    if hides(Kind::Header, HEADERS) {
        return Some(format!(
            "cannot have a header: {name}.h would hide <{folded}.h> of the C library; rename the \
             function, or leave the header out with --emit"
        ));
    }
    if hides(Kind::Shared, LIBRARIES) {
        return Some(format!(
            "cannot be a shared library: lib{name}.so would stand for -l{folded} of the system; \
             rename the function"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_claims() {
        assert_eq!(
            claims("my_net", &[Kind::Rust]),
            [
                "the C name pfp_my_net",
                "the C name pfp_my_net_run",
                "the C name pfp_my_net_parallel",
                "the macros PFP_MY_NET_..",
                "the Rust type MyNet"
            ]
        );
    }

    #[test]
    fn only_what_is_written_can_hide() {
        assert!(hides("Math", &Kind::DEFAULT).unwrap().contains("Math.h would hide <math.h>"));
        assert_eq!(hides("math", &[Kind::Obj, Kind::Shared]), None);
        assert!(hides("m", &[Kind::Shared]).unwrap().contains("-lm"));
        assert_eq!(hides("m", &Kind::DEFAULT), None);
    }
}
