//! Recordings come back as they were written, damage to them is seen, and the traces of others
//! become the ops that they stand for.

use glebe_trace::bad::{Bad, Way};
use glebe_trace::recording::{self, ReadError};
use glebe_trace::{Care, Event, Op, Origin, Profile, Stream, import, replay};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::io::Write;

fn events(count: usize) -> Vec<Event> {
    let profile: Profile = "skewed-growth".parse().unwrap();
    let ops = Stream::new(12, profile).take(count);
    ops.zip(0..)
        .map(|(op, n)| Event {
            thread: n / 97 % 3,
            op,
        })
        .collect()
}

fn bytes(events: &[Event]) -> Vec<u8> {
    recording::write(Vec::new(), events.iter().copied()).unwrap()
}

#[test]
fn come_back_and_are_compact() {
    let events = events(50_000);
    let bytes = bytes(&events);
    assert_eq!(recording::read(&bytes[..]).unwrap(), events);
    assert!(bytes.len() < events.len() * 5, "{} bytes", bytes.len());
}

/// The format is fixed: recordings of old must be read for ever.
#[test]
fn version_1_is_what_it_was() {
    let aligned = Op::Aligned {
        id: 1,
        size: 300,
        align: 4096,
    };
    let list = [
        Event::from(Op::Alloc { id: 0, size: 5 }),
        Event {
            thread: 2,
            op: aligned,
        },
        Event {
            thread: 2,
            op: Op::Free { id: 0 },
        },
        Event {
            thread: 2,
            op: Op::Alloc { id: 100, size: 0 },
        },
        Event {
            thread: 2,
            op: Op::Purge,
        },
        Event {
            thread: 2,
            op: Op::Bad {
                id: 99,
                bad: Bad::Foreign,
                way: Way::Realloc,
            },
        },
    ];
    let body = [
        b'G', b'L', b'B', b'T', 1, 0x01, 5, 9, 2, 0x23, 0xac, 2, 12, 0x15, 0xf1, 0xb9, 1, 0, 8,
        0x1a, 0x24, 0, 6,
    ];
    let written = bytes(&list);
    assert_eq!(written[..written.len() - 4], body);
    assert_eq!(
        written[written.len() - 4..],
        crc32fast::hash(&body).to_le_bytes()
    );
}

#[test]
fn damage_is_seen_wherever_it_is() {
    let whole = bytes(&events(300));
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        recording::read(&bytes[..]).expect_err("a flipped bit");
        let cut = recording::read(&whole[..place]).expect_err("a missing end");
        let expected = match place {
            0..4 => matches!(cut, ReadError::NoRecording),
            _ => matches!(cut, ReadError::BrokenOff(_)),
        };
        assert!(expected, "cut at {place}: {cut}");
    }
    let mut later = whole;
    later[4] = 2;
    assert!(matches!(
        recording::read(&later[..]),
        Err(ReadError::Version(2))
    ));
}

#[test]
fn a_packed_recording_is_shorter_and_damage_is_seen_as_well() {
    let (plain, events) = (bytes(&events(300)), events(300));
    let mut packed = recording::packed(Vec::new());
    packed.write_all(&plain).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < plain.len());
    for whole in [&plain, &packed] {
        assert_eq!(recording::read(&whole[..]).unwrap(), events);
        assert!(recording::is_one(&whole[..]) && !recording::is_one(&whole[1..]));
    }
    let mut seen = 0;
    for place in 0..packed.len() {
        let mut bytes = packed.clone();
        bytes[place] ^= 0x10;
        // Not each of gzip's own bytes means something.
        match recording::read(&bytes[..]) {
            Ok(read) => assert_eq!(read, events, "changed at {place}"),
            Err(_) => seen += 1,
        }
    }
    assert!(seen + 10 > packed.len(), "{seen} of {}", packed.len());
    for place in 0..packed.len() {
        recording::read(&packed[..place]).expect_err("a missing end");
    }
}

fn op() -> impl Strategy<Value = Op> {
    let sizes = || prop_oneof![0_usize..1000, any::<usize>()];
    let ids = || prop_oneof![0_u32..100, any::<u32>()];
    prop_oneof![
        (ids(), sizes()).prop_map(|(id, size)| Op::Alloc { id, size }),
        (ids(), sizes()).prop_map(|(id, size)| Op::Zeroed { id, size }),
        (ids(), sizes()).prop_map(|(id, size)| Op::Realloc { id, size }),
        (ids(), sizes(), 0..48).prop_map(|(id, size, log)| Op::Aligned {
            id,
            size,
            align: 1_usize << log,
        }),
        ids().prop_map(|id| Op::Free { id }),
        ids().prop_map(|id| Op::FreeSized { id }),
        ids().prop_map(|id| Op::Usable { id }),
        (ids(), 0..7_u8, 0..4_u8).prop_map(|(id, bad, way)| Op::Bad {
            id,
            bad: Bad::from_repr(bad).unwrap(),
            way: Way::from_repr(way).unwrap(),
        }),
        Just(Op::Purge),
    ]
}

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_events_come_back(list in prop::collection::vec((any::<u32>(), op()), 0..200)) {
        let events: Vec<Event> =
            list.into_iter().map(|(thread, op)| Event { thread, op }).collect();
        prop_assert_eq!(recording::read(&bytes(&events)[..]).unwrap(), events);
    }

    /// Garbage is an error, not a panic and not endless.
    #[test]
    fn garbage_is_refused(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let garbage = [&b"GLBT\x01"[..], &tail].concat();
        prop_assert!(recording::read(&garbage[..]).is_err());
        prop_assert!(recording::read(&tail[..]).is_err());
    }
}

fn ops(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{}: {}", event.thread, event.op))
        .collect()
}

#[test]
fn rep_traces() {
    let text = "20000\n3\n7\n1\na 0 512\na 1 128\nr 0 640\nr 2 9\nf 1\nr 2 0\nf 0\n";
    let events = import::rep(text).unwrap();
    assert_eq!(
        ops(&events),
        [
            "0: alloc #0 512",
            "0: alloc #1 128",
            "0: realloc #0 640",
            "0: alloc #2 9",
            "0: free #1",
            "0: free #2",
            "0: free #0",
        ]
    );
    let played = events.iter().map(|event| event.op);
    let summary = replay(&std::alloc::System, played, Care::UTMOST, &Origin::List).unwrap();
    assert_eq!(summary.passed_over, 0);
    assert_eq!(recording::read(&bytes(&events)[..]).unwrap(), events);
}

#[test]
fn rep_traces_that_are_none() {
    for (text, line, what) in [
        ("20000\n1\n2\n1\na 0 5\n", 3, "another number"),
        ("20000\n1\n1\n", 4, "four numbers"),
        ("20000\n1\nx\n", 3, "a number was expected"),
        ("1\n1\n1\n1\nf 0\n", 5, "does not live"),
        ("1\n1\n2\n1\na 0 1\na 0 1\n", 6, "lives already"),
        ("1\n1\n1\n1\nq 0 1\n", 5, "was expected"),
        ("1\n1\n1\n1\na 0 -4\n", 5, "the size is no number"),
    ] {
        let error = import::rep(text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn memory_replay_traces() {
    let text = "\
        500: malloc 0x7000 48\n\
        501: calloc 0x7100 4 25 1234 1250\n\
        500: memalign 0x8000 4096 100\n\
        501: free 0x7000\n\
        501: realloc 0x7200 0x7100 300\n\
        500: realloc 0x7300 0x0 7\n\
        500: malloc 0x0 99999999999\n\
        500: malloc 0x7200 16\n\
        500: free 0x1234\n\
        501: thread_done 0x0\n";
    let events = import::memory_replay(text).unwrap();
    assert_eq!(
        ops(&events),
        [
            "0: alloc #0 48",
            "1: zeroed #1 100",
            "0: aligned #2 100 at 4096",
            "1: free #0",
            "1: realloc #1 300",
            "0: alloc #0 7",
            // The trace has missed this one.
            "0: free #1",
            "0: alloc #1 16",
        ]
    );
    let played = events.iter().map(|event| event.op);
    let summary = replay(&std::alloc::System, played, Care::UTMOST, &Origin::List).unwrap();
    assert_eq!(summary.passed_over, 0);
}

#[test]
fn memory_replay_traces_that_are_none() {
    for (text, what) in [
        ("malloc 0x1 2", "`TID: call"),
        ("1: ", "missing"),
        ("1: brk 0x1", "not known"),
        ("1: malloc 0x10", "number of arguments"),
        ("1: malloc 0x10 20 30", "number of arguments"),
        ("1: malloc zero 20", "a number was expected"),
        ("1: memalign 0x10 3 20", "power of two"),
        ("1: calloc 0x10 0xffffffffffffffff 2", "too large"),
    ] {
        let error = import::memory_replay(&format!("\n{text}\n")).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.to_string().contains(what), "{error}");
    }
}
