//! What `libglebe.so` offers and asks for: its dynamic symbols against the two committed lists, and
//! the properties of the file that preloading, late loading and packaging rely on.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use glebe_tests::{library, root};
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn, FileHeader};
use object::{Endianness, Object, ObjectSymbol, SymbolFlags};

type Header = FileHeader64<Endianness>;

/// One dynamic symbol of the library.
struct Symbol {
    name: String,
    undefined: bool,
    weak: bool,
}

fn library_bytes() -> Vec<u8> {
    let path = library();
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn dynamic_symbols() -> Vec<Symbol> {
    let bytes = library_bytes();
    let file = object::File::parse(&*bytes).expect("the library is an ELF file");
    let visible = file.dynamic_symbols().filter(|symbol| !symbol.is_local());
    let named = visible.filter(|symbol| symbol.name().is_ok_and(|name| !name.is_empty()));
    named
        .map(|symbol| Symbol {
            name: symbol.name().expect("filtered").to_string(),
            undefined: symbol.is_undefined(),
            weak: matches!(symbol.flags(), SymbolFlags::Elf { st_info, .. }
                if st_info >> 4 == elf::STB_WEAK),
        })
        .collect()
}

/// The lines of a list in `tests/`, without comments and empty lines.
fn list(file: &str) -> Vec<String> {
    let path = root().join("tests").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_string)
        .collect()
}

#[test]
fn exactly_the_listed_symbols_are_exported() {
    let symbols = dynamic_symbols();
    let exported: BTreeSet<String> = symbols
        .into_iter()
        .filter(|symbol| !symbol.undefined)
        .map(|symbol| symbol.name)
        .collect();
    let listed: BTreeSet<String> = list("exported-symbols.txt").into_iter().collect();
    let extra: Vec<_> = exported.difference(&listed).collect();
    let missing: Vec<_> = listed.difference(&exported).collect();
    assert!(
        extra.is_empty() && missing.is_empty(),
        "exported but not in tests/exported-symbols.txt: {extra:?}\nlisted but missing: {missing:?}"
    );
}

#[test]
fn only_the_listed_symbols_are_asked_of_others() {
    let allowed: BTreeSet<String> = list("undefined-symbols.txt").into_iter().collect();
    let refused: Vec<String> = dynamic_symbols()
        .into_iter()
        .filter(|symbol| symbol.undefined)
        .filter(|symbol| !may_be_undefined(&allowed, symbol))
        .map(|symbol| {
            if symbol.weak {
                format!("weak {}", symbol.name)
            } else {
                symbol.name
            }
        })
        .collect();
    assert!(
        refused.is_empty(),
        "not in tests/undefined-symbols.txt: {refused:?}"
    );
}

/// A symbol listed without `weak` may be asked for either way.
fn may_be_undefined(allowed: &BTreeSet<String>, symbol: &Symbol) -> bool {
    allowed.contains(&symbol.name)
        || (symbol.weak && allowed.contains(&format!("weak {}", symbol.name)))
}

#[test]
fn a_symbol_listed_as_weak_may_not_be_strong() {
    let allowed = BTreeSet::from(["weak __cxa_throw".to_string(), "abort".to_string()]);
    let symbol = |name: &str, weak| Symbol {
        name: name.to_string(),
        undefined: true,
        weak,
    };
    assert!(may_be_undefined(&allowed, &symbol("__cxa_throw", true)));
    assert!(!may_be_undefined(&allowed, &symbol("__cxa_throw", false)));
    assert!(may_be_undefined(&allowed, &symbol("abort", false)));
    assert!(!may_be_undefined(&allowed, &symbol("printf", true)));
}

#[test]
fn the_lists_are_free_of_doubles() {
    for file in ["exported-symbols.txt", "undefined-symbols.txt"] {
        let lines = list(file);
        let unique: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(unique.len(), lines.len(), "{file} names something twice");
    }
}

/// Every call of the malloc family has a twin under Glebe's own name.
#[test]
fn every_c_function_has_a_prefixed_twin() {
    let exported: BTreeSet<String> = list("exported-symbols.txt").into_iter().collect();
    let plain = exported
        .iter()
        .filter(|name| !name.starts_with("_Z") && !name.starts_with("glebe_"));
    let without: Vec<_> = plain
        .filter(|name| !exported.contains(&format!("glebe_{name}")))
        .collect();
    assert!(
        without.is_empty(),
        "no glebe_ twin is listed for {without:?}"
    );
}

/// The dynamic section's entries: tag, value and, for those that name a string, the string.
fn dynamic_entries() -> Vec<(u32, u64, String)> {
    let bytes = library_bytes();
    let data = &*bytes;
    let header = Header::parse(data).expect("the library is an ELF file");
    let endian = header.endian().expect("its byte order is known");
    let sections = header.sections(endian, data).expect("it has sections");
    let (entries, strings) = sections
        .dynamic(endian, data)
        .expect("readable")
        .expect("it has a dynamic section");
    let strings = sections
        .strings(endian, data, strings)
        .expect("it has dynamic strings");
    let entry = |entry: &elf::Dyn64<Endianness>| {
        let tag = entry.tag32(endian).unwrap_or(0);
        let text = if entry.is_string(endian) {
            entry.string(endian, strings).ok()
        } else {
            None
        };
        let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
        (tag, entry.d_val(endian), text)
    };
    entries.iter().map(entry).collect()
}

/// The values of one tag.
fn values(tag: u32) -> Vec<u64> {
    let entries = dynamic_entries().into_iter();
    entries
        .filter(|(found, ..)| *found == tag)
        .map(|(_, value, _)| value)
        .collect()
}

/// The strings of one tag.
fn strings(tag: u32) -> Vec<String> {
    let entries = dynamic_entries().into_iter();
    entries
        .filter(|(found, ..)| *found == tag)
        .map(|(.., text)| text)
        .collect()
}

fn has_flag(tag: u32, flag: u32) -> bool {
    values(tag).iter().any(|flags| flags & u64::from(flag) != 0)
}

/// Code pages stay shared between processes, and hardened systems load the library.
#[test]
fn code_needs_no_relocation() {
    assert!(
        values(elf::DT_TEXTREL).is_empty(),
        "the library has DT_TEXTREL"
    );
    assert!(
        !has_flag(elf::DT_FLAGS, elf::DF_TEXTREL),
        "the library has DF_TEXTREL"
    );
}

/// `__tls_get_addr` allocates, so an allocator must not call it: its thread-local variables are
/// reached from the thread pointer (the initial-exec model), which the linker notes as a flag.
#[test]
fn thread_local_variables_are_reached_without_a_call() {
    assert!(
        has_flag(elf::DT_FLAGS, elf::DF_STATIC_TLS),
        "the library lacks DF_STATIC_TLS"
    );
    let calls = dynamic_symbols()
        .iter()
        .any(|symbol| symbol.name == "__tls_get_addr");
    assert!(!calls, "the library calls __tls_get_addr");
}

/// A process's keys and fork handlers point into the library until it ends, so `dlclose` must not
/// unmap it.
#[test]
fn the_library_cannot_be_unloaded() {
    assert!(
        has_flag(elf::DT_FLAGS_1, elf::DF_1_NODELETE),
        "link with -Wl,-z,nodelete"
    );
}

#[test]
fn a_name_for_the_loader_would_carry_the_major_version() {
    let names = strings(elf::DT_SONAME);
    assert!(
        names.iter().all(|name| name == "libglebe.so.1"),
        "the soname is {names:?}"
    );
}

/// No C++ run-time library and no unwinder is loaded along.
#[test]
fn only_the_c_library_is_needed() {
    let needed = strings(elf::DT_NEEDED);
    let allowed = ["libc.so.6", "ld-linux-x86-64.so.2"];
    let refused: Vec<_> = needed
        .iter()
        .filter(|name| !allowed.contains(&name.as_str()))
        .collect();
    assert!(refused.is_empty(), "the library needs {refused:?}");
}

/// No section is both writable and executable.
#[test]
fn nothing_is_writable_and_executable() {
    let bytes = library_bytes();
    let header = Header::parse(&*bytes).expect("the library is an ELF file");
    let endian = header.endian().expect("its byte order is known");
    let sections = header.sections(endian, &*bytes).expect("it has sections");
    let both = u64::from(elf::SHF_WRITE | elf::SHF_EXECINSTR);
    let bad = sections
        .iter()
        .filter(|section| section.sh_flags.get(endian) & both == both);
    assert_eq!(bad.count(), 0, "{}", Path::display(&library()));
}
