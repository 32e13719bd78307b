//! The SQLite shell: a script of 100,000 rows, and the database file it leaves.

use crate::bindings::assert_all_bound;
use crate::programs::data;
use crate::stage::same_with_and_without;

#[test]
fn sqlite_report() {
    same_with_and_without(|stage| {
        assert_all_bound(
            stage,
            stage.command("sqlite3").args([":memory:", "select 1"]),
        );
        let script = format!(".read {}", data("report.sql").display());
        let report = stage.run(
            stage
                .command("sqlite3")
                .args(["-batch", "-bail", "shop.db", &script]),
        );
        assert!(
            report.ends_with("ok\n"),
            "the integrity check says:\n{report}"
        );
        stage.run(stage.command("sqlite3").args(["shop.db", ".dump"]));
    });
}
