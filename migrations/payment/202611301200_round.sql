-- The round of the run that waits for the reply, which brings it back. The default is for code that knows one round alone.
alter table payment.operation add column round integer not null default 1;
create type payment.intent_2 as (
    hotel_id uuid, payment_id uuid, kind text, cause uuid, asked_minor bigint, saga_id uuid, step text, undo boolean,
    round integer, attempt integer, traceparent text
);
