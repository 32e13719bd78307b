//! The table for people.

use super::out::Out;
use super::picture::{Map, Picture, fragmentation, state_word};
use crate::text::Line;
use core::fmt::{self, Write};

pub fn write(picture: &Picture, out: &mut Out) -> fmt::Result {
    for part in picture.parts {
        writeln!(out, "glebe pool: {part}")?;
        writeln!(
            out,
            "{:<16}{:>14}  {:<6}  {:>9}",
            "address", "size", "state", "list:nth"
        )?;
        picture.blocks(part, &mut |shown| {
            // Padded as text: a number pads itself.
            let (mut address, mut place) = (Line::new(), Line::new());
            write!(address, "{}", picture.address(shown))?;
            match shown.block.place {
                Some(at) => {
                    let waits = if at.waits { "w" } else { "" };
                    write!(place, "{waits}{}:{}", at.list, at.position)?;
                }
                None => place.write_str("-")?,
            }
            let (size, state) = (shown.block.usable, state_word(shown.block.state));
            let address = address.c_text().to_str().unwrap_or_default();
            let place = place.c_text().to_str().unwrap_or_default();
            writeln!(out, "{address:<16}{size:>14}  {state:<6}  {place:>9}")
        })?;
        if !part.tells_places() {
            writeln!(
                out,
                "(too many free blocks to tell their places in the lists)"
            )?;
        }
    }
    sums(picture, out)?;
    writeln!(out, "map [{}]  {}", picture.map(), Map::LEGEND)
}

fn sums(picture: &Picture, out: &mut Out) -> fmt::Result {
    let sum = picture.totals();
    let rows = [
        ("used", sum.live_bytes, "blocks", sum.live_blocks),
        ("free", sum.free_bytes, "blocks", sum.free_blocks),
        (
            "largest free",
            sum.largest_free,
            "blocks",
            usize::from(sum.largest_free != 0),
        ),
        ("held", sum.held_bytes, "ranges", sum.ranges),
    ];
    for (name, bytes, what, count) in rows {
        writeln!(out, "{name:<16}{bytes:>14}  {what} {count}")?;
    }
    writeln!(out, "{:<16}{:>14}", "records", sum.record_bytes)?;
    let share = fragmentation(&sum);
    writeln!(
        out,
        "{:<16}{:>12}.{} %",
        "fragmentation",
        share / 10,
        share % 10
    )
}
