//! `glebe run --trace`: runs a program as a child with the recorder preloaded, and makes a
//! recording of what the recorder leaves behind.
//!
//! Here, and only here, a parent stays: somebody has to turn the raw records into a recording when
//! the program has ended. It hands on the signals that other processes send it (those of the
//! terminal go to the program anyway), stops when the program stops, and ends as a shell reports
//! the program's end: with its exit status, or 128 and the signal.

use std::fs::Permissions;
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use glebe_trace::raw;
use glebe_trace::recording::{self, Writer};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, raise, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use tempfile::NamedTempFile;

/// Why there is no recording. The text tells the user what to do next.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The files for it cannot be made, or not be written.
    #[error("cannot record into {0}: {1}; choose another place for --trace")]
    File(String, io::Error),
    /// The program cannot be started or waited for.
    #[error("cannot start a process to record: {0}")]
    Process(#[from] nix::Error),
    /// The program ran, and the recorder did not.
    #[error("nothing was recorded: the program has not loaded the recorder")]
    Nothing,
}

/// Runs `program` in a child, which becomes the program that is to be recorded; it is called with
/// the file for raw records. Returns the program's status, in the child only `program`'s failure.
pub fn run<E: From<RecordError>>(
    file: &Path,
    program: impl FnOnce(&Path) -> E,
) -> Result<ExitCode, E> {
    let failure = |error| RecordError::File(file.display().to_string(), error);
    // The recorder opens the raw file again when the program becomes another, wherever it is then.
    let file = &std::path::absolute(file).map_err(failure)?;
    let folder = file.parent().unwrap_or(file);
    let raw = NamedTempFile::with_prefix_in("glebe-raw-", folder).map_err(failure)?;
    raw.as_file().set_len(raw::CAPACITY).map_err(failure)?;
    let mask = hold_signals().map_err(RecordError::Process)?;
    // SAFETY: this process has one thread.
    let status = match unsafe { fork() }.map_err(RecordError::Process)? {
        ForkResult::Child => {
            // The file is the parent's to delete.
            let (_, path) = raw.keep().map_err(|error| failure(error.error))?;
            mask.thread_set_mask().map_err(RecordError::Process)?;
            return Err(program(&path));
        }
        ForkResult::Parent { child } => wait(child).map_err(RecordError::Process)?,
    };
    let written = convert(&raw, folder, file).map_err(failure)?;
    // With one of these the child itself has said why it is not the program.
    if !written && !(125..=127).contains(&status) {
        return Err(RecordError::Nothing.into());
    }
    Ok(ExitCode::from(status))
}

/// Blocks all signals, to be taken one by one; returns the mask from before.
fn hold_signals() -> nix::Result<SigSet> {
    // An ignored SIGCHLD would never come.
    // SAFETY: the default runs no code of this process.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)
}

/// Waits for the child's end and hands signals on; its status as a shell has it.
fn wait(child: Pid) -> nix::Result<u8> {
    loop {
        match next_signal() {
            Some((libc::SIGCHLD, _)) => {
                match waitpid(child, Some(WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED))? {
                    WaitStatus::Exited(_, status) => return Ok(status as u8),
                    WaitStatus::Signaled(_, signal, _) => return Ok(128 + signal as u8),
                    WaitStatus::Stopped(..) => {
                        raise(Signal::SIGSTOP)?;
                        kill(child, Signal::SIGCONT)?;
                    }
                    _ => {}
                }
            }
            Some((signal, code)) if code <= 0 => {
                // SAFETY: sends a signal. A child that is gone does not need it.
                unsafe { libc::kill(child.as_raw(), signal) };
            }
            _ => {}
        }
    }
}

/// The next signal that came, and where from: not above 0 if a process sent it.
fn next_signal() -> Option<(i32, i32)> {
    let all = SigSet::all();
    // SAFETY: zeros are a `siginfo_t`, which is made of integers and pointers; both arguments are
    // valid for the call.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let signal = libc::sigwaitinfo(all.as_ref(), &raw mut info);
        (signal > 0).then_some((signal, info.si_code))
    }
}

/// Makes the recording; whether there was anything to make it of.
fn convert(raw: &NamedTempFile, folder: &Path, file: &Path) -> io::Result<bool> {
    let mut output = tempfile::Builder::new();
    output.permissions(Permissions::from_mode(0o666));
    let mut writer = Writer::new(recording::packed(output.tempfile_in(folder)?))?;
    let records = BufReader::with_capacity(1 << 20, raw.reopen()?);
    let done = raw::convert(records, &mut writer)?;
    if done.records == 0 {
        return Ok(false);
    }
    if done.lost > 0 {
        eprintln!(
            "glebe run: the last {} of {} calls are not in the recording: more than the recorder \
             has room for",
            done.lost, done.records
        );
    }
    writer.finish()?.finish()?.persist(file)?;
    Ok(true)
}
