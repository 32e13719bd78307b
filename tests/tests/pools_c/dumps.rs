//! `mem_dump` and `mem_dump_to` against recorded output, and as what they claim to be: a table, a
//! JSON document, an image. `GLEBE_BLESS=1` records anew.

use std::fs;
use std::sync::LazyLock;

use glebe_tests::root;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use serde_json::Value;

use crate::program::{Link, Program};

static PROGRAM: LazyLock<Program> =
    LazyLock::new(|| Program::of_tests("pools_dump.c", Link::Static));

/// Compares with `tests/data/pools/<file>`.
#[track_caller]
fn is_recorded(file: &str, output: &str) {
    let path = root().join("tests/data/pools").join(file);
    if std::env::var_os("GLEBE_BLESS").is_some() {
        fs::write(&path, output).expect("the record can be written");
    }
    let recorded = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(output, recorded, "against {}", path.display());
}

#[test]
fn the_table_is_as_recorded() {
    is_recorded("table.txt", &PROGRAM.output(&["table"]));
    is_recorded("os.txt", &PROGRAM.output(&["os"]));
}

/// Columns stand below each other: every line of a block is as long as the heading.
#[test]
fn the_table_is_aligned() {
    let table = PROGRAM.output(&["table"]);
    let rows = table
        .lines()
        .skip_while(|line| !line.starts_with("address"));
    let blocks: Vec<&str> = rows.take_while(|line| !line.starts_with("used")).collect();
    let pools = blocks
        .iter()
        .filter(|line| line.starts_with("glebe pool"))
        .count();
    assert!(blocks.len() > 6 && pools == 1, "{table}");
    for row in blocks.iter().filter(|line| !line.starts_with("glebe pool")) {
        assert_eq!(row.len(), blocks[0].len(), "{row}");
    }
}

#[test]
fn absolute_addresses_are_those_of_the_blocks() {
    let output = PROGRAM.output(&["absolute"]);
    let (address, table) = output.split_once('\n').expect("two parts");
    let row = table.lines().nth(2).expect("a first block");
    assert!(row.starts_with(address), "{output}");
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>()[1..3],
        ["112", "used"],
        "{output}"
    );
}

#[test]
fn a_dump_comes_after_what_was_printed_before() {
    let output = PROGRAM.output(&["in_order"]);
    assert!(output.starts_with("before\nglebe pool: "), "{output}");
    assert!(output.ends_with(". free\nafter\n"), "{output}");
}

/// What the JSON document tells adds up.
#[test]
fn json_is_json_and_adds_up() {
    let text = PROGRAM.output(&["json"]);
    is_recorded("dump.json", &text);
    let document: Value = serde_json::from_str(&text).expect("a JSON document");
    let pools = document["pools"].as_array().expect("pools");
    let blocks = || {
        pools
            .iter()
            .flat_map(|pool| pool["blocks"].as_array().expect("blocks"))
    };
    let sum = |state: &[&str]| -> u64 {
        let has = |block: &&Value| state.contains(&block["state"].as_str().expect("a state"));
        blocks()
            .filter(has)
            .map(|block| block["size"].as_u64().expect("a size"))
            .sum()
    };
    assert_eq!(document["used_bytes"], sum(&["used", "single"]));
    assert_eq!(document["free_bytes"], sum(&["free"]));
    let records = document["record_bytes"].as_u64().expect("a number");
    let all = sum(&["used", "single", "free"]) + records;
    assert_eq!(document["held_bytes"], all);
    // Blocks of a range follow each other without a gap.
    let land = pools[0]["blocks"].as_array().expect("blocks");
    for pair in land.windows(2) {
        let number = |block: &Value, key: &str| block[key].as_u64().expect("a number");
        let next = number(&pair[0], "offset") + number(&pair[0], "stride");
        assert_eq!(next, number(&pair[1], "offset"));
    }
}

/// The image, drawn.
fn draw(svg: &str) -> Pixmap {
    roxmltree::Document::parse(svg).expect("well-formed XML");
    let tree = usvg::Tree::from_str(svg, &usvg::Options::default()).expect("an SVG image");
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height()).expect("a size that can be drawn");
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels
}

fn colour(pixels: &Pixmap, x: u32, y: u32) -> (u8, u8, u8) {
    let pixel = pixels.pixel(x, y).expect("inside");
    (pixel.red(), pixel.green(), pixel.blue())
}

/// The first bar is the range of land: half way into a block its colour is seen.
#[test]
fn svg_shows_the_blocks() {
    let svg = PROGRAM.output(&["svg"]);
    is_recorded("dump.svg", &svg);
    let pixels = draw(&svg);
    const FREE: (u8, u8, u8) = (0xe2, 0xe8, 0xf0);
    const USED: (u8, u8, u8) = (0x2b, 0x6c, 0xb0);
    const SINGLE: (u8, u8, u8) = (0x55, 0x3c, 0x9a);
    // Offsets in a range of 65,424 bytes, 1,024 pixels wide: see table.txt.
    let at = |offset: u32| 16 + offset * 1024 / 65424;
    assert_eq!(colour(&pixels, at(0x420), 68), FREE);
    assert_eq!(colour(&pixels, at(0x2440), 68), FREE);
    assert_eq!(colour(&pixels, at(0x6330), 68), USED);
    assert_eq!(colour(&pixels, at(0xd870), 68), FREE);
    assert_eq!(colour(&pixels, 500, 140), SINGLE);
    assert_eq!(colour(&pixels, 4, 4), (255, 255, 255));
}

/// Thousands of blocks and hundreds of ranges still make an image of bounded height, and a table in
/// bounded time.
#[test]
fn dumps_of_many_blocks_are_bounded() {
    let end = PROGRAM.run(&["many"]).finish().expect_success();
    let svg = &end.stdout;
    assert!(svg.contains("more ranges</text>") && svg.contains("class=\"mixed\""));
    let pixels = draw(svg);
    assert!(pixels.height() < 256 * 60 + 200, "{}", pixels.height());
    assert!(
        end.stderr
            .contains("\n(too many free blocks to tell their places in the lists)\n")
    );
    let free: Vec<&str> = end
        .stderr
        .lines()
        .filter(|line| line.contains(" free "))
        .collect();
    assert!(free.len() > 4096 && free[1..].iter().any(|line| line.ends_with(" -")));
}
