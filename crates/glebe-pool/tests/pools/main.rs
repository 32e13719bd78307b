//! Tests of whole pools: one program, so that what they share is built once.

mod common;
mod oracle;
mod property;
mod refused;
mod small;
mod supply;
mod waiting;
