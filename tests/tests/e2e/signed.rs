//! Who can write into the topics of access is nobody for that: a process believes what the access service signed.

use std::time::Duration;

use platform::access::{PrincipalRow, SigningConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Platform, bearer, until};

async fn send(platform: &Platform, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    let bearer = bearer(key);
    let headers = [("authorization", bearer.as_str())];
    platform.send_json(method, path, body, &headers).await
}

async fn status(platform: &Platform, key: &str, path: &str) -> u16 {
    send(platform, key, Method::GET, path, &Value::Null)
        .await
        .status
        .as_u16()
}

fn setting(platform: &Platform, name: &str) -> String {
    let found = platform.env.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).unwrap()
}

/// The row of a principal in the topic's form, as it stands in the database.
async fn row(platform: &Platform, principal: &str) -> PrincipalRow {
    let sql = format!(
        "select json_build_object('principal_id', principal_id, 'kind', kind, 'ended_at', ended_at, 'version', version,
             'signature', signature)::text from access.principal where principal_id = '{principal}'"
    );
    serde_json::from_str(&platform.query(&sql).await.unwrap()).unwrap()
}

/// Writes into the topic of principals, as whoever reaches the brokers could.
async fn forge(platform: &Platform, row: &PrincipalRow) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", setting(platform, "BELLHOP_KAFKA_BROKERS"))
        .create()
        .unwrap();
    let topic = format!(
        "{}bellhop.access.principal",
        setting(platform, "BELLHOP_TOPIC_NAMESPACE")
    );
    let now = platform::Clock::system().now().timestamp_millis();
    let payload = json!({"before": null, "after": row, "op": "u", "source": {"ts_ms": now}}).to_string();
    let key = json!({"principal_id": row.principal_id}).to_string();
    let record = FutureRecord::to(&topic).payload(&payload).key(&key);
    #[expect(clippy::disallowed_methods, reason = "somebody who is not the relay")]
    let sent = producer.send(record, Duration::from_secs(10)).await;
    sent.unwrap();
}

/// How many rows of principals the process has refused.
async fn refused(platform: &Platform) -> u64 {
    let metrics = platform.get("/metrics").await.bytes;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let name = "bellhop_access_refused_rows_total{table=\"principal\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_row_makes_nobody_anybody_and_is_told() {
    let platform = Platform::start().await;
    let partner = platform.keys.partner.clone();
    let principal = platform.principal_of(&partner).await;
    let genuine = row(&platform, &principal).await;
    assert_eq!(status(&platform, &partner, "/v1/principals").await, 403);
    let admin = |no: i64, signature: Option<String>| PrincipalRow {
        kind: "admin".to_owned(),
        version: genuine.version + 1_000_000 + no,
        signature,
        ..genuine.clone()
    };
    let others = SigningConfig {
        access_signing_key: format!("1:{}", "f".repeat(64)).parse().unwrap(),
    };
    let by_others = others.signer().unwrap().sign(&admin(2, None));
    for (no, signature) in [None, genuine.signature.clone(), Some(by_others)]
        .into_iter()
        .enumerate()
    {
        forge(&platform, &admin(i64::try_from(no).unwrap(), signature)).await;
        let heard = u64::try_from(no).unwrap() + 1;
        until("the forged row is refused", async || {
            (refused(&platform).await == heard).then_some(())
        })
        .await;
        assert_eq!(status(&platform, &partner, "/v1/principals").await, 403, "{no}");
        assert_eq!(
            status(&platform, &partner, "/v1/me").await,
            200,
            "what was known counts"
        );
    }
    let said = platform.get("/readyz").await;
    assert!(
        said.status == 200 && said.text("/identities").contains("rows of access are not signed"),
        "{}",
        said.json
    );
    let doctor = platform.command(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        !doctor.status.success() && said.contains("BELLHOP_ACCESS_PUBLIC_KEY"),
        "{said}"
    );
    // What the access service says goes on being heard.
    let path = format!("/v1/principals/{principal}/revocation");
    let revoked = send(&platform, &platform.keys.admin, Method::POST, &path, &Value::Null).await;
    assert!(revoked.status.is_success(), "{}", revoked.json);
    until("the revocation is heard", async || {
        (status(&platform, &partner, "/v1/me").await == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_before_are_signed_by_an_operators_word_and_again_by_a_new_key() {
    let mut platform = Platform::migrated();
    // As a former release left them.
    platform
        .tamper("update access.principal set signature = null, version = version + 1; update access.api_key set signature = null")
        .await;
    platform.run("all");
    platform.ready().await;
    let partner = platform.keys.partner.clone();
    assert_eq!(status(&platform, &partner, "/v1/me").await, 401);
    let signed = platform.command(&["access", "sign"]);
    let said = String::from_utf8_lossy(&signed.stdout).into_owned();
    let of = |table: &str| said.lines().filter(|line| line.starts_with(table)).count();
    assert!(
        signed.status.success() && of("principal ") == 6 && of("api_key ") == 6,
        "{said}"
    );
    until("its key is known", async || {
        (status(&platform, &partner, "/v1/me").await == 200).then_some(())
    })
    .await;
    let told = "select count(*)::text from access.trail where action = 'row_signed'";
    assert_eq!(
        platform.query(told).await.unwrap(),
        said.lines().count().to_string()
    );
    platform.kill();
    let signing = setting(&platform, "BELLHOP_ACCESS_SIGNING_KEY");
    let new = format!("2:{}", "b".repeat(64));
    platform.set("BELLHOP_ACCESS_SIGNING_KEY", &format!("{new},{signing}"));
    platform.run("all");
    platform.ready().await;
    let former = "select count(*)::text from (select signature from access.principal union all select signature from access.granted
                  union all select signature from access.api_key) of where signature is null or signature not like '2\\_%'";
    until("everything is signed by the new key", async || {
        (platform.query(former).await.unwrap() == "0").then_some(())
    })
    .await;
    platform.kill();
    // Nobody needs the former key any more, and who does not sign needs no secret.
    platform.set("BELLHOP_ACCESS_SIGNING_KEY", &new);
    platform.run("access,relay");
    let printed = platform.command(&["access", "public-key"]);
    let public = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    let rest = "hotel,inventory,reservation,payment,availability,orchestrator,sandbox-provider";
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let settings = [
        ("BELLHOP_ACCESS_SIGNING_KEY", ""),
        ("BELLHOP_ACCESS_PUBLIC_KEY", public.as_str()),
        ("BELLHOP_LISTEN", listen.as_str()),
    ];
    platform.run_with("rest", rest, &settings);
    let (http, url) = (reqwest::Client::new(), format!("http://{listen}/v1/hotels"));
    until("the key is good there", async || {
        let asked = http
            .get(&url)
            .header("authorization", bearer(&partner))
            .send()
            .await;
        (asked.ok()?.status() == 200).then_some(())
    })
    .await;
}

/// How somebody writes into the database: as its owner, and past the service.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_in_the_database_is_refused_and_told_and_no_start_signs_it() {
    let mut platform = Platform::start().await;
    let partner = platform.keys.partner.clone();
    let principal = platform.principal_of(&partner).await;
    let admin = platform.keys.admin.clone();
    let admins = platform.principal_of(&admin).await;
    assert_eq!(status(&platform, &partner, "/v1/principals").await, 403);
    // The kind, and whose key it is; once as if nobody cared for signatures, once with one that was made for another form.
    for (no, forged) in [
        format!("update access.principal set kind = 'admin', version = version + 1000 where principal_id = '{principal}'"),
        format!(
            "update access.principal p set version = p.version + 1000, signature = a.signature
                 from access.principal a where a.principal_id = '{admins}' and p.principal_id = '{principal}'"
        ),
    ]
    .iter()
    .enumerate()
    {
        platform.tamper(forged).await;
        until("the forged row is refused", async || {
            (refused(&platform).await == u64::try_from(no).unwrap() + 1).then_some(())
        })
        .await;
        assert_eq!(status(&platform, &partner, "/v1/principals").await, 403, "{forged}");
    }
    let said = platform.get("/readyz").await;
    assert!(
        said.text("/identities").contains("are not signed"),
        "{}",
        said.json
    );
    platform.kill();
    platform.run("all");
    platform.ready().await;
    until("it is told again", async || {
        let said = platform.get("/readyz").await;
        said.json["identities"].as_str()?.contains("(1)").then_some(())
    })
    .await;
    assert_ne!(status(&platform, &partner, "/v1/principals").await, 200);
    assert_eq!(status(&platform, &admin, "/v1/principals").await, 200);
    // Nor does a key that is put in another's place take a forged row along.
    let signed = "select coalesce(signature = (select signature from access.principal where principal_id = '{admins}'), false)::text
                  from access.principal where principal_id = '{principal}'";
    let signed = signed
        .replace("{admins}", &admins)
        .replace("{principal}", &principal);
    assert_eq!(platform.query(&signed).await.unwrap(), "true");
    platform.kill();
    let former = setting(&platform, "BELLHOP_ACCESS_SIGNING_KEY");
    platform.set(
        "BELLHOP_ACCESS_SIGNING_KEY",
        &format!("2:{},{former}", "b".repeat(64)),
    );
    platform.run("all");
    let left = "select coalesce(string_agg(principal_id::text, ','), '') from access.principal where signature is null";
    until(
        "the forged row has lost its signature, and no other",
        async || {
            let others = "select count(*)::text from access.principal where signature like '1\\_%'";
            (platform.query(others).await? == "0" && platform.query(left).await? == principal).then_some(())
        },
    )
    .await;
    platform.ready().await;
    assert_eq!(status(&platform, &admin, "/v1/principals").await, 200);
    assert_ne!(status(&platform, &partner, "/v1/principals").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_could_believe_nothing_does_not_start() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_ACCESS_SIGNING_KEY", "");
    let refused = platform.command(&["run", "--target", "hotel"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("BELLHOP_ACCESS_PUBLIC_KEY"),
        "{said}"
    );
    let refused = platform.command(&["run", "--target", "access"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("BELLHOP_ACCESS_SIGNING_KEY"),
        "{said}"
    );
}
