//! How `libglebe.so` is linked. `libglebe.a` is not linked here: its user's flags apply.

/// Arguments for the linker driver, each with its reason.
const ARGUMENTS: [&str; 13] = [
    // The name that programs record; another major version could not be taken for this one.
    "-Wl,-soname,libglebe.so.1",
    // Calls from one function of the library to another go straight there, not through the PLT,
    // whoever else defines a `malloc`.
    "-Wl,-Bsymbolic-functions",
    // Thread-exit keys and C++ frames point into the library for good: dlclose must not unmap it.
    "-Wl,-z,nodelete",
    // Everything is bound at load time and read-only afterwards: no lazy binding inside malloc, no
    // function pointer that an overflow could change.
    "-Wl,-z,relro",
    "-Wl,-z,now",
    "-Wl,-z,noexecstack",
    // What is written at load time begins where a page does: else it lies on two of them, or on
    // one, by how long the code happens to be.
    "-Wl,-z,separate-loadable-segments",
    // A symbol that no library has is an error here, not at the user's.
    "-Wl,-z,defs",
    // For whoever keeps debugging information apart.
    "-Wl,--build-id=sha1",
    // There is nothing for the start files to do: no C++ objects, no `atexit`.
    "-nostartfiles",
    // Before glibc 2.34 thread-specific keys live in a library of their own.
    "-Wl,--as-needed",
    "-lpthread",
    "-lc",
];

fn main() {
    for argument in ARGUMENTS {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
