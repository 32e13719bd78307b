//! Inputs that are too long or too regular to keep: a text of so many parts, drawn from the seed.

use std::io::{self, Write};

use super::stage::Stage;

/// SQL: so many rows of an `item` table, then queries.
pub fn inserts(stage: &Stage, rows: u64) -> io::Result<()> {
    let mut rng = stage.rng();
    stage.generate("input.sql", |out| {
        writeln!(
            out,
            "create table item(id integer primary key, owner, name, value);"
        )?;
        writeln!(out, "begin;")?;
        for id in 0..rows {
            let (owner, value) = (rng.below(2000), rng.below(1_000_000));
            let name = format!("{:x}{}", rng.next(), "n".repeat(rng.below(80)));
            writeln!(
                out,
                "insert into item values({id}, {owner}, '{name}', {value});"
            )?;
        }
        writeln!(out, "commit;")?;
        out.write_all(include_bytes!("inputs/queries.sql"))
    })
}

/// C++: so many uses of containers, each of another type.
pub fn templates(stage: &Stage, types: u64) -> io::Result<()> {
    stage.generate("input.cpp", |out| {
        out.write_all(include_bytes!("inputs/templates.cpp"))?;
        for number in 0..types {
            writeln!(out, "template std::size_t use<Tag<{number}>>(unsigned);")?;
        }
        writeln!(out, "std::size_t all_of_them(unsigned n) {{\n    return 0")?;
        for number in 0..types {
            writeln!(out, "        + use<Tag<{number}>>(n)")?;
        }
        writeln!(out, "    ;\n}}")
    })
}

/// Rust: so many types that implement a generic trait.
pub fn traits(stage: &Stage, types: u64) -> io::Result<()> {
    let mut rng = stage.rng();
    stage.generate("input.rs", |out| {
        out.write_all(include_bytes!("inputs/traits.rs"))?;
        for number in 0..types {
            let (lists, texts) = (rng.between(1, 9), rng.between(1, 9));
            writeln!(
                out,
                "#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]\n\
                 pub struct Shape{number} {{ pub sides: [u32; {lists}], pub name: String, \
                 pub parts: Vec<Option<Box<Shape{number}>>>, pub tags: [u8; {texts}] }}\n\
                 impl Shape for Shape{number} {{\n    \
                 fn area(&self) -> u64 {{ self.sides.iter().map(|&side| side as u64).sum() }}\n    \
                 fn name(&self) -> String {{ format!(\"{{:?}} {number}\", self) }}\n}}"
            )?;
        }
        writeln!(
            out,
            "#[no_mangle]\npub fn all_of_them(seed: u32) -> u64 {{\n    0"
        )?;
        for number in 0..types {
            writeln!(out, "        + exercise::<Shape{number}>(seed)")?;
        }
        writeln!(out, "}}")
    })
}

/// SMT-LIB: so many inequalities of sums and products of bit vectors.
pub fn inequalities(stage: &Stage, count: u64) -> io::Result<()> {
    let mut rng = stage.rng();
    let count = usize::try_from(count).map_err(io::Error::other)?;
    let mut term = || {
        let [a, b, c] = [0; 3].map(|_| rng.below(count));
        let factor = rng.below(1 << 16);
        format!("(bvadd v{a} (bvmul (bvxor v{b} v{c}) #x{factor:04x}))")
    };
    let terms: Vec<_> = (0..count).map(|_| term()).collect();
    let mut rng = stage.rng();
    stage.generate("input.smt2", |out| {
        writeln!(out, "(set-logic QF_BV)")?;
        for number in 0..count {
            writeln!(out, "(declare-fun v{number} () (_ BitVec 16))")?;
        }
        for (number, term) in terms.iter().enumerate() {
            let other = &terms[(number * 7 + 1) % count];
            let bound = rng.between(30_000, 65_535);
            writeln!(out, "(assert (bvult (bvxor {term} {other}) #x{bound:04x}))")?;
        }
        writeln!(out, "(check-sat)")
    })
}
