//! Looks at a file the way the kernel and the dynamic linker will: an ELF image with or without a
//! loader, a script with an interpreter line, or neither.
//!
//! Only headers are read, through a cache, so that a program of hundreds of megabytes costs no
//! more than a small one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use object::elf::{self, DynamicTag, FileType, Machine};
use object::read::ReadCache;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, ReadRef};

/// The kernel looks for the interpreter within this many bytes of a script.
const SCRIPT_LINE_BYTES: u64 = 256;

/// What the first bytes of a file say it is.
#[derive(Debug, PartialEq, Eq)]
pub enum Image {
    /// An ELF image.
    Elf(Elf),
    /// A file that starts with `#!`.
    Script(Script),
    /// Neither; `text` tells whether a shell would take it for a script.
    Unknown {
        /// True when the first bytes hold no NUL.
        text: bool,
    },
}

/// The parts of an ELF image that decide whether a library can be preloaded into it.
#[derive(Debug, PartialEq, Eq)]
pub struct Elf {
    /// `e_machine`.
    pub machine: Machine,
    /// True for the 64-bit class.
    pub wide: bool,
    /// `e_type`.
    pub kind: FileType,
    /// The loader it asks for (`PT_INTERP`).
    pub loader: Option<PathBuf>,
    /// Its own name (`DT_SONAME`).
    pub soname: Option<String>,
    /// Libraries it needs (`DT_NEEDED`).
    pub needed: Vec<String>,
}

impl Elf {
    /// Whether this image runs as the same kind of code as this command.
    pub fn is_native(&self) -> bool {
        self.wide && self.machine == elf::EM_X86_64
    }

    /// Whether this image is the dynamic linker itself, which honours `LD_PRELOAD` without having
    /// a loader of its own.
    pub fn is_loader(&self) -> bool {
        self.soname
            .as_deref()
            .is_some_and(|name| name.starts_with("ld-"))
    }

    /// Whether it can be mapped as a shared library.
    pub fn is_shared(&self) -> bool {
        self.kind == elf::ET_DYN
    }

    /// The machine in words.
    pub fn machine_name(&self) -> String {
        match (self.machine, self.wide) {
            (elf::EM_X86_64, true) => "64-bit x86-64".into(),
            (elf::EM_X86_64, false) => "32-bit x86-64 (x32)".into(),
            (elf::EM_386, _) => "32-bit x86".into(),
            (elf::EM_AARCH64, _) => "64-bit ARM".into(),
            (elf::EM_ARM, _) => "32-bit ARM".into(),
            (elf::EM_RISCV, _) => "RISC-V".into(),
            (other, _) => format!("ELF machine {}", other.0),
        }
    }
}

/// The interpreter line of a script.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// The program after `#!`.
    pub interpreter: PathBuf,
    /// The rest of the line, passed as one argument.
    pub argument: Option<Vec<u8>>,
}

/// Reads the headers of the file at `path`.
pub fn inspect(path: &Path) -> io::Result<Image> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref()
        .take(SCRIPT_LINE_BYTES)
        .read_to_end(&mut start)?;
    if let Some(line) = start.strip_prefix(b"#!") {
        return Ok(parse_script(line).map_or(Image::Unknown { text: true }, Image::Script));
    }
    if !start.starts_with(&elf::ELFMAG) {
        return Ok(Image::Unknown {
            text: !start.contains(&0),
        });
    }
    file.rewind()?;
    let cache = ReadCache::new(file);
    let wide = start.get(elf::ELFMAG.len()) == Some(&elf::ELFCLASS64.0);
    let parsed = if wide {
        parse_elf::<elf::FileHeader64<Endianness>, _>(&cache)
    } else {
        parse_elf::<elf::FileHeader32<Endianness>, _>(&cache)
    };
    parsed
        .map(Image::Elf)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Takes the line after `#!` apart as the kernel does: one interpreter, one optional argument.
fn parse_script(line: &[u8]) -> Option<Script> {
    let line = line.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let end = line.iter().position(blank).unwrap_or(line.len());
    if end == 0 {
        return None;
    }
    let interpreter = std::ffi::OsString::from_vec(line[..end].to_vec()).into();
    let rest = line[end..].trim_ascii();
    Some(Script {
        interpreter,
        argument: (!rest.is_empty()).then(|| rest.to_vec()),
    })
}

fn parse_elf<'data, H, R>(data: R) -> object::Result<Elf>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let mut image = Elf {
        machine: header.e_machine(endian),
        wide: header.is_type_64(),
        kind: header.e_type(endian),
        loader: None,
        soname: None,
        needed: Vec::new(),
    };
    let segments = header.program_headers(endian, data)?;
    for segment in segments {
        if let Some(loader) = segment.interpreter(endian, data)? {
            image.loader = Some(std::ffi::OsString::from_vec(loader.to_vec()).into());
        }
        if let Some(entries) = segment.dynamic(endian, data)? {
            read_dynamic::<H, R>(&mut image, entries, segments, endian, data);
        }
    }
    Ok(image)
}

/// Fills in the names from the dynamic section. A damaged string table leaves them empty: the
/// kernel would not look at them either.
fn read_dynamic<'data, H, R>(
    image: &mut Elf,
    entries: &[H::Dyn],
    segments: &[H::ProgramHeader],
    endian: Endianness,
    data: R,
) where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let value = |tag: DynamicTag| {
        let entry = entries.iter().find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian).into())
    };
    let (Some(address), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return;
    };
    let strings = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .find_map(|segment| {
            let into = address.checked_sub(segment.p_vaddr(endian).into())?;
            let inside = into < segment.p_filesz(endian).into();
            inside.then(|| into.checked_add(segment.p_offset(endian).into()))?
        })
        .and_then(|offset| data.read_bytes_at(offset, size).ok())
        .unwrap_or_default();
    let text = |offset: u64| -> Option<String> {
        let tail = strings.get(usize::try_from(offset).ok()?..)?;
        let end = tail.iter().position(|&byte| byte == 0)?;
        Some(String::from_utf8_lossy(&tail[..end]).into_owned())
    };
    image.soname = value(elf::DT_SONAME).and_then(text);
    image.needed = entries
        .iter()
        .filter(|entry| entry.d_tag(endian) == elf::DT_NEEDED)
        .filter_map(|entry| text(entry.d_val(endian).into()))
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn inspect_bytes(bytes: &[u8]) -> io::Result<Image> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        inspect(file.path())
    }

    fn script(line: &[u8]) -> Image {
        inspect_bytes(line).unwrap()
    }

    #[test]
    fn this_program_is_native_and_names_its_loader_and_libc() {
        let Image::Elf(image) = inspect(&std::env::current_exe().unwrap()).unwrap() else {
            panic!("the test program is not seen as ELF");
        };
        assert!(image.is_native() && image.is_shared() && !image.is_loader());
        let loader = image.loader.expect("a loader");
        assert!(
            loader.starts_with("/lib64") || loader.starts_with("/lib"),
            "{loader:?}"
        );
        assert!(
            image.needed.iter().any(|name| name == "libc.so.6"),
            "{:?}",
            image.needed
        );
    }

    #[test]
    fn the_dynamic_linker_knows_its_own_name() {
        let Image::Elf(program) = inspect(&std::env::current_exe().unwrap()).unwrap() else {
            panic!("the test program is not seen as ELF");
        };
        let Image::Elf(loader) = inspect(&program.loader.unwrap()).unwrap() else {
            panic!("the loader is not seen as ELF");
        };
        assert!(loader.loader.is_none() && loader.is_loader(), "{loader:?}");
    }

    #[test]
    fn interpreter_lines_are_split_as_the_kernel_does() {
        let parts = |interpreter: &str, argument: Option<&str>| {
            Image::Script(Script {
                interpreter: interpreter.into(),
                argument: argument.map(|text| text.as_bytes().to_vec()),
            })
        };
        assert_eq!(script(b"#!/bin/sh\necho"), parts("/bin/sh", None));
        assert_eq!(
            script(b"#! /usr/bin/env -S a  b \n"),
            parts("/usr/bin/env", Some("-S a  b"))
        );
        assert_eq!(script(b"#!\t/bin/awk\t-f"), parts("/bin/awk", Some("-f")));
        assert_eq!(script(b"#!  \n/bin/sh"), Image::Unknown { text: true });
    }

    #[test]
    fn other_files_are_text_or_data() {
        assert_eq!(
            inspect_bytes(b"echo hello\n").unwrap(),
            Image::Unknown { text: true }
        );
        assert_eq!(inspect_bytes(b"").unwrap(), Image::Unknown { text: true });
        assert_eq!(
            inspect_bytes(b"PK\x03\x04\0\0").unwrap(),
            Image::Unknown { text: false }
        );
    }

    #[test]
    fn a_32_bit_header_is_read_and_a_cut_one_refused() {
        let mut header = vec![0u8; 52];
        header[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
        header[16] = 2; // ET_EXEC
        header[18] = 3; // EM_386
        header[20] = 1; // EV_CURRENT
        let Image::Elf(image) = inspect_bytes(&header).unwrap() else {
            panic!("not seen as ELF");
        };
        assert!(!image.is_native() && !image.is_shared());
        assert_eq!(image.machine_name(), "32-bit x86");
        let cut = inspect_bytes(&header[..30]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::InvalidData);
    }
}
