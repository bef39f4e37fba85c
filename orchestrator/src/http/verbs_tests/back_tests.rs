//! `back_to` over HTTP: the step that it names, and what its owner makes of it.

use super::*;

#[sqlx::test(migrations = false)]
async fn a_run_goes_back_to_the_step_that_was_named_and_forward_in_the_next_round(pool: PgPool) {
    let mut desk = Desk::open(pool).await;
    let saga_id = desk
        .run(|id| vec![start(id, booking()), done(id, "hold-rooms")])
        .await;
    let path = format!("/v1/sagas/{saga_id}/back_to");
    let dry = format!("{path}?dry_run=true");
    let nowhere = desk.post(&dry, &[], WHY).await;
    assert_eq!(nowhere.code().1, "invalid_field", "{}", nowhere.json);
    assert_eq!(nowhere.json["pointer"], "/step");
    let cancel = format!("/v1/sagas/{saga_id}/cancel?dry_run=true");
    let said = json!({"reason": WHY, "step": "hold-rooms"});
    let elsewhere = desk.post_body(&cancel, &[], &said).await;
    assert_eq!(elsewhere.json["pointer"], "/step");
    let itself = json!({"reason": WHY, "step": "authorize-payment"});
    let refused = desk.post_body(&dry, &[], &itself).await;
    assert_eq!(refused.code(), (409, "against_rule"));
    assert_eq!(refused.json["rule"], "back_to_what_does_not_stand");

    let shown = desk.post_body(&dry, &[], &said).await;
    assert_eq!(
        shown.json["commands"][0]["command_name"], "Void",
        "{}",
        shown.json
    );
    assert_eq!(shown.json["until_end"][0]["command_name"], "Authorize");
    assert_eq!(shown.json["until_end"][0]["round"], 2);
    let headers = [
        ("if-match", shown.headers["etag"].to_str().unwrap()),
        ("preview-digest", shown.json["digest"].as_str().unwrap()),
        ("idempotency-key", "back"),
    ];
    let asked = desk.post_body(&path, &headers, &said).await;
    let became = desk.became(&asked).await;
    assert_eq!(
        (&became["state"], &became["step"]),
        (&"applied".into(), &"hold-rooms".into())
    );
    assert_eq!(state(&desk.pool, saga_id).await.0, "compensating");
    // What was on its way is answered late, and counts for nothing.
    desk.hear(&[done(saga_id, "authorize-payment")]).await;
    desk.hear(&[undone(saga_id, "authorize-payment")]).await;
    assert_eq!(state(&desk.pool, saga_id).await, ("running".to_owned(), None));
    // Another process reads the journal, and stands where this one does.
    let run = desk.get(&format!("/v1/sagas/{saga_id}")).await;
    assert_eq!(run["waiting_for"]["step"], "authorize-payment", "{run}");
    for step in [
        "authorize-payment",
        "book-rooms",
        "capture-payment",
        "confirm-reservation",
    ] {
        let Message::Reply(mut reply) = done(saga_id, step) else {
            panic!("a reply")
        };
        reply.round = 2;
        desk.hear(&[Message::Reply(reply)]).await;
    }
    assert_eq!(state(&desk.pool, saga_id).await.0, "completed");
    let sent = commands(&desk.pool, saga_id).await;
    assert_eq!(
        sent,
        [
            "Hold",
            "Authorize",
            "Verb",
            "Void",
            "Authorize",
            "Book",
            "Capture",
            "Confirm"
        ]
    );
}
