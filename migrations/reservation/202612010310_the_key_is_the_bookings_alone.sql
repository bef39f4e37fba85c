-- A key is claimed by the row of its booking alone. `idempotency_key` is written no more; it is read for the keys that
-- only an earlier release claimed, and goes in the next release, because processes of the former one write it still.
comment on table reservation.idempotency_key is 'Keys of earlier releases. Goes in the next one.';

-- No process ends a booking without its answer any more, so there is nothing to put in the place of what it tells.
drop trigger first_answer on reservation.idempotency_key;
drop function reservation.first_answer();

-- Nothing has read it since nights that have begun are kept in full.
alter table reservation.reservation alter column late_penalty_minor drop not null;
comment on column reservation.reservation.late_penalty_minor is 'Of earlier releases. Goes in the next one.';

create type reservation.booking_4 as (
    client text, key text, fingerprint bytea, hotel_id uuid, reservation_id uuid, code text, hold_id uuid,
    payment_id uuid, saga_id uuid, guest_id uuid, guest_is_new boolean, guest_email text, guest_name text, guest_phone text,
    adults smallint, children smallint, quote_id uuid, room_type_id uuid, rate_plan_id uuid, check_in date, check_out date,
    rooms smallint, lines text, currency text, total_minor bigint, quote text, cancellation_policy text, time_zone text,
    free_until date, at timestamptz
);
