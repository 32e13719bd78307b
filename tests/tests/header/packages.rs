//! What is installed beside the library: files for pkg-config and CMake, and the manual pages.
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use glebe_tests::root;
use glebe_tests::run::Finished;

use crate::{Installed, VERSION, declared, finished, pattern, run, succeeds};

#[test]
fn pkg_config_knows_the_version() {
    let installed = Installed::new();
    assert_eq!(installed.pkg_config(&["--modversion"]), [VERSION]);
    assert!(installed.pkg_config(&["--validate"]).is_empty());
}

/// A project that finds the package, and has a target of each kind in each language.
const PROJECT: &str = "
cmake_minimum_required(VERSION 3.13)
project(user C CXX)
find_package(glebe @version@ REQUIRED)
set(CMAKE_C_FLAGS \"-D_GNU_SOURCE -O1 -fno-builtin\")
set(CMAKE_CXX_FLAGS \"-O1 -fno-builtin\")
foreach(kind glebe glebe_static)
  add_executable(c_${kind} @programs@/header.c)
  add_executable(cpp_${kind} @programs@/header_cpp.cc)
  target_link_libraries(c_${kind} glebe::${kind})
  target_link_libraries(cpp_${kind} glebe::${kind})
endforeach()
target_link_options(cpp_glebe_static PRIVATE -static)
";

fn configure(installed: &Installed, version: &str) -> Finished {
    let source = installed.folder.path().join("project");
    let programs = root().join("tests/programs").display().to_string();
    let project = PROJECT.replace("@programs@", &programs);
    fs::create_dir_all(&source).expect("the folder can be made");
    let list = source.join("CMakeLists.txt");
    fs::write(list, project.replace("@version@", version)).expect("the file can be written");
    let mut command = Command::new("cmake");
    command.arg("-S").arg(&source);
    command.arg("-B").arg(installed.folder.path().join("build"));
    command.arg(format!(
        "-DCMAKE_PREFIX_PATH={}",
        installed.prefix().display()
    ));
    finished(command)
}

#[test]
fn cmake_finds_and_links_the_library() {
    let installed = Installed::new();
    configure(&installed, VERSION).expect_success();
    let build = installed.folder.path().join("build");
    let mut command = Command::new("cmake");
    command.arg("--build").arg(&build);
    succeeds(command);
    for kind in ["glebe", "glebe_static"] {
        let plain = "plain_names_are_the_librarys";
        run(&build.join(format!("c_{kind}")), plain).expect_success();
        let cpp = build.join(format!("cpp_{kind}"));
        run(&cpp, plain).expect_success();
        run(&cpp, "without_memory_new_throws").expect_success();
    }
}

#[test]
fn cmake_refuses_another_version() {
    let refused = configure(&Installed::new(), "99.0");
    assert!(!refused.succeeded(), "{refused}");
    assert!(
        refused.stderr.contains(&format!("version: {VERSION}")),
        "{refused}"
    );
}

#[test]
fn manual_pages_are_well_formed_and_complete() {
    let installed = Installed::new();
    for page in ["man3/glebe.3", "man7/glebe.7"] {
        let mut command = Command::new("groff");
        command.args(["-ww", "-man", "-Tutf8"]);
        command.arg(installed.at("share/man").join(page));
        let shown = succeeds(command);
        assert_eq!(shown.stderr, "", "{page}");
        assert!(shown.stdout.contains(VERSION), "{page} lacks the version");
        let left = pattern(r"@\w+@")
            .find(&shown.stdout)
            .map(|found| found.as_str());
        assert_eq!(left, None, "{page} was not filled in");
    }
    let folder = installed.at("share/man/man3");
    let pages: BTreeSet<String> = fs::read_dir(folder)
        .expect("the pages were installed")
        .map(|entry| entry.expect("they can be listed").file_name())
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".3")?.to_string()))
        .filter(|name| name != "glebe")
        .collect();
    assert_eq!(pages, declared(), "pages, and declared functions");
}
