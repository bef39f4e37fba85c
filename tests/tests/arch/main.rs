//! The rules of ARCHITECTURE.md that a machine can hold: who may depend on whom, what is pure, who owns
//! which schema. Each failure says what to do instead.

mod circles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a service may depend on, whatever the map says.
const SHARED: [&str; 3] = ["contract", "rules", "platform"];
/// It stands for another company's server, so a service's tests may start it. The service itself may not.
const STAND_IN: &str = "sandbox-provider";

/// Crates that do IO. Rules and decisions take values and return values.
const IO_CRATES: [&str; 6] = ["sqlx", "axum", "rdkafka", "redis", "reqwest", "tokio"];
const SCHEMAS: [&str; 6] = [
    "hotel",
    "inventory",
    "reservation",
    "payment",
    "relay",
    "orchestrator",
];
/// A file with a null byte among its first bytes is binary, as git sees it.
const BINARY_PROBE_BYTES: usize = 8_000;
const BINARY_BYTES_MAX: usize = 200_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package has a parent folder")
        .to_owned()
}

/// Every file of the repository, tracked or about to be.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    names
        .split_terminator('\0')
        .filter(|name| root().join(name).is_file())
        .map(str::to_owned)
        .collect()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn rust_files() -> impl Iterator<Item = String> {
    files()
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "rs"))
}

fn assert_none(found: &[String], instead: &str) {
    assert!(found.is_empty(), "{}\n-> {instead}", found.join("\n"));
}

/// The code of a line, without what stands behind `mark`, which begins a comment.
fn code<'a>(line: &'a str, mark: &str) -> &'a str {
    line.split(mark).next().unwrap_or_default()
}

/// Whether `text` has `name` directly before `after`, and not as the end of a longer name.
fn names(text: &str, name: &str, after: &str) -> bool {
    text.match_indices(&format!("{name}{after}")).any(|(at, _)| {
        !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '"')
    })
}

/// A package of the workspace.
struct Package {
    name: String,
    folder: String,
    /// What it depends on, and whether its tests alone do.
    needs: Vec<(String, bool)>,
}

fn packages() -> Vec<Package> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        metadata.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo's metadata are JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let top = text(&metadata["workspace_root"]);
    let folder = |manifest: String| {
        let folder = manifest
            .strip_prefix(&top)
            .and_then(|rest| rest.strip_suffix("Cargo.toml"));
        folder
            .expect("a package is in the workspace's folder")
            .trim_matches('/')
            .to_owned()
    };
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            folder: folder(text(&package["manifest_path"])),
            needs: list(&package["dependencies"])
                .iter()
                .map(|needed| (text(&needed["name"]), needed["kind"] == "dev"))
                .collect(),
        })
        .collect()
}

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

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    let found: Vec<String> = rust_files()
        .filter(|name| !read(name).trim_start().starts_with("//!"))
        .collect();
    assert_none(
        &found,
        "begin the file with `//!` and a sentence that says what it is for",
    );
}

#[test]
fn every_top_folder_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let folders: BTreeSet<String> = files()
        .iter()
        .filter_map(|name| name.split_once('/').map(|(folder, _)| folder.to_owned()))
        .filter(|folder| !folder.starts_with('.'))
        .collect();
    let found: Vec<String> = folders
        .into_iter()
        .filter(|folder| !map.contains(&format!("{folder}/")))
        .collect();
    assert_none(
        &found,
        "say in ARCHITECTURE.md what the folder is for, or put its files where the map has a place",
    );
}

fn is_pure(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let model = parts.contains(&"src") && (parts.contains(&"model") || parts.last() == Some(&"model.rs"));
    let engine = name.starts_with("orchestrator/src/engine");
    model || engine || name.starts_with("rules/src/")
}

fn io_in(text: &str) -> Vec<&'static str> {
    let uses = |io: &&'static str| {
        text.lines().map(|line| code(line, "//")).any(|line| {
            names(line, io, "::")
                || names(line, &format!("use {io}"), ";")
                || names(line, &format!("use {io}"), " ")
        })
    };
    IO_CRATES.iter().copied().filter(|io| uses(io)).collect()
}

#[test]
fn rules_and_decisions_are_pure() {
    let mut seen = 0;
    let mut found = Vec::new();
    for name in rust_files().filter(|name| is_pure(name)) {
        seen += 1;
        found.extend(
            io_in(&read(&name))
                .into_iter()
                .map(|io| format!("{name} uses {io}")),
        );
    }
    assert!(
        seen > 0,
        "no model and no engine was found; has the layout changed?"
    );
    assert_none(
        &found,
        "give the rule its values as arguments, and do the IO in store.rs, http/ or commands/",
    );
}

#[test]
fn io_is_found_where_it_is() {
    assert_eq!(io_in("use sqlx::PgPool; // tokio::spawn"), ["sqlx"]);
    assert_eq!(io_in("fn f(now: tokio::time::Instant) {}"), ["tokio"]);
    assert_eq!(io_in("use axum;"), ["axum"]);
    assert_eq!(
        io_in("//! No sqlx::query here\nlet axum_like = my_redis::x();"),
        [""; 0]
    );
}

fn foreign_schemas(own: &str, sql: &str) -> Vec<&'static str> {
    let names_table = |line: &str, schema: &str| {
        line.match_indices(&format!("{schema}.")).any(|(at, found)| {
            let before = line[..at].chars().next_back();
            let after = line[at + found.len()..].chars().next();
            let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !part(before) && (part(after) || after == Some('"'))
        })
    };
    let lower = sql.to_lowercase();
    let mentioned = |schema: &str| lower.lines().any(|line| names_table(line, schema));
    SCHEMAS
        .iter()
        .copied()
        .filter(|schema| *schema != own && mentioned(schema))
        .collect()
}

#[test]
fn migrations_mention_their_own_schema_alone() {
    let mut found = Vec::new();
    let mut owners = BTreeSet::new();
    for name in files().iter().filter(|name| name.starts_with("migrations/")) {
        let own = name.split('/').nth(1).unwrap_or_default();
        if !SCHEMAS.contains(&own) {
            found.push(format!("{name}: {own} is no schema"));
        }
        owners.insert(own.to_owned());
        found.extend(
            foreign_schemas(own, &read(name))
                .into_iter()
                .map(|other| format!("{name} mentions {other}")),
        );
    }
    assert_eq!(
        owners.len(),
        SCHEMAS.len(),
        "every schema has its migrations: {owners:?}"
    );
    assert_none(
        &found,
        "a service owns its schema alone: get the other's data by a message and keep a copy",
    );
}

#[test]
fn another_schema_is_found_where_it_is() {
    let sql = "create table inventory.hold (hotel_id uuid); -- the hotel. And\n references hotel.hotel";
    assert_eq!(foreign_schemas("inventory", sql), ["hotel"]);
    assert_eq!(
        foreign_schemas(
            "hotel",
            "comment on table hotel.hotel is 'a payment.'; my_relay.x"
        ),
        [""; 0]
    );
}

#[test]
fn no_large_binary_file_is_checked_in() {
    let large = |name: &String| {
        let bytes = fs::read(root().join(name)).expect("a file of the repository");
        bytes.len() > BINARY_BYTES_MAX && bytes[..BINARY_PROBE_BYTES].contains(&0)
    };
    let found: Vec<String> = files().into_iter().filter(large).collect();
    assert_none(
        &found,
        "make it smaller than 200 kB, or have a script make it when it is needed",
    );
}

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
