//! Node.js: V8 on the main thread and on worker threads, zlib and hashes in its thread pool.

use crate::bindings::assert_all_bound;
use crate::programs::data;
use crate::stage::same_with_and_without;

#[test]
fn node_calls_reach_the_library() {
    same_with_and_without(|stage| {
        assert_all_bound(stage, stage.command("node").args(["-e", "1"]));
        stage.run(
            stage
                .command("node")
                .args(["-p", "[1, 2, 3].map((x) => x * x).join()"]),
        );
    });
}

#[test]
fn node_workers() {
    same_with_and_without(|stage| {
        stage.run(stage.command("node").arg(data("workers.js")));
    });
}
