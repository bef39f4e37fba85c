//! What a preview says of rules.

use super::*;

#[sqlx::test(migrations = false)]
async fn a_preview_says_which_rules_would_hold_back_what_a_verb_leads_to(pool: PgPool) {
    let desk = Desk::open(pool).await;
    let saga_id = SagaId::new();
    desk.hear(&[start(saga_id, booking()), done(saga_id, "hold-rooms")])
        .await;
    let path = format!("/v1/sagas/{saga_id}/cancel?dry_run=true");
    let (_, before) = desk.ask(&path, None, &json!({"reason": WHY})).await;
    assert_eq!(before.get("held_back"), None, "{before}");
    let subject = json!({"step": "authorize-payment", "undo": true});
    let pause = desk.rule("pause", subject, None).await;
    let limit = desk.rule("limit", json!({"step": "hold-rooms"}), Some(6)).await;
    desk.rule("pause", authorizing(), None).await;
    let (_, held) = desk.ask(&path, None, &json!({"reason": WHY})).await;
    let rules = held["held_back"].as_array().unwrap().iter();
    let rules: Vec<_> = rules
        .map(|rule| ["step", "kind", "rule_id"].map(|name| rule[name].as_str().unwrap()))
        .collect();
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    assert_eq!(
        rules,
        [
            ["authorize-payment", "pause", &id(&pause)],
            ["hold-rooms", "limit", &id(&limit)]
        ]
    );
    assert_eq!(held["held_back"][1]["per_minute"], 6);
    assert_eq!(held["digest"], before["digest"], "the verb comes to the same");
    desk.lift(&pause).await;
    let (_, lifted) = desk.ask(&path, None, &json!({"reason": WHY})).await;
    assert_eq!(lifted["held_back"][0]["step"], "hold-rooms");
}
