//! GCC and make: object files and programs must be identical to the last bit, and the programs they
//! give must run the same.

use std::fmt::Write;

use crate::bindings::assert_all_bound;
use crate::programs::data;
use crate::stage::{Stage, same_with_and_without};

/// A C file of `count` functions, each a little different.
fn functions(count: u32) -> String {
    let mut text = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n".to_owned();
    for i in 0..count {
        write!(
            text,
            "struct s{i} {{ int a[{size}]; char *name; struct s{i} *next; }};\n\
             static int f{i}(struct s{i} *s, int n) {{\n\
             \x20   int sum = {i};\n\
             \x20   for (int j = 0; j < n; j++) {{\n\
             \x20       s->a[j % {size}] += sum ^ j; sum += s->a[0] * 3;\n    }}\n\
             \x20   switch (sum & 7) {{\n\
             \x20       case 0: return n; case 3: sum += n; break; default: sum--;\n    }}\n\
             \x20   char *copy = strdup(\"function {i}\"); sum += copy[3]; free(copy);\n\
             \x20   return s->next ? f{i}(s->next, n - 1) : sum;\n}}\n",
            size = i % 29 + 1,
        )
        .expect("a string grows");
    }
    text.push_str("int main(void) {\n    unsigned sum = 0;\n");
    for i in 0..count {
        writeln!(
            text,
            "    {{ struct s{i} s = {{0}}; sum += f{i}(&s, {}); }}",
            i % 50 + 1
        )
        .expect("a string grows");
    }
    text + "    printf(\"%u\\n\", sum);\n    return 0;\n}\n"
}

#[test]
fn gcc_object_files_are_identical() {
    same_with_and_without(|stage| {
        stage.write("many.c", functions(400));
        let compile = ["-O2", "-g", "-pipe", "-c", "many.c", "-o", "many.o"];
        stage.run(stage.command("gcc").args(compile));
        stage.record_file("many.o");
        stage.run(stage.command("gcc").args(["many.o", "-o", "many"]));
        stage.record_file("many");
        stage.run(&mut stage.command_at(&stage.folder().join("many")));
    });
}

#[test]
fn gcc_calls_reach_the_library() {
    same_with_and_without(|stage| {
        stage.write(
            "small.c",
            "#include <stdlib.h>\nint main(void) { free(malloc(9)); }\n",
        );
        assert_all_bound(
            stage,
            stage
                .command("gcc")
                .args(["-flto", "small.c", "-o", "small"]),
        );
        stage.record_file("small");
        assert_all_bound(stage, &mut stage.command_at(&stage.folder().join("small")));
    });
}

#[test]
fn gxx_templates_compile_and_run_the_same() {
    same_with_and_without(|stage| {
        let source = data("templates.cpp");
        let compile = ["-std=c++20", "-O2", "-g", "-pthread", "-o", "templates"];
        stage.run(stage.command("g++").args(compile).arg(source));
        stage.record_file("templates");
        let program = stage.folder().join("templates");
        stage.run(&mut stage.command_at(&program));
        assert_all_bound(stage, &mut stage.command_at(&program));
    });
}

#[test]
fn make_builds_in_parallel() {
    same_with_and_without(|stage| {
        project(stage, 24);
        stage.run_unrecorded(stage.command("make").args(["-j3", "all"]));
        stage.record_file("program");
        stage.run(&mut stage.command_at(&stage.folder().join("program")));
        stage.run(stage.command("make").args(["-n", "-B", "all"]));
    });
}

/// A make project of `parts` source files with a link-time optimised program.
fn project(stage: &Stage, parts: u32) {
    let mut main = "#include <stdio.h>\n".to_owned();
    let mut sum = String::new();
    for part in 0..parts {
        let body = format!(
            "int part{part}(int n) {{ return n * {part} + {}; }}\n",
            part * part
        );
        stage.write(&format!("part{part}.c"), body);
        writeln!(main, "int part{part}(int);").expect("a string grows");
        write!(sum, " + part{part}({part})").expect("a string grows");
    }
    stage.write(
        "main.c",
        format!("{main}int main(void) {{ printf(\"%d\\n\", 0{sum}); }}\n"),
    );
    let rules = "OBJECTS := $(patsubst %.c,%.o,$(sort $(wildcard *.c)))\n\
                 all: program\n\
                 program: $(OBJECTS)\n\tgcc -O2 $^ -o $@\n\
                 %.o: %.c\n\tgcc -O2 -c $< -o $@\n";
    stage.write("Makefile", rules);
}
