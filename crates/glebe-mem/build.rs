//! How `libglebe_mem.so` is linked. `libglebe_mem.a` is not linked here: its user's flags apply.

/// Arguments for the linker driver, each with its reason.
const ARGUMENTS: [&str; 8] = [
    // The name that programs record.
    "-Wl,-soname,libglebe_mem.so.1",
    // Everything is bound at load time and read-only afterwards.
    "-Wl,-z,relro",
    "-Wl,-z,now",
    "-Wl,-z,noexecstack",
    // For whoever keeps debugging information apart.
    "-Wl,--build-id=sha1",
    // There is nothing for the start files to do.
    "-nostartfiles",
    // Of the C library a few functions are used if it is there, and the compiler's own `memcpy`
    // and its like.
    "-Wl,--as-needed",
    "-lc",
];

fn main() {
    for argument in ARGUMENTS {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
