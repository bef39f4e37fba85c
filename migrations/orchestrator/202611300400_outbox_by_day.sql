-- Messages to publish, day by day: whole days are dropped, so no row is ever changed or deleted and none needs a key.
-- It becomes `outbox` in the next migration, when the publication has it. Until then nobody writes here.
create table orchestrator.outbox_by_day (
    id uuid not null,
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload json not null,
    created_at timestamptz not null default now(),
    -- Who asked, the W3C `traceparent` of what it belongs to, and the moment (milliseconds since 1970) after which
    -- nobody waits for it any more. Null where there is none.
    actor text,
    traceparent text,
    deadline_ms bigint
) partition by range (created_at);

-- What is said on a day that nobody has made: a missing day stops no booking.
create table orchestrator.outbox_other partition of orchestrator.outbox_by_day default;
