//! Where records go: into a mapping of the raw file, each at the place that the counter in its
//! head gives it. That is the order of all threads' calls, and all there is between them.
//!
//! The variable [`VARIABLE`] names the process that is to record, and the file. Programs that it
//! starts have other numbers and only pass calls on; one that it becomes has the same number, and
//! goes on in the same file. A fork's child has to stop by itself: the word that leads to the
//! mapping lies on a page that the kernel wipes in children.

use core::arch::asm;
use core::ffi::{CStr, c_char};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use crate::record::{Head, Kind, Record};

/// `PROCESS:FILE`
const VARIABLE: &CStr = c"GLEBE_RECORD";

/// A mapped raw file.
struct Log {
    /// Null in a fork's child.
    head: AtomicPtr<Head>,
    /// Records that fit.
    room: u64,
}

/// On a page of its own; null until the process is known to be one that records.
static LOG: AtomicPtr<Log> = AtomicPtr::new(null_mut());

core::arch::global_asm!(
    ".pushsection .tbss.glebe_record_thread,\"awT\",%nobits",
    ".globl glebe_record_thread",
    ".hidden glebe_record_thread",
    ".p2align 3",
    "glebe_record_thread:",
    ".zero 8",
    ".size glebe_record_thread, 8",
    ".popsection",
);

/// Appends a record of the calling thread's.
#[inline(always)]
pub fn append(kind: Kind, address: *const u8, size: usize, align: usize) {
    // SAFETY: a log is never unmapped. In a fork's child it is all zeros, which is a log.
    let log = unsafe { LOG.load(Ordering::Acquire).as_ref() };
    let Some(log) = log.or_else(begin) else {
        return;
    };
    // SAFETY: a mapped head is never unmapped, either.
    if let Some(head) = unsafe { log.head.load(Ordering::Relaxed).as_ref() } {
        log.append(
            head,
            Record {
                kind,
                address: address as u64,
                size: size as u64,
                align: align.trailing_zeros() as u8,
                thread: thread(head),
            },
        );
    }
}

impl Log {
    #[inline(always)]
    fn append(&self, head: &Head, record: Record) {
        let place = head.records.fetch_add(1, Ordering::SeqCst);
        if place >= self.room {
            return;
        }
        let [block, request] = record.pack();
        // SAFETY: the place is inside of the mapping, and this record's alone.
        unsafe {
            let words = (&raw const *head).add(1).cast::<[AtomicU64; 2]>();
            let [first, second] = &*words.add(place as usize);
            second.store(request, Ordering::Relaxed);
            // The first word makes it a record: whoever is ended before has not written any.
            first.store(block, Ordering::Release);
        }
    }
}

/// The number of the calling thread, which it gets at its first record. Initial-exec, because
/// `__tls_get_addr` may allocate.
#[inline(always)]
fn thread(head: &Head) -> u32 {
    let word: *mut u64;
    // SAFETY: computes the address of the word defined above; the thread's own address is the first
    // word of its block.
    unsafe {
        asm!(
            "mov {word}, qword ptr fs:[0]",
            "add {word}, qword ptr [rip + glebe_record_thread@GOTTPOFF]",
            word = out(reg) word,
            options(pure, readonly, nostack),
        );
    }
    // SAFETY: the word is this thread's own.
    unsafe {
        if *word == 0 {
            *word = head.threads.fetch_add(1, Ordering::Relaxed) + 1;
        }
        (*word - 1) as u32
    }
}

/// Starts to record, if this process is to.
#[cold]
fn begin() -> Option<&'static Log> {
    static DECIDED: AtomicBool = AtomicBool::new(false);
    // The first calls come from the dynamic linker, before the C library knows its environment.
    // SAFETY: the variable is the C library's own.
    if unsafe { environ.is_null() } || DECIDED.swap(true, Ordering::Relaxed) {
        return None;
    }
    let path = path_of_this_process()?;
    let Some(log) = map(path) else {
        let line = b"glebe: the recorder cannot map its file; nothing is recorded\n";
        // SAFETY: the line is valid for reading. There is nobody to tell of a failure.
        unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
        return None;
    };
    LOG.store(log, Ordering::Release);
    append(Kind::Image, core::ptr::null(), 0, 1);
    // SAFETY: it was mapped just now.
    unsafe { log.as_ref() }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The file to write to, if the variable is set and names this process.
fn path_of_this_process() -> Option<&'static CStr> {
    // SAFETY: the name is a C string; the value is one too, or null, and is only read here, before
    // the program can change its environment.
    let value = unsafe {
        let value = libc::getenv(VARIABLE.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))?
    };
    let bytes = value.to_bytes_with_nul();
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let digits = &bytes[..colon];
    let number = digits.iter().try_fold(0_i32, |number, digit| {
        let digit = i32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        number.checked_mul(10)?.checked_add(digit)
    })?;
    // SAFETY: asks for a number.
    let here = unsafe { libc::getpid() };
    let path = CStr::from_bytes_with_nul(&bytes[colon + 1..]).ok()?;
    (number == here).then_some(path)
}

/// Maps the file, and makes the page that leads to it.
fn map(path: &CStr) -> Option<*mut Log> {
    const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: maps fresh memory where the kernel likes, with checked results; the page is large
    // enough for a log. What is mapped stays.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        let bytes = usize::try_from(libc::lseek(file, 0, libc::SEEK_END)).ok()?;
        let head = libc::mmap(null_mut(), bytes, READ_WRITE, libc::MAP_SHARED, file, 0);
        libc::close(file);
        let page = libc::mmap(null_mut(), 4096, READ_WRITE, anonymous, -1, 0);
        let failed = [head, page].contains(&libc::MAP_FAILED);
        if failed || libc::madvise(page, 4096, libc::MADV_WIPEONFORK) != 0 {
            return None;
        }
        let log = page.cast::<Log>();
        log.write(Log {
            head: AtomicPtr::new(head.cast()),
            room: (bytes.saturating_sub(size_of::<Head>()) / 16) as u64,
        });
        Some(log)
    }
}
