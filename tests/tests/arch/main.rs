//! The rules of ARCHITECTURE.md that a machine can hold: who may depend on whom, what is pure, who owns
//! which schema. Each failure says what to do instead.

mod circles;
mod files;
mod packages;
mod purity;
mod schemas;
mod shipping;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates that do IO. Rules and decisions take values and return values.
const IO_CRATES: [&str; 6] = ["sqlx", "axum", "rdkafka", "redis", "reqwest", "tokio"];

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
