//! What the malloc family and C++'s operators owe to every program, on every path and in any
//! state. The programs are in `programs/`; each of their modes is a test here.
use glebe_tests::conformance;
use glebe_tests::program::Program;

conformance! {
    sizes from "sizes.c" {
        blocks_are_aligned_to_16_bytes,
        blocks_of_zero_bytes_are_unique_and_freeable,
        impossible_sizes_fail_with_enomem,
        impossible_sizes_fail_at_every_alignment,
        products_that_overflow_fail_with_enomem,
        products_that_fit_succeed,
        free_keeps_errno,
        free_keeps_errno_through_a_great_many_frees,
        blocks_up_to_1_gib_can_be_had,
    }
    alignment from "alignment.c" {
        every_alignment_goes_with_every_size,
        alignments_past_4_mib_never_crash,
        aligned_alloc_refuses_bad_alignments,
        memalign_survives_bad_alignments,
        posix_memalign_returns_its_code_and_touches_nothing,
        posix_memalign_keeps_errno_when_it_succeeds,
        valloc_and_pvalloc_give_whole_pages,
        aligned_blocks_can_be_reallocated,
        aligned_and_plain_blocks_live_together,
        many_aligned_blocks_of_one_kind,
    }
    realloc from "realloc.c" {
        null_is_malloc,
        zero_frees_and_gives_null,
        contents_survive_across_every_boundary,
        contents_survive_between_distant_sizes,
        growth_by_single_bytes_keeps_contents,
        huge_blocks_grow_and_shrink,
        shrinking_gives_memory_back,
        failure_keeps_the_old_block,
        a_walk_of_random_sizes_keeps_contents,
        reallocarray_resizes_by_the_product,
    }
    contents from "contents.c" {
        every_usable_byte_stays_usable,
        blocks_never_overlap,
        calloc_zeroes_dirty_memory_of_the_same_size,
        calloc_zeroes_dirty_memory_of_other_sizes,
        calloc_zeroes_what_realloc_left_behind,
        calloc_zeroes_what_aligned_blocks_left_behind,
        calloc_zeroes_what_another_thread_dirtied,
    }
}

/// The calls around the malloc family. Two modes write what the test must read.
mod facade {
    use super::Program;

    const PROGRAM: Program = Program::new("facade.c");

    glebe_tests::mode_tests! {
        usable_size_of_null_is_zero,
        trim_says_whether_it_released_memory,
        mallinfo2_follows_what_is_allocated,
        mallinfo_follows_what_is_allocated,
        mallopt_returns,
        malloc_info_refuses_unknown_options,
        cfree_frees,
        sized_frees_accept_the_size_asked_for,
        aligned_sized_frees_accept_what_was_asked_for,
        prefixed_twins_are_interchangeable,
        aligned_twins_are_interchangeable,
        twins_of_the_calls_around_exist,
        the_cxx_runtime_is_not_loaded,
        ; malloc_info_writes_xml, malloc_stats_writes_to_standard_error
    }

    #[test]
    fn malloc_info_writes_xml() {
        let run = PROGRAM.passes("malloc_info_writes_xml");
        let document = roxmltree::Document::parse(&run.stdout)
            .unwrap_or_else(|e| panic!("not well-formed: {e}\n{run}"));
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "malloc", "{run}");
        assert!(root.attribute("version").is_some(), "{run}");
        assert!(root.children().any(|child| child.is_element()), "{run}");
    }

    #[test]
    fn malloc_stats_writes_to_standard_error() {
        let run = PROGRAM.passes("malloc_stats_writes_to_standard_error");
        assert!(run.stderr.contains(|c: char| c.is_ascii_digit()), "{run}");
        assert!(run.stdout.is_empty(), "{run}");
    }
}

/// The operators of C++. One mode needs an address space that can be filled up.
mod operators {
    use super::Program;

    const PROGRAM: Program = Program::new("operators.cc");

    glebe_tests::mode_tests! {
        plain_and_sized_forms,
        nothrow_forms,
        aligned_forms,
        aligned_nothrow_forms,
        null_may_be_deleted_by_every_form,
        impossible_sizes_throw_bad_alloc,
        impossible_sizes_give_null_when_nothrow,
        lengths_that_overflow_throw_bad_array_new_length,
        new_handler_is_called_until_it_throws,
        new_handler_that_throws_gives_null_when_nothrow,
        new_handler_is_called_until_it_is_unset,
        operators_and_malloc_come_from_one_library,
        objects_and_arrays_live_and_die,
        constructors_that_throw_leak_nothing,
        containers_work,
        ; new_handler_is_called_until_memory_is_free
    }

    #[test]
    fn new_handler_is_called_until_memory_is_free() {
        let run = PROGRAM.run("new_handler_is_called_until_memory_is_free");
        run.address_space(256 << 20).finish().expect_success();
    }
}
