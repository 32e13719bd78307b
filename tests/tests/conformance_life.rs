//! A process's whole life: allocation before main, in destructors and at exit, in threads of all
//! kinds, across fork and exec, under small limits, without streams or environment, with plugins.
//! The programs are in `programs/`; each of their modes is a test here.
use glebe_tests::conformance;
use glebe_tests::program::Program;

conformance! {
    early from "early.c" {
        blocks_from_preinit_array_live_on,
        blocks_from_constructors_live_on,
    }
    resolver from "resolver.c" {
        blocks_from_an_ifunc_resolver_live_on,
    }
    threads from "threads.c" {
        the_smallest_stack_suffices,
        ten_thousand_threads_leave_memory_flat,
        blocks_freed_by_another_thread_leave_memory_flat,
        blocks_outlive_the_thread_that_made_them,
        a_pipeline_of_two_threads_leaves_memory_bounded,
        many_threads_exchange_blocks,
        key_destructors_older_than_the_heap_allocate,
        key_destructors_younger_than_the_heap_allocate,
        a_thread_that_first_allocates_in_a_destructor,
        destructors_that_rearm_leave_memory_flat,
    }
    lifetimes from "lifetimes.cc" {
        thread_local_destructors_allocate,
        thread_locals_of_main_are_destroyed_at_exit,
        static_destructors_allocate,
        cxa_thread_atexit_functions_allocate,
        atexit_and_on_exit_functions_allocate,
        quick_exit_functions_allocate,
        exit_while_other_threads_allocate,
        exit_from_another_thread,
        the_main_thread_may_end_first,
        blocks_of_an_ended_thread_are_freed_at_exit,
    }
    forks from "forks.c" {
        children_of_a_busy_program_allocate,
        children_free_the_blocks_of_other_threads,
        children_start_threads,
        a_new_thread_of_the_child_allocates_first,
        children_fork_again,
        twelve_generations,
        children_take_over_empty_slabs,
        threads_fork_at_the_same_time,
        fork_while_threads_begin_and_end,
        locking_handlers_registered_first_do_not_deadlock,
        locking_handlers_registered_last_do_not_deadlock,
        handlers_that_allocate,
        handlers_of_both_kinds_together,
        a_signal_handler_forks_among_busy_threads,
        a_signal_handler_that_interrupts_the_allocator_forks,
    }
    spawns from "spawns.c" {
        allocate,
        vfork_and_exec,
        posix_spawn_starts_programs,
        system_runs_commands,
        popen_reads_and_writes,
        plain_fork_without_handlers,
        clone_called_directly,
        clone_beside_a_sleeping_thread,
        clone_that_shares_memory,
    }
}

/// Every mode of `limits.c` in two address spaces.
mod limits {
    use super::Program;

    const PROGRAM: Program = Program::new("limits.c");
    const MODES: &[&str] = &[
        "small_blocks_run_out_and_come_back",
        "medium_blocks_run_out_and_come_back",
        "large_blocks_run_out_and_come_back",
        "memory_goes_from_one_size_to_another",
        "a_few_frees_are_enough_to_go_on",
        "threads_and_mappings_find_room",
        "many_threads_run_out_together",
    ];

    /// Runs every mode and lists all that fail.
    fn all_pass_within(bytes: u64) {
        PROGRAM.has_exactly(MODES);
        let runs = MODES
            .iter()
            .map(|mode| PROGRAM.run(mode).address_space(bytes).finish());
        let failed: Vec<String> = runs
            .filter(|run| !run.succeeded())
            .map(|run| run.to_string())
            .collect();
        assert!(
            failed.is_empty(),
            "{} modes failed\n{}",
            failed.len(),
            failed.join("\n")
        );
    }

    #[test]
    fn in_256_mib_of_address_space() {
        all_pass_within(256 << 20);
    }

    #[test]
    fn in_64_mib_of_address_space() {
        all_pass_within(64 << 20);
    }
}

/// Programs that start with less than usual.
mod bare {
    use super::Program;

    const PROGRAM: Program = Program::new("bare.c");

    glebe_tests::mode_tests! {
        with_a_null_environment,
        ; without_standard_streams, without_an_environment
    }

    #[test]
    fn without_standard_streams() {
        let run = PROGRAM
            .run("without_standard_streams")
            .without_streams()
            .finish();
        assert!(run.stderr.is_empty(), "{run}");
        run.expect_success();
    }

    #[test]
    fn without_an_environment() {
        PROGRAM
            .run("without_an_environment")
            .empty_environment()
            .finish()
            .expect_success();
    }
}

/// A plugin loaded again and again, and the allocator itself loaded late.
mod plugins {
    use super::Program;
    use glebe_tests::library;
    use std::path::Path;

    const PROGRAM: Program = Program::new("plugins.c");
    const PLUGIN: Program = Program::shared_library("plugin.cc");

    fn passes(mode: &str) {
        let plugin = PLUGIN.executable();
        PROGRAM
            .run(mode)
            .arg(path(&plugin))
            .finish()
            .expect_success();
    }

    fn passes_loading_the_library(mode: &str) {
        PROGRAM
            .plain_run(mode)
            .arg(path(&library()))
            .finish()
            .expect_success();
    }

    fn path(path: &Path) -> &str {
        path.to_str().expect("the path is valid UTF-8")
    }

    #[test]
    fn every_mode_has_a_test() {
        PROGRAM.has_exactly(&[
            "loaded_a_thousand_times_by_main",
            "loaded_a_thousand_times_by_threads",
            "used_by_threads_unloaded_by_main",
            "the_allocator_can_be_loaded_late",
            "a_thread_may_end_after_the_allocator_was_closed",
        ]);
    }

    #[test]
    fn loaded_a_thousand_times_by_main() {
        passes("loaded_a_thousand_times_by_main");
    }

    #[test]
    fn loaded_a_thousand_times_by_threads() {
        passes("loaded_a_thousand_times_by_threads");
    }

    #[test]
    fn used_by_threads_unloaded_by_main() {
        passes("used_by_threads_unloaded_by_main");
    }

    #[test]
    fn the_allocator_can_be_loaded_late() {
        passes_loading_the_library("the_allocator_can_be_loaded_late");
    }

    #[test]
    fn a_thread_may_end_after_the_allocator_was_closed() {
        passes_loading_the_library("a_thread_may_end_after_the_allocator_was_closed");
    }
}
