//! What belongs to a hotel is found by the hotel: so that one day its rows live in one database, and can be moved to another.

use tests::Platform;

/// Unique keys that do not begin with the hotel, and why. Whoever adds one says here why it may.
const OF_NO_HOTEL: [(&str, &[&str]); 6] = [
    (
        "said or heard, and then only to tell repeats",
        &[
            "inventory.inbox_pkey",
            "inventory.outbox_pkey",
            "orchestrator.inbox_pkey",
            "orchestrator.outbox_pkey",
            "payment.inbox_pkey",
            "payment.outbox_pkey",
            "payment.webhook_pkey",
            "reservation.inbox_pkey",
            "reservation.outbox_pkey",
        ],
    ),
    (
        "of a whole database",
        &[
            "inventory.retention_pkey",
            "inventory.trail_head_pkey",
            "inventory.trail_pkey",
            "orchestrator.retention_pkey",
            "orchestrator.rule_key",
            "orchestrator.rule_pkey",
            "orchestrator.saga_epoch_current",
            "orchestrator.saga_epoch_pkey",
            "orchestrator.trail_head_pkey",
            "orchestrator.trail_pkey",
            "reservation.legal_transition_pkey",
        ],
    ),
    (
        "of a run, whose id names the hotel",
        &[
            "orchestrator.journal_pkey",
            "orchestrator.obligation_pkey",
            "orchestrator.run_pkey",
            "orchestrator.verb_key",
            "orchestrator.verb_pkey",
        ],
    ),
    (
        "found by what names no hotel: an id that is unique by itself, a code, an address",
        &[
            "reservation.code_names_one_booking",
            "reservation.guest_email_key",
            "reservation.guest_pkey",
            "reservation.reservation_by_id",
        ],
    ),
    (
        "of clients, also where they make the hotel itself",
        &["hotel.idempotency_key_pkey"],
    ),
    (
        "of former releases, and goes",
        &[
            "orchestrator.saga_pkey",
            "orchestrator.saga_step_pkey",
            "reservation.idempotency_key_pkey",
            "reservation.key_names_one_booking",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn unique_keys_of_what_a_hotel_has_begin_with_the_hotel() {
    let platform = Platform::migrated();
    let sql = "select string_agg(n.nspname || '.' || i.relname, ' ' order by n.nspname, i.relname) \
               from pg_index x join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = i.relnamespace \
               join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0] \
               where x.indisunique and a.attname <> 'hotel_id' and i.relname !~ '^(outbox_[0-9]|_sqlx_)' \
                 and n.nspname in ('hotel', 'inventory', 'reservation', 'payment', 'orchestrator')";
    let found = platform.query(sql).await.unwrap();
    let mut known: Vec<&str> = OF_NO_HOTEL
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    known.sort_unstable();
    assert_eq!(found.split(' ').collect::<Vec<_>>(), known);
}
