//! Who may depend on whom, and with which features of others.

use std::collections::BTreeSet;
use std::process::Command;

use super::{IO_CRATES, Package, assert_none, packages, read, root};

/// What a service may depend on, whatever the map says.
const SHARED: [&str; 3] = ["contract", "rules", "platform"];
/// It stands for another company's server, so a service's tests may start it. The service itself may not.
const STAND_IN: &str = "sandbox-provider";

/// The column "May depend on" of the map's table of folders.
fn may_depend_on(map: &str, folder: &str) -> Option<Vec<String>> {
    let row = map
        .lines()
        .find(|line| line.starts_with(&format!("| `{folder}/` |")))?;
    let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next()?;
    Some(cell.split(',').map(|name| name.trim().to_owned()).collect())
}

#[test]
fn packages_depend_only_on_what_the_map_allows() {
    let (map, packages) = (read("ARCHITECTURE.md"), packages());
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for Package { name, folder, needs } in &packages {
        let Some(allowed) = may_depend_on(&map, folder) else {
            found.push(format!("{folder}/ has no row in the table of ARCHITECTURE.md"));
            continue;
        };
        let service = folder.starts_with("services/") || name == "orchestrator";
        for (needed, in_tests) in needs.iter().filter(|(needed, _)| ours.contains(needed.as_str())) {
            let allowed = allowed
                .iter()
                .any(|one| one == needed || (one == "everything" && needed != "tests"));
            let shared = !service || SHARED.contains(&needed.as_str());
            if !(allowed && shared || *in_tests && needed == STAND_IN) {
                found.push(format!("{name} depends on {needed}"));
            }
        }
    }
    assert_none(
        &found,
        "put what two services share into contract/ (words), rules/ (what may be sold) or platform/ (technique), and let them speak by \
         messages; a new package gets its row in ARCHITECTURE.md first",
    );
}

#[test]
fn the_map_is_read_as_it_is_written() {
    let map =
        "| Folder | x | May depend on |\n| `a/` | b, c | contract, platform |\n| `services/b/` | | nothing |";
    assert_eq!(
        may_depend_on(map, "a"),
        Some(vec!["contract".to_owned(), "platform".to_owned()])
    );
    assert_eq!(may_depend_on(map, "services/b"), Some(vec!["nothing".to_owned()]));
    assert_eq!(may_depend_on(map, "b"), None);
}

#[test]
fn contract_and_rules_do_no_io() {
    let packages = packages();
    let mut found = Vec::new();
    for name in ["contract", "rules"] {
        let package = packages.iter().find(|package| package.name == name);
        let needs = package.expect("a package of the workspace").needs.iter();
        let io = needs.filter(|(needed, _)| IO_CRATES.contains(&needed.as_str()));
        found.extend(io.map(|(needed, _)| format!("{name} depends on {needed}")));
    }
    assert_none(
        &found,
        "the contract is plain data, the rules are values: move what does IO into platform/ or the service",
    );
}

/// What third-party packages are built with, `edges` of the dependencies regarded.
fn features(edges: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--offline", "--locked", "--quiet"])
        .args([
            "--prefix",
            "none",
            "--no-dedupe",
            "--format",
            "{p} [{f}]",
            "--edges",
            edges,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        tree.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let ours = root().display().to_string();
    let lines = String::from_utf8(tree.stdout).expect("cargo writes UTF-8");
    lines
        .lines()
        .filter(|line| !line.contains(&ours))
        .map(str::to_owned)
        .collect()
}

/// Or `cargo test` would compile once more what `cargo build` has compiled.
#[test]
fn tests_ask_no_more_of_third_party_packages_than_the_executables() {
    let (without, with) = (features("normal,build"), features("normal,build,dev"));
    let found: Vec<String> = without.difference(&with).cloned().collect();
    assert_none(
        &found,
        "a dev-dependency asks for more features of these: put it among the [dependencies] of `tests`",
    );
    assert!(without.len() > 100, "{} packages are listed", without.len());
}
