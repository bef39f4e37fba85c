//! No circle of modules: of two modules at the top of a package, at most one knows the other.
//!
//! Read from the text: `crate::name`, `crate::{name, …}` and `super::…` up to the root. What the root itself
//! hands on (`crate::App`) is no module, and tests may know everything.

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, code, packages, read, rust_files};

/// Which modules know which.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What stands at the top of the module that the rest of a path leads to: `a` of `a::b`, `a` and `b` of `{a, b::c}`.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let (mut depth, mut heads, mut from) = (0, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.push(word(&group[from..at]));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads
}

/// The names behind each way to the root, from a module `depth` below it.
fn known(text: &str, depth: usize) -> BTreeSet<String> {
    let ways = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut names = BTreeSet::new();
    for way in ways.iter().filter(|way| !way.is_empty()) {
        for (at, _) in text.match_indices(way.as_str()) {
            let before = text[..at].chars().next_back();
            let longer = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            if !longer {
                names.extend(heads(&text[at + way.len()..]));
            }
        }
    }
    names
}

/// The code of a file without comments and without the tests at its end.
fn program(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|line| code(line, "//")).collect();
    let tests = lines
        .windows(2)
        .position(|two| two[0] == "#[cfg(test)]" && two[1].starts_with("mod ") && two[1].ends_with('{'));
    lines[..tests.unwrap_or(lines.len())].join("\n")
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        ["tests", "testing", "fixtures", "bin"].contains(&name) || name.ends_with("_tests")
    })
}

/// The arrows between the modules at the top of the package in `folder`.
fn arrows(folder: &str, files: &[String]) -> Arrows {
    let source = format!("{folder}/src/");
    let mut arrows = Arrows::new();
    for name in files {
        let Some(path) = name.strip_prefix(&source).filter(|path| !is_test(path)) else {
            continue;
        };
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        if !["lib", "main"].contains(&parts[0]) {
            let known = known(&program(&read(name)), parts.len());
            arrows.entry(parts[0].to_owned()).or_default().extend(known);
        }
    }
    let modules: BTreeSet<String> = arrows.keys().cloned().collect();
    for (module, known) in &mut arrows {
        known.retain(|other| other != module && modules.contains(other));
    }
    arrows
}

/// What is left when the modules that know nobody, or whom nobody knows, are taken away again and again.
fn circles(mut arrows: Arrows) -> Arrows {
    loop {
        let known: BTreeSet<String> = arrows.values().flatten().cloned().collect();
        let before = arrows.len();
        arrows.retain(|module, knows| !knows.is_empty() && known.contains(module));
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        for knows in arrows.values_mut() {
            knows.retain(|other| left.contains(other));
        }
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[test]
fn no_modules_know_each_other() {
    let files: Vec<String> = rust_files().collect();
    let mut found = Vec::new();
    let mut seen = 0;
    for package in packages() {
        let arrows = arrows(&package.folder, &files);
        seen += arrows.values().map(BTreeSet::len).sum::<usize>();
        found.extend(circles(arrows).into_iter().map(|(module, knows)| {
            let knows: Vec<String> = knows.into_iter().collect();
            format!("{}: {module} knows {}", package.folder, knows.join(", "))
        }));
    }
    assert!(
        seen > 100,
        "only {seen} arrows were found; has the layout changed?"
    );
    assert_none(&found, "take what both need into a module of its own, below both");
}

#[test]
fn circles_are_found_where_they_are() {
    assert_eq!(heads("a::b;"), ["a"]);
    assert_eq!(heads("{a, b::{c, d}, e};"), ["a", "b", "e"]);
    let names = |text: &str, depth| known(text, depth).into_iter().collect::<Vec<_>>();
    assert_eq!(names("use crate::a::B; let x = crate::c::d();", 1), ["a", "c"]);
    assert_eq!(names("use super::a::B;", 1), ["a"]);
    assert_eq!(names("use super::a::B; use super::super::c;", 2), ["c"]);
    assert_eq!(
        program("use a; // crate::b\n#[cfg(test)]\nmod tests {\nuse crate::c;"),
        "use a; "
    );
    let of = |pairs: &[(&str, &str)]| {
        let mut arrows = Arrows::new();
        for (from, to) in pairs {
            arrows
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
            arrows.entry((*to).to_owned()).or_default();
        }
        circles(arrows).into_keys().collect::<Vec<_>>()
    };
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("a", "c")]), [""; 0]);
    assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]), ["b", "c"]);
}
