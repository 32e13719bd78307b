//! Slabs: runs cut into equal slots of one size class, one bit a slot in A.

#[cfg(not(loom))]
pub mod classes;
pub mod remote;
#[cfg(all(loom, test))]
mod remote_models;
#[cfg(not(loom))]
pub mod words;

#[cfg(not(loom))]
pub use classes::{CLASSES, Class, MAX_SLOT};
