//! docker-compose.yml holds together: it is valid by the Compose Specification's schema, both profiles
//! run the whole platform, and the proxy of the split one leads every documented path to its service.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

/// The service that answers the paths with a tag of the API's document.
const SERVICE_OF_TAG: [(&str, &str); 9] = [
    ("Access", "access"),
    ("Hotels", "hotel"),
    ("Inventory", "inventory"),
    ("Reservations", "reservation"),
    ("Payments", "payment"),
    ("Sagas", "orchestrator"),
    ("Availability", "availability"),
    ("Relay", "relay"),
    ("Problems", "hotel"),
];
/// The one service that ends by itself.
const ONE_SHOT: &str = "migrate";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn compose() -> Value {
    serde_saphyr::from_str(&read("docker-compose.yml")).expect("docker-compose.yml is YAML")
}

fn services() -> Map<String, Value> {
    compose()["services"].as_object().expect("services").clone()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The target that a service runs, if it is one of the platform's.
fn target(service: &Value) -> Option<&str> {
    texts(&service["command"])
        .into_iter()
        .find_map(|argument| argument.strip_prefix("--target="))
}

/// What the binary prints, with this setting.
fn printed(arguments: &[&str], setting: (&str, &str)) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts/test tells by the environment where the binary is"
    )]
    let binary = std::env::var("BELLHOP_BIN").expect("BELLHOP_BIN is not set; run the tests by scripts/test");
    let output = Command::new(&binary)
        .args(arguments)
        .env(setting.0, setting.1)
        .output()
        .expect("BELLHOP_BIN runs");
    String::from_utf8(output.stdout).expect("what it prints is UTF-8")
}

fn help(command: &str) -> String {
    printed(&[command, "--help"], ("NO_COLOR", "1"))
}

/// The targets that `bellhop run --help` names.
fn targets() -> BTreeSet<String> {
    let help = help("run");
    let list = help
        .split("--target")
        .nth(1)
        .and_then(|rest| rest.split("Possible values:").nth(1));
    let list = list.expect("the help lists the possible values of --target");
    let names = list.lines().skip(1).take_while(|line| !line.trim().is_empty());
    names
        .filter_map(|line| Some(line.trim().strip_prefix("- ")?.split(':').next()?.to_owned()))
        .collect()
}

#[test]
fn the_file_is_valid_by_the_compose_specification() {
    let schema: Value =
        serde_json::from_str(&read("tests/data/compose-spec.json")).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let compose = compose();
    let found: Vec<String> = schema
        .iter_errors(&compose)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    let mut broken = compose;
    broken["services"]["redis"]["imagine"] = "redis".into();
    assert!(!schema.is_valid(&broken), "the schema finds a misspelt key");
}

#[test]
fn both_profiles_run_the_whole_platform() {
    let targets = targets();
    assert!(targets.len() > 2, "targets of the help: {targets:?}");
    let mut run: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, service) in services() {
        let profiles = texts(&service["profiles"]);
        match target(&service) {
            None => assert!(
                profiles.is_empty() || name == "proxy",
                "{name} is part of every profile"
            ),
            Some(target) => {
                assert_eq!(profiles.len(), 1, "{name} runs in one profile");
                run.entry(profiles[0].to_owned())
                    .or_default()
                    .insert(target.to_owned());
            }
        }
    }
    let parts = targets
        .iter()
        .filter(|target| *target != "all")
        .cloned()
        .collect();
    let expected = BTreeMap::from([
        ("all".to_owned(), BTreeSet::from(["all".to_owned()])),
        ("split".to_owned(), parts),
    ]);
    assert_eq!(run, expected);
}

#[test]
fn every_service_is_healthy_bounded_and_unprivileged() {
    for (name, service) in services() {
        let health = &service["healthcheck"];
        assert!(
            name == ONE_SHOT || health["test"].is_array(),
            "{name} has a health check"
        );
        assert!(service["mem_limit"].is_string(), "{name} has a memory limit");
        assert!(
            texts(&service["security_opt"]).contains(&"no-new-privileges:true"),
            "{name} gains no privilege"
        );
        if target(&service).is_some() {
            assert_eq!(service["read_only"], true, "{name} cannot change its image");
            assert_eq!(
                texts(&service["cap_drop"]),
                ["ALL"],
                "{name} needs no right of root"
            );
        }
        for port in texts(&service["ports"]) {
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name} listens on this machine alone, not on {port}"
            );
        }
    }
}

#[test]
fn everything_waits_for_what_it_needs() {
    let services = services();
    for (name, service) in &services {
        let needs = service["depends_on"].as_object().cloned().unwrap_or_default();
        for (needed, how) in &needs {
            assert!(
                services.contains_key(needed),
                "{name} waits for {needed}, which is no service"
            );
            let condition = if needed == ONE_SHOT {
                "service_completed_successfully"
            } else {
                "service_healthy"
            };
            assert_eq!(how["condition"], condition, "{name} waits for {needed}");
        }
        if target(service).is_some() {
            let needs: Vec<&str> = needs.keys().map(String::as_str).collect();
            assert_eq!(needs, ["kafka", ONE_SHOT, "redis"], "{name}");
        }
    }
}

#[test]
fn every_setting_is_one_of_the_binary() {
    let help = help("run") + &help("migrate");
    for (name, service) in services()
        .iter()
        .filter(|(name, service)| target(service).is_some() || *name == ONE_SHOT)
    {
        for setting in service["environment"].as_object().expect("settings").keys() {
            let known = help.contains(&format!("[env: {setting}")) || setting.ends_with("_DATABASE_PASSWORD");
            assert!(known, "{name}: no command knows {setting}");
        }
    }
}

#[test]
fn a_container_is_given_its_own_password_alone() {
    for (name, service) in services() {
        if texts(&service["profiles"]) != ["split"] || name == "proxy" {
            continue;
        }
        let own = format!("BELLHOP_{}_DATABASE_PASSWORD", name.to_uppercase());
        let settings = service["environment"].as_object().expect("settings");
        let passwords: Vec<&str> = settings
            .keys()
            .map(String::as_str)
            .filter(|key| key.ends_with("_DATABASE_PASSWORD"))
            .collect();
        let expected = if settings.contains_key("BELLHOP_DATABASE_URL") {
            vec![own.as_str()]
        } else {
            vec![]
        };
        assert_eq!(passwords, expected, "{name}");
    }
}

#[test]
fn who_does_not_run_the_access_service_cannot_sign_its_rows() {
    for (name, service) in services() {
        let Some(target) = target(&service) else {
            continue;
        };
        let settings = service["environment"].as_object().expect("settings");
        assert_eq!(
            settings.contains_key("BELLHOP_ACCESS_SIGNING_KEY"),
            ["all", "access"].contains(&target),
            "{name}"
        );
        assert!(settings.contains_key("BELLHOP_ACCESS_PUBLIC_KEY"), "{name}");
    }
}

#[test]
fn the_public_key_that_is_made_is_that_of_the_signing_key() {
    let folder = std::env::temp_dir().join(format!("make-env-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let script = folder.join("make-env");
    fs::write(&script, read("docker/make-env")).expect("a copy");
    let made = Command::new("bash").arg(&script).output().expect("bash");
    assert!(made.status.success(), "{made:?}");
    let settings = fs::read_to_string(folder.join(".env")).expect("settings");
    fs::remove_dir_all(&folder).expect("it is there");
    let of = |name: &str| {
        settings
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect(name)
    };
    let signing = ("BELLHOP_ACCESS_SIGNING_KEY", of("BELLHOP_ACCESS_SIGNING_KEY="));
    let public = printed(&["access", "public-key"], signing);
    assert_eq!(public.trim(), of("BELLHOP_ACCESS_PUBLIC_KEY="));
}

/// The routes of the proxy, in order: patterns and the service that they lead to.
fn routes() -> Vec<(Vec<String>, String)> {
    let file = read("docker/Caddyfile");
    let lines = || {
        file.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
    };
    let patterns: BTreeMap<&str, Vec<String>> = lines()
        .filter(|words| words.len() > 2 && words[0].starts_with('@') && words[1] == "path")
        .map(|words| {
            (
                words[0],
                words[2..].iter().map(|&pattern| pattern.to_owned()).collect(),
            )
        })
        .collect();
    lines()
        .filter(|words| words.len() == 3 && words[0] == "reverse_proxy")
        .map(|words| {
            let patterns = patterns
                .get(words[1])
                .unwrap_or_else(|| panic!("{} is defined", words[1]))
                .clone();
            (
                patterns,
                words[2].strip_suffix(":8080").expect("port 8080").to_owned(),
            )
        })
        .collect()
}

/// A pattern as Caddy reads it: `*` at the end is anything, elsewhere it is one segment.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(start) = pattern.strip_suffix('*').filter(|start| !start.contains('*')) {
        return path.starts_with(start);
    }
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(want, is)| *want == "*" || *want == is)
}

fn service_for(path: &str, routes: &[(Vec<String>, String)]) -> Option<String> {
    routes
        .iter()
        .find(|(patterns, _)| patterns.iter().any(|pattern| matches(pattern, path)))
        .map(|(_, service)| service.clone())
}

#[test]
fn the_proxy_leads_every_documented_path_to_its_service() {
    let (routes, services) = (routes(), services());
    for (_, service) in &routes {
        assert!(
            services.contains_key(service),
            "the proxy leads to {service}, which is no service"
        );
    }
    let document: Value = serde_json::from_str(&read("openapi/bellhop.json")).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(!paths.is_empty(), "the document has paths");
    for (path, methods) in paths {
        let asked = path.replace(['{', '}'], "");
        for method in methods.as_object().expect("methods").values() {
            let tag = texts(&method["tags"])
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned();
            let expected = SERVICE_OF_TAG
                .iter()
                .find(|(known, _)| *known == tag)
                .map(|(_, service)| *service);
            assert!(
                expected.is_some(),
                "{path}: add the service of the tag {tag:?} to this test"
            );
            assert_eq!(service_for(&asked, &routes).as_deref(), expected, "{path}");
        }
    }
    for (path, service) in [
        ("/dashboard/", "orchestrator"),
        ("/swagger-ui/", "hotel"),
        ("/openapi.json", "hotel"),
    ] {
        assert_eq!(service_for(path, &routes).as_deref(), Some(service), "{path}");
    }
    let provider = service_for("/sandbox-provider/v1/ledger", &routes);
    assert_eq!(provider.as_deref(), Some("sandbox-provider"));
}
