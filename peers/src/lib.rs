//! Nothing of its own: the dependencies of this crate carry the sources of the peers, and its
//! `Cargo.lock` pins them. `glebe bench peers` asks cargo where they are and builds each one the
//! way its own project does; see `crates/glebe-cli/src/bench/peers`.
