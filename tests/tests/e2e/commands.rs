//! The commands that people type.

use tests::{Platform, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_missing_and_then_that_all_is_well() {
    let mut platform = Platform::migrated();
    let ill = platform.command(&["doctor"]);
    let said = String::from_utf8_lossy(&ill.stdout).into_owned();
    assert!(!ill.status.success(), "{said}");
    assert!(
        said.contains("WRONG slot") && said.contains("WRONG platform"),
        "{said}"
    );

    platform.run("all");
    platform.ready().await;
    // A moment after it is ready the cache is filled too.
    until("the doctor says that all is well", async || {
        let well = platform.command(&["doctor"]);
        let said = String::from_utf8_lossy(&well.stdout).into_owned();
        (well.status.success() && said.contains("all is well") && said.contains("ok    cache: filled"))
            .then_some(())
    })
    .await;

    // Safe to run again, also beside a running platform.
    assert!(platform.command(&["migrate"]).status.success());
    let seeded = platform.command(&["seed", "--nights", "10"]);
    assert!(
        seeded.status.success(),
        "{}",
        String::from_utf8_lossy(&seeded.stderr)
    );
    for mode in [&["warm"][..], &["warm", "--verify"]] {
        let warmed = platform.command(mode);
        let said = String::from_utf8_lossy(&warmed.stdout).into_owned();
        assert!(
            warmed.status.success(),
            "{mode:?}: {said} {}",
            String::from_utf8_lossy(&warmed.stderr)
        );
    }
}

#[test]
fn the_checked_in_openapi_document_is_what_the_code_says() {
    let platform =
        std::process::Command::new(std::env::var_os("BELLHOP_BIN").expect("run the tests by scripts/test"))
            .arg("openapi")
            .output()
            .unwrap();
    let checked_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/bellhop.json");
    let document = std::fs::read_to_string(checked_in).unwrap();
    assert!(
        document == String::from_utf8_lossy(&platform.stdout),
        "openapi/bellhop.json differs; write it anew: bellhop openapi > openapi/bellhop.json"
    );
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
}
