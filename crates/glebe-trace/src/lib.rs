//! Operation streams.
