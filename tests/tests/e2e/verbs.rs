//! People act on runs, over HTTP, on the whole platform: runs that wait for a payment service that is away are paused,
//! cancelled and abandoned, and one that is stuck is retried. Then the service comes back, and all come home.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, bearer, booking_body, fixed_address, until};

const REST: &str = "access,hotel,inventory,reservation,availability,orchestrator,relay,sandbox-provider";

/// A platform of two processes, one of which has the payment service alone.
async fn apart() -> Platform {
    let mut platform = Platform::migrated();
    platform.run_with("rest", REST, &[]);
    start_payment(&mut platform);
    platform.ready().await;
    platform
}

pub(crate) fn start_payment(platform: &mut Platform) {
    platform.run_with("payment", "payment", &[("BELLHOP_LISTEN", &fixed_address())]);
}

/// The run of this kind that is about this reservation, once it waits for this step.
async fn waits(platform: &Platform, kind: &str, reservation: &str, step: &str) -> String {
    until(
        &format!("the {kind} of {reservation} waits for {step}"),
        async || {
            let page = platform.get(&format!("/v1/sagas?type={kind}")).await;
            let mut sagas = page.json["items"].as_array().unwrap().iter();
            let saga = sagas.find(|saga| saga["reservation_id"] == reservation)?;
            (saga["waiting_for"]["step"] == step).then(|| saga["saga_id"].as_str().unwrap().to_owned())
        },
    )
    .await
}

pub(crate) async fn becomes(platform: &Platform, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
    until(&format!("{id} {what}"), async || {
        let saga = platform.get(&format!("/v1/sagas/{id}")).await;
        is_so(&saga.json).then_some(())
    })
    .await;
}

/// Previews a verb, says it as it was shown, waits until it is done, and answers what was shown.
pub(crate) async fn say(platform: &Platform, id: &str, verb: &str) -> Value {
    say_so(
        platform,
        id,
        verb,
        &json!({"reason": "The whole platform is tried."}),
    )
    .await
}

/// The same, with all that is said.
async fn say_so(platform: &Platform, id: &str, verb: &str, why: &Value) -> Value {
    let path = format!("/v1/sagas/{id}/{verb}");
    let dry = format!("{path}?dry_run=true");
    let shown = platform.send_json(Method::POST, &dry, why, &[]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.json);
    let version = format!("\"{}\"", shown.json["version"]);
    let key = format!("{id}-{verb}-{}", why["step"].as_str().unwrap_or_default());
    let headers = [
        ("if-match", &version[..]),
        ("preview-digest", shown.text("/digest")),
        ("idempotency-key", &key[..]),
        ("prefer", "wait=30"),
    ];
    let mut said = platform.send_json(Method::POST, &path, why, &headers).await;
    if said.text("/state") == "waits" {
        said = approve(platform, &said).await;
    }
    assert_eq!(
        (said.status, said.text("/state")),
        (StatusCode::CREATED, "applied"),
        "{}",
        said.json
    );
    shown.json
}

/// A second person, who has seen the same, approves what the first one said and cannot approve alone.
pub(crate) async fn approve(platform: &Platform, said: &Answer) -> Answer {
    let path = format!("/v1/verbs/{}/approve", said.text("/verb_id"));
    let second = bearer(&platform.keys.second);
    let headers = [("preview-digest", said.text("/digest")), ("prefer", "wait=30")];
    let alone = platform
        .send_json(Method::POST, &path, &Value::Null, &headers)
        .await;
    assert_eq!(
        (alone.status, alone.text("/code")),
        (StatusCode::CONFLICT, "against_rule"),
        "{}",
        alone.json
    );
    let headers = [headers[0], headers[1], ("authorization", &second)];
    platform
        .send_json(Method::POST, &path, &Value::Null, &headers)
        .await
}

/// Asks for a booking, and answers its reservation and its run, which waits for the payment service.
pub(crate) async fn asked(platform: &Platform, hotel: &Hotel, from: u32) -> (String, String) {
    asked_with(platform, hotel, from, "pm_ok").await
}

/// The same, paid so.
async fn asked_with(platform: &Platform, hotel: &Hotel, from: u32, method: &str) -> (String, String) {
    let quote = hotel.quote(platform, from, 1, 1).await;
    let key = quote["quote_id"].as_str().unwrap();
    let body = booking_body(&quote, "Ada Lovelace", method);
    let headers = [("idempotency-key", key), ("prefer", "respond-async")];
    let answer = platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    let reservation = answer.text("/reservation_id").to_owned();
    let run = waits(platform, "book-stay", &reservation, "authorize-payment").await;
    (reservation, run)
}

/// Asks for a cancellation, and answers its run, which waits for the payment service.
async fn cancelled(platform: &Platform, reservation: &str) -> String {
    let path = format!("/v1/reservations/{reservation}/cancellation");
    let answer = platform.send_json(Method::POST, &path, &Value::Null, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    waits(platform, "cancel-stay", reservation, "refund-payment").await
}

/// No participant ever refuses what comes after a pivot; here one does, so that a run is stuck.
async fn refuse_the_refund(platform: &Platform, run: &str) {
    let reply = json!({
        "saga_id": run, "step": "refund-payment", "undo": false, "round": 1, "attempt": 1,
        "outcome": {"refused": {"code": "capture_declined", "class": "payment", "message": "No."}},
    });
    platform
        .tamper(&format!(
            "insert into payment.outbox (id, aggregatetype, aggregateid, type, payload)
             values (gen_random_uuid(), 'orchestrator.messages', '{run}', 'Refused', '{reply}')"
        ))
        .await;
    becomes(platform, run, "is stuck", |saga| saga["state"] == "stuck").await;
}

async fn reservation(platform: &Platform, id: &str) -> Value {
    platform.get(&format!("/v1/reservations/{id}")).await.json
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_wait_or_are_stuck_are_brought_home_by_people() {
    let mut platform = apart().await;
    let hotel = Hotel::create(&platform, 2).await;
    let mut booked = Vec::new();
    for night in [10, 12] {
        let answer = hotel.book(&platform, night, 1, "pm_ok").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json);
        booked.push(answer.text("/reservation_id").to_owned());
    }
    platform.kill_target("payment");

    // One is cancelled and one is paused, each while its command is on its way.
    let (first, first_run) = asked(&platform, &hotel, 0).await;
    let shown = say(&platform, &first_run, "cancel").await;
    assert_eq!(shown["ends_as"], "compensated");
    becomes(&platform, &first_run, "is being undone", |saga| {
        saga["state"] == "compensating"
    })
    .await;
    let (second, second_run) = asked(&platform, &hotel, 2).await;
    say(&platform, &second_run, "pause").await;
    // One is stuck and one is abandoned, each when its rooms are back on sale and its money is not.
    let stuck = cancelled(&platform, &booked[0]).await;
    refuse_the_refund(&platform, &stuck).await;
    let abandoned = cancelled(&platform, &booked[1]).await;
    let shown = say(&platform, &abandoned, "abandon").await;
    let owed = shown["obligations"].as_array().unwrap();
    let owed: Vec<_> = owed
        .iter()
        .map(|debt| (debt["what"].as_str().unwrap(), debt["is_done"].as_str().unwrap()))
        .collect();
    assert_eq!(
        owed,
        [
            ("guest", "done"),
            ("rooms", "done"),
            ("money", "maybe_done"),
            ("guest", "not_done")
        ]
    );

    start_payment(&mut platform);
    becomes(&platform, &first_run, "is undone", |saga| {
        saga["state"] == "compensated"
    })
    .await;
    let rejected = reservation(&platform, &first).await;
    assert_eq!(rejected["state"], "rejected", "{rejected}");
    assert!(
        rejected.to_string().contains("cancelled_by_operator"),
        "{rejected}"
    );
    assert_eq!(
        hotel.counts(&platform, 0).await,
        (0, 0),
        "the room is on sale again"
    );

    // What was on its way is written, and nothing more is sent until somebody resumes the run.
    becomes(&platform, &second_run, "has its answer", |saga| {
        saga["journal"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["step"] == "authorize-payment" && line["what"] == "done")
    })
    .await;
    assert_eq!(reservation(&platform, &second).await["state"], "pending");
    say(&platform, &second_run, "resume").await;
    becomes(&platform, &second_run, "is done", |saga| {
        saga["state"] == "completed"
    })
    .await;
    assert_eq!(reservation(&platform, &second).await["state"], "confirmed");

    let shown = say(&platform, &stuck, "retry").await;
    assert_eq!(shown["commands"][0]["round"], 2);
    becomes(&platform, &stuck, "is done", |saga| saga["state"] == "completed").await;
    assert_eq!(reservation(&platform, &booked[0]).await["state"], "cancelled");

    // The refund of the abandoned one went through after all, and whoever sees to the debt is told.
    becomes(&platform, &abandoned, "knows of its refund", |saga| {
        saga["obligations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|debt| debt["step"] == "refund-payment" && debt["evidence"]["outcome"] == "done")
    })
    .await;
    assert_eq!(reservation(&platform, &booked[1]).await["state"], "cancelling");
    let refunds = platform
        .query("select count(*)::text from payment.movement where kind = 'refund'")
        .await;
    assert_eq!(refunds.as_deref(), Some("2"), "each once");
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_back_to_its_hold_or_to_its_beginning_and_forward_again() {
    let mut platform = apart().await;
    let hotel = Hotel::create(&platform, 2).await;
    platform.kill_target("payment");
    // Three wait for a payment service that is away: one goes back to its hold, one gives that up as well, and of one the
    // guest's bank will say no, in each round anew.
    let (kept, kept_run) = asked(&platform, &hotel, 0).await;
    let (anew, anew_run) = asked(&platform, &hotel, 2).await;
    let (declined, declined_run) = asked_with(&platform, &hotel, 4, "pm_declined").await;
    let why = |step: &str| json!({"reason": "The whole platform is tried.", "step": step});
    for (run, step, sent) in [
        (&kept_run, "hold-rooms", "Authorize"),
        (&anew_run, "open-reservation", "Release"),
        (&declined_run, "hold-rooms", "Authorize"),
    ] {
        let shown = say_so(&platform, run, "back_to", &why(step)).await;
        assert_eq!(shown["commands"][0]["command_name"], "Void", "{shown}");
        assert_eq!(shown["until_end"][0]["command_name"], sent, "{shown}");
        assert_eq!(shown["ends_as"], "completed", "{shown}");
        assert_eq!(shown["takes_two"], true);
    }
    let path = format!("/v1/sagas/{kept_run}/back_to?dry_run=true");
    for (step, code) in [
        ("authorize-payment", "against_rule"),
        ("book-rooms", "against_rule"),
    ] {
        let refused = platform.send_json(Method::POST, &path, &why(step), &[]).await;
        assert_eq!(refused.text("/code"), code, "{}", refused.json);
    }
    // No step of a booking may be skipped.
    let path = format!("/v1/sagas/{kept_run}/skip?dry_run=true");
    let skip = json!({"reason": "The whole platform is tried.", "result": "Done by hand.", "evidence": "The page of the provider shows it."});
    let refused = platform.send_json(Method::POST, &path, &skip, &[]).await;
    assert_eq!(refused.text("/code"), "against_rule", "{}", refused.json);
    assert_eq!(refused.text("/rule"), "skip_of_undo");
    start_payment(&mut platform);
    for (run, state, round) in [
        (&kept_run, "completed", 2),
        (&anew_run, "completed", 2),
        (&declined_run, "compensated", 2),
    ] {
        becomes(&platform, run, state, |saga| saga["state"] == state).await;
        let saga = platform.get(&format!("/v1/sagas/{run}")).await.json;
        let last = saga["journal"].as_array().unwrap().last().unwrap();
        assert_eq!(last["round"], round, "{saga}");
    }
    assert_eq!(reservation(&platform, &kept).await["state"], "confirmed");
    assert_eq!(reservation(&platform, &anew).await["state"], "confirmed");
    assert_eq!(reservation(&platform, &declined).await["state"], "rejected");
    for (night, counts) in [(0, (0, 1)), (2, (0, 1)), (4, (0, 0))] {
        assert_eq!(hotel.counts(&platform, night).await, counts, "night {night}");
    }
    let captures = platform
        .query("select count(*)::text from payment.movement where kind = 'capture'")
        .await;
    assert_eq!(captures.as_deref(), Some("2"), "each once");
    // What was sold in the second round is cancelled as anything else.
    let path = format!("/v1/reservations/{kept}/cancellation");
    let answer = platform.post(&path, &json!({})).await;
    assert!(answer.status.is_success(), "{}", answer.json);
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
    assert_eq!(hotel.counts(&platform, 0).await, (0, 0), "on sale again");
}

/// Settles whatever a run owes, a thing after the other, and answers in how many verbs.
pub(crate) async fn settle(platform: &Platform, run: &str) -> usize {
    for said in 0.. {
        let page = platform
            .get(&format!("/v1/obligations?state=open&saga_id={run}"))
            .await;
        let Some(owed) = page.json["items"].as_array().unwrap().first() else {
            return said;
        };
        assert_ne!(owed["suggested_fix"], "by_hand", "{owed}");
        let why = json!({"reason": "The whole platform is tried.", "step": owed["step"]});
        let shown = say_so(platform, run, "settle", &why).await;
        assert_eq!(
            shown["commands"][0]["command_name"], owed["suggested_command"],
            "{shown}"
        );
        let path = owed["links"]["self"].as_str().unwrap();
        until(&format!("{path} is closed"), async || {
            let owed = platform.get(path).await;
            owed.json["closed_at"].is_string().then_some(())
        })
        .await;
    }
    unreachable!("it counts without end")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_abandoned_runs_owe_is_listed_and_settled_until_the_books_agree() {
    let mut platform = apart().await;
    let hotel = Hotel::create(&platform, 2).await;
    let booked = hotel.book(&platform, 10, 1, "pm_ok").await;
    let booked = booked.text("/reservation_id").to_owned();
    platform.kill_target("payment");
    let (asked, booking) = asked(&platform, &hotel, 0).await;
    let cancellation = cancelled(&platform, &booked).await;
    for run in [&booking, &cancellation] {
        say(&platform, run, "abandon").await;
    }
    start_payment(&mut platform);
    // What was on its way is done, and nobody goes on: the room is held, the money reserved, the refund made.
    for (run, step) in [(&booking, "authorize-payment"), (&cancellation, "refund-payment")] {
        becomes(&platform, run, "knows of its money", |saga| {
            let mut owed = saga["obligations"].as_array().unwrap().iter();
            owed.any(|debt| debt["step"] == step && debt["evidence"]["outcome"] == "done")
        })
        .await;
    }
    assert_eq!(hotel.counts(&platform, 0).await, (1, 0));
    let listed = platform.get("/v1/obligations?state=open&what=money").await;
    assert_eq!(
        listed.json["items"].as_array().unwrap().len(),
        2,
        "{}",
        listed.json
    );
    assert_eq!(listed.json["open_money"][0]["payments"], 2, "{}", listed.json);
    let mine = listed.text("/items/0/links/self");
    let taken = platform.post(&format!("{mine}/owner"), &json!({})).await;
    assert!(taken.text("/owner").starts_with("operator:"), "{}", taken.json);

    assert_eq!(
        settle(&platform, &booking).await,
        3,
        "rooms, money, word to the guest"
    );
    assert_eq!(settle(&platform, &cancellation).await, 3);
    assert_eq!(reservation(&platform, &asked).await["state"], "rejected");
    assert_eq!(reservation(&platform, &booked).await["state"], "cancelled");
    for night in [0, 10] {
        assert_eq!(hotel.counts(&platform, night).await, (0, 0), "on sale again");
    }
    let payment = format!("select state from payment.payment where reservation_id = '{asked}'");
    assert_eq!(platform.query(&payment).await.as_deref(), Some("voided"));
    let refunds = "select count(*)::text from payment.movement where kind = 'refund'";
    assert_eq!(platform.query(refunds).await.as_deref(), Some("1"), "once");
    let listed = platform.get("/v1/obligations?state=open").await;
    assert_eq!(listed.json["items"], json!([]));
    assert_eq!(platform.comes_to_rest(Duration::from_mins(1)).await, Ok(()));
}
