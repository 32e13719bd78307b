//! How each peer's own project builds its preloadable library, as compiler arguments; and which
//! executables cargo builds with an allocator compiled in.
//!
//! The flags are those of the projects' build files for a release build: mimalloc's and snmalloc's
//! `CMakeLists.txt` (targets `mimalloc` and `snmallocshim`), rpmalloc's `configure.py` (target
//! `rpmallocwrap`), jemalloc's `configure`; of Google's tcmalloc, which is built by bazel, those of
//! the crate that carries it. None of them is tuned for this machine.

/// One peer.
pub struct Recipe {
    /// The name in reports; the library is `libNAME.so`, an executable is `NAME`.
    pub name: &'static str,
    /// The crate whose package carries the sources.
    pub package: &'static str,
    /// How to build them.
    pub steps: Steps,
}

impl Recipe {
    /// The name of the file that is built.
    pub fn file(&self) -> String {
        match self.steps {
            Steps::Executable(_) => self.name.into(),
            _ => format!("lib{}.so", self.name),
        }
    }
}

/// How to get from sources to a library or an executable.
pub enum Steps {
    /// One call of a compiler.
    Compile(Compile),
    /// `configure` and `make` in a folder of its own.
    Jemalloc,
    /// The executable of `peers/rust` with the allocator that is this feature.
    Executable(&'static str),
    /// That executable, and a call of a compiler that takes all else from the archive which the
    /// package has left behind there.
    Archive {
        feature: &'static str,
        archive: &'static str,
        compile: Compile,
    },
}

/// One call of a compiler. Paths are relative to the package; `-I` ones too.
pub struct Compile {
    /// Whether to call the C++ compiler.
    pub cpp: bool,
    /// Folder of the includes.
    pub includes: &'static [&'static str],
    /// Files.
    pub sources: &'static [&'static str],
    /// Flags, in groups so that recipes can share them.
    pub flags: &'static [&'static [&'static str]],
    /// Libraries and other arguments that must come last.
    pub libraries: &'static [&'static str],
}

/// Common to all: optimised, no assertions, position-independent.
const RELEASE: &[&str] = &["-O3", "-DNDEBUG", "-fPIC", "-shared", "-pthread"];

const MIMALLOC: &[&str] = &[
    "-DMI_BUILD_RELEASE",
    "-DMI_MALLOC_OVERRIDE",
    "-DMI_SHARED_LIB",
    "-DMI_SHARED_LIB_EXPORT",
    "-fvisibility=hidden",
    "-fno-builtin-malloc",
    "-ftls-model=initial-exec",
];

const SNMALLOC: &[&str] = &[
    "-std=c++20",
    "-mcx16",
    "-mprfchw",
    "-fvisibility=hidden",
    "-fno-rtti",
    "-fomit-frame-pointer",
    "-ffunction-sections",
    "-ftls-model=initial-exec",
    "-DSNMALLOC_USE_WAIT_ON_ADDRESS=1",
    "-DSNMALLOC_NO_REALLOCARRAY",
    "-DSNMALLOC_NO_REALLOCARR",
    "-DSNMALLOC_HAS_LINUX_FUTEX_H",
    "-DSNMALLOC_HAS_LINUX_RANDOM_H",
    "-DSNMALLOC_PLATFORM_HAS_GETENTROPY",
    "-DSNMALLOC_PTHREAD_ATFORK_WORKS",
    "-DSNMALLOC_USE_CXX11_THREAD_ATEXIT_DIRECT",
    "-DSNMALLOC_EXPORT=__attribute__((visibility(\"default\")))",
    "-DSNMALLOC_CHECK_LOADS=false",
    "-DSNMALLOC_PAGEID=false",
];

const SNMALLOC_SOURCES: &[&str] = &[
    "upstream/src/snmalloc/override/malloc.cc",
    "upstream/src/snmalloc/override/new.cc",
];

/// With checks, upstream overrides memcpy as well.
const SNMALLOC_CHECKED_SOURCES: &[&str] = &[
    "upstream/src/snmalloc/override/malloc.cc",
    "upstream/src/snmalloc/override/new.cc",
    "upstream/src/snmalloc/override/memcpy.cc",
];

const RPMALLOC: &[&str] = &[
    "-std=c11",
    "-D_GNU_SOURCE=1",
    "-DENABLE_PRELOAD=1",
    "-DENABLE_OVERRIDE=1",
    "-DBUILD_DYNAMIC_LINK=1",
    "-funit-at-a-time",
    "-fstrict-aliasing",
    "-funroll-loops",
    // Two declarations of reallocarray differ in an attribute.
    "-Wno-attributes",
];

/// As the crate builds the archive, but with the functions of C and C++.
const GOOGLE_TCMALLOC: &[&str] = &[
    "-std=c++17",
    "-DNOMINMAX",
    "-DTCMALLOC_INTERNAL_8K_PAGES",
    "-Wno-attribute-alias",
];

const fn mimalloc(name: &'static str, flags: &'static [&'static [&'static str]]) -> Recipe {
    let compile = Compile {
        cpp: false,
        includes: &["c_src/mimalloc/v3/include", "c_src/mimalloc/v3/src"],
        sources: &["c_src/mimalloc/v3/src/static.c"],
        flags,
        libraries: &[],
    };
    Recipe {
        name,
        package: "libmimalloc-sys",
        steps: Steps::Compile(compile),
    }
}

const fn snmalloc(
    name: &'static str,
    sources: &'static [&'static str],
    flags: &'static [&'static [&'static str]],
) -> Recipe {
    let compile = Compile {
        cpp: true,
        includes: &["upstream/src"],
        sources,
        flags,
        libraries: &["-static-libstdc++", "-latomic"],
    };
    Recipe {
        name,
        package: "snmalloc-sys",
        steps: Steps::Compile(compile),
    }
}

const fn executable(name: &'static str, feature: &'static str, package: &'static str) -> Recipe {
    Recipe {
        name,
        package,
        steps: Steps::Executable(feature),
    }
}

/// Everything that is built from sources.
pub const RECIPES: [Recipe; 14] = [
    mimalloc("mimalloc3", &[RELEASE, MIMALLOC]),
    mimalloc("mimalloc3-secure", &[RELEASE, MIMALLOC, &["-DMI_SECURE=4"]]),
    snmalloc("snmalloc", SNMALLOC_SOURCES, &[RELEASE, SNMALLOC]),
    snmalloc(
        "snmalloc-checks",
        SNMALLOC_CHECKED_SOURCES,
        &[RELEASE, SNMALLOC, &["-DSNMALLOC_CHECK_CLIENT"]],
    ),
    Recipe {
        name: "rpmalloc",
        package: "rpmalloc-sys",
        steps: Steps::Compile(Compile {
            cpp: false,
            includes: &["rpmalloc/rpmalloc"],
            sources: &["rpmalloc/rpmalloc/rpmalloc.c"],
            flags: &[RELEASE, RPMALLOC],
            libraries: &["-ldl"],
        }),
    },
    Recipe {
        name: "jemalloc",
        package: "tikv-jemalloc-sys",
        steps: Steps::Jemalloc,
    },
    Recipe {
        name: "google-tcmalloc",
        package: "libtcmalloc-sys",
        steps: Steps::Archive {
            feature: "google-tcmalloc",
            archive: "libtcmalloc.a",
            compile: Compile {
                cpp: true,
                includes: &["c_src/abseil-cpp", "c_src/tcmalloc"],
                sources: &["c_src/tcmalloc/tcmalloc/tcmalloc.cc"],
                flags: &[RELEASE, GOOGLE_TCMALLOC],
                libraries: &["libtcmalloc.a", "-static-libstdc++"],
            },
        },
    },
    executable("rust-glebe", "glebe", "glebe"),
    executable("rust-glibc", "glibc", "glebe-peers-rust"),
    executable("rust-mimalloc3", "mimalloc3", "mimalloc"),
    executable("rust-snmalloc", "snmalloc", "snmalloc-rs"),
    executable("rust-rpmalloc", "rpmalloc", "rpmalloc"),
    executable("rust-jemalloc", "jemalloc", "tikv-jemallocator"),
    executable("rust-google-tcmalloc", "google-tcmalloc", "tcmalloc-better"),
];
