//! How `libglebe.so` is linked: its name, everything bound at load time, its own calls bound inside.

fn main() {
    for arg in [
        "-Wl,-soname,libglebe.so.1",
        "-Wl,-z,now",
        // Threads that end after a `dlclose` still come here.
        "-Wl,-z,nodelete",
        "-Wl,-z,relro",
        "-Wl,-Bsymbolic-functions",
        // Nothing but libc: no unwinder, no C++ runtime.
        "-Wl,--as-needed",
    ] {
        println!("cargo:rustc-cdylib-link-arg={arg}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
