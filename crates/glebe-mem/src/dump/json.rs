//! The same as one JSON document, for programs.
//!
//! All strings are the library's own words, none of which needs escaping.

use super::out::Out;
use super::picture::{Part, Picture, Shown, fragmentation, state_word};
use core::fmt::{self, Write};

pub fn write(picture: &Picture, out: &mut Out) -> fmt::Result {
    write!(
        out,
        "{{\"version\":1,\"relative\":{},\"pools\":[",
        picture.is_relative
    )?;
    for (number, part) in picture.parts.iter().enumerate() {
        out.write_str(if number == 0 { "" } else { "," })?;
        pool(picture, part, out)?;
    }
    let sum = picture.totals();
    write!(
        out,
        "],\"used_bytes\":{},\"used_blocks\":{}",
        sum.live_bytes, sum.live_blocks
    )?;
    write!(
        out,
        ",\"free_bytes\":{},\"free_blocks\":{}",
        sum.free_bytes, sum.free_blocks
    )?;
    write!(out, ",\"largest_free\":{}", sum.largest_free)?;
    let share = fragmentation(&sum);
    write!(
        out,
        ",\"fragmentation_percent\":{}.{}",
        share / 10,
        share % 10
    )?;
    write!(
        out,
        ",\"record_bytes\":{},\"held_bytes\":{}",
        sum.record_bytes, sum.held_bytes
    )?;
    writeln!(out, ",\"map\":\"{}\"}}", picture.map())
}

fn pool(picture: &Picture, part: &Part, out: &mut Out) -> fmt::Result {
    out.write_char('{')?;
    match part.policy {
        Some((fit, tags)) => write!(out, "\"fit\":\"{fit}\",\"tags\":\"{tags}\"")?,
        None => out.write_str("\"fit\":null,\"tags\":null")?,
    }
    write!(out, ",\"supplier\":\"{}\"", part.supplier)?;
    out.write_str(",\"blocks\":[")?;
    let mut separator = "\n";
    picture.blocks(part, &mut |shown| {
        out.write_str(separator)?;
        separator = ",\n";
        block(picture, shown, out)
    })?;
    out.write_str("]}")
}

/// A number where addresses are absolute would lose bits in many readers: it is a string.
fn block(picture: &Picture, shown: &Shown, out: &mut Out) -> fmt::Result {
    let block = &shown.block;
    write!(
        out,
        "{{\"address\":\"{}\",\"range\":{}",
        picture.address(shown),
        shown.range
    )?;
    write!(
        out,
        ",\"offset\":{},\"size\":{}",
        block.address - shown.start,
        block.usable
    )?;
    write!(
        out,
        ",\"stride\":{},\"state\":\"{}\"",
        block.stride,
        state_word(block.state)
    )?;
    if let Some(place) = block.place {
        write!(
            out,
            ",\"list\":{},\"position\":{}",
            place.list, place.position
        )?;
        if place.waits {
            out.write_str(",\"waits\":true")?;
        }
    }
    out.write_char('}')
}
