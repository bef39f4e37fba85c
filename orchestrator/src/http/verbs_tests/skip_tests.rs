//! `skip` over HTTP: what it wants to know, and that no step of today's may be skipped.

use super::*;

#[sqlx::test(migrations = false)]
async fn no_step_of_todays_is_skipped_and_the_answer_says_why(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let waiting = desk.run(|id| vec![start(id, booking())]).await;
    let stuck = desk.run(|id| {
        let confirm = refused(id, "confirm-reservation", "not_pending");
        let before = ["hold-rooms", "authorize-payment", "book-rooms", "capture-payment"];
        let before = before.map(|step| done(id, step));
        [vec![start(id, booking())], before.to_vec(), vec![confirm]].concat()
    });
    let stuck = stuck.await;
    assert_eq!(state(&desk.pool, stuck).await.0, "stuck");
    let deciding = desk.run(|id| vec![start(id, cancellation())]).await;
    let evidence = "The page of the provider shows it.";
    let whole = json!({"reason": WHY, "result": "It was done by telephone.", "evidence": evidence});
    for (saga_id, rule) in [
        (waiting, "skip_of_unmarked"),
        (stuck, "skip_of_unmarked"),
        (deciding, "skip_of_pivot"),
    ] {
        let dry = format!("/v1/sagas/{saga_id}/skip?dry_run=true");
        let answer = desk.post_body(&dry, &[], &whole).await;
        assert_eq!(answer.code(), (409, "against_rule"), "{}", answer.json);
        assert_eq!(answer.json["rule"], rule);
        assert!(answer.json["detail"].as_str().unwrap().contains("skipped"));
        let version = desk.get(&format!("/v1/sagas/{saga_id}")).await["version"].to_string();
        let seen = format!("\"{version}\"");
        let digest = "0".repeat(64);
        let headers = [
            ("if-match", &seen[..]),
            ("preview-digest", &digest[..]),
            ("idempotency-key", "skip"),
        ];
        let said = desk
            .post_body(&format!("/v1/sagas/{saga_id}/skip"), &headers, &whole)
            .await;
        assert_eq!(said.code(), (409, "against_rule"), "{}", said.json);
    }
    for (field, body) in [
        ("/result", json!({"reason": WHY, "evidence": evidence})),
        ("/evidence", json!({"reason": WHY, "result": "It is done."})),
    ] {
        let dry = format!("/v1/sagas/{waiting}/skip?dry_run=true");
        let answer = desk.post_body(&dry, &[], &body).await;
        assert_eq!(answer.json["pointer"], field, "{}", answer.json);
        assert_eq!(answer.code().1, "invalid_field");
    }
    let other = format!("/v1/sagas/{waiting}/cancel?dry_run=true");
    let answer = desk
        .post_body(&other, &[], &json!({"reason": WHY, "result": "It is done."}))
        .await;
    assert_eq!(answer.json["pointer"], "/result");
}
