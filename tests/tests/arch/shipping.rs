//! What ships, and what scripts build.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Package, assert_none, code, files, packages, read, root, rust_files};

#[test]
fn only_the_executable_knows_targets() {
    let asks = |line: &str| {
        ["BELLHOP_TARGET", "--target", "bellhop::"]
            .iter()
            .any(|word| code(line, "//").contains(word))
    };
    let outside = |name: &String| {
        ["app/", "tests/", "benches/", "proof/"]
            .iter()
            .all(|folder| !name.starts_with(folder))
    };
    let found: Vec<String> = rust_files()
        .filter(outside)
        .filter(|name| read(name).lines().any(asks))
        .collect();
    assert_none(
        &found,
        "nothing may ask which target runs, or `all` becomes another system: make it a setting of the module",
    );
}

#[test]
fn nothing_that_ships_can_have_planted_bugs() {
    let proofs = ["sim", "worlds"];
    let mut found = Vec::new();
    for Package { name, needs, .. } in packages() {
        let needed = needs.iter().find(|(needed, _)| proofs.contains(&needed.as_str()));
        if let Some((needed, _)) = needed.filter(|_| !proofs.contains(&name.as_str())) {
            found.push(format!("{name} depends on {needed}"));
        }
    }
    let plants = |name: &String| {
        let planted = |line: &str| ["planted!(", "planted::"].iter().any(|word| line.contains(word));
        read(name).lines().any(|line| planted(code(line, "//")))
    };
    let of_proofs = |name: &String| {
        ["sim/", "worlds/", "tests/"]
            .iter()
            .any(|folder| name.starts_with(folder))
    };
    found.extend(rust_files().filter(|name| !of_proofs(name)).filter(plants));
    assert_none(
        &found,
        "bugs are planted into a copy of the tree: planted/README.md",
    );
}

#[test]
fn the_planted_bugs_fit_the_rules() {
    let applied = Command::new("git")
        .args(["apply", "--check", "planted/switches.patch"])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(
        applied.status.success(),
        "{}-> a rule has changed: put its switch where it is now, as planted/README.md says",
        String::from_utf8_lossy(&applied.stderr)
    );
}

/// Cargo gives a package the features that the selected packages ask of it. Were the selections of two scripts
/// different, each would compile nearly everything that the other has compiled once more.
#[test]
fn all_scripts_select_the_whole_workspace() {
    let commands = ["build", "check", "clippy", "test", "run", "rustc", "bench"];
    let selects = [
        " -p ",
        " --package",
        " --exclude",
        " --manifest-path",
        " --no-default-features",
    ];
    let scripts = files().into_iter().filter(|name| {
        let places = ["scripts/", "proof/", "docker/", ".ci/"];
        places.iter().any(|place| name.starts_with(place))
            && Path::new(name).extension().is_none_or(|end| end != "rs")
    });
    let found: Vec<String> = scripts
        .flat_map(|name| {
            let text = fs::read_to_string(root().join(&name)).unwrap_or_default();
            let lines = text
                .lines()
                .map(|line| format!("{} ", code(line, "#")))
                .filter(|line| {
                    let builds = commands
                        .iter()
                        .any(|command| line.contains(&format!("cargo {command} ")));
                    builds && selects.iter().any(|select| line.contains(select))
                });
            lines
                .map(|line| format!("{name}: {}", line.trim()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_none(
        &found,
        "name executables or tests, not packages; see `build` in scripts/lib.sh",
    );
    assert!(!read("Cargo.toml").contains("\ndefault-members"));
}
