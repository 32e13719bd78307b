//! A whole Rust test program on Glebe.

#[global_allocator]
static ALLOCATOR: glebe::Glebe = glebe::Glebe;

#[test]
fn collections_grow_and_shrink() {
    let mut table = std::collections::HashMap::new();
    for n in 0..200_000u64 {
        table.insert(n, format!("value {n}"));
    }
    for n in (0..200_000).step_by(3) {
        table.remove(&n);
    }
    table.shrink_to_fit();
    assert!((0..200_000).all(|n| table.contains_key(&n) == (n % 3 != 0)));
    drop(table);
}

#[test]
fn vectors_grow_to_many_megabytes() {
    let mut numbers = Vec::new();
    for n in 0..20_000_000u32 {
        numbers.push(n);
    }
    assert!(
        numbers
            .iter()
            .enumerate()
            .all(|(index, &n)| index == n as usize)
    );
}

#[test]
fn threads_pass_blocks_around() {
    let (sender, receiver) = std::sync::mpsc::channel::<Vec<u8>>();
    let consumer = std::thread::spawn(move || receiver.iter().map(|v| v.len()).sum::<usize>());
    let producers: Vec<_> = (0..3)
        .map(|p| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for n in 0..100_000usize {
                    sender.send(vec![p as u8; n % 700]).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    producers.into_iter().for_each(|p| p.join().unwrap());
    assert_eq!(
        consumer.join().unwrap(),
        3 * (0..100_000).map(|n| n % 700).sum::<usize>()
    );
}

#[test]
fn aligned_boxes() {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let pages: Vec<Box<Page>> = (0..100).map(|n| Box::new(Page([n; 4096]))).collect();
    for (n, page) in pages.iter().enumerate() {
        assert_eq!(&raw const **page as usize % 4096, 0);
        assert!(page.0.iter().all(|&byte| byte == n as u8));
    }
}
