-- The key under which a booking was asked for, and what was answered first, belong to the booking: a request claims its
-- key by the row that it writes, and the transaction that ends a booking writes its answer. Null where the former
-- release wrote the booking.
alter table reservation.reservation
    add column client text,
    add column key text,
    -- SHA-256 of the request in one canonical form.
    add column fingerprint bytea,
    -- What the first who asked for the outcome was told: 201 with the booking, or the refusal. Content-Type and Location
    -- follow from the status.
    add column answer_status smallint,
    add column answer bytea;
create unique index key_names_one_booking on reservation.reservation (client, key) where client is not null;

-- A row is twice as long when its booking has ended, answer included. A page keeps room for that, so that Postgres
-- changes the row in place and writes no index (all of 4,000 rows in batches of 20; with 80 it was half of them).
alter table reservation.reservation set (fillfactor = 45);

-- For one release keys are claimed in `idempotency_key` too, where processes of the former release look for them; the
-- answer is not written there a second time. They write theirs when they first tell one: what the booking says instead
-- is put in its place, so that both tell the same bytes.
create function reservation.first_answer() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    first record;
begin
    select answer_status, answer into first from reservation.reservation r
    where r.hotel_id = new.hotel_id and r.reservation_id = new.reservation_id and r.answer is not null;
    if found then
        new.response_status := first.answer_status;
        new.response_body := first.answer;
        if first.answer_status = 201 then
            new.response_location := '/v1/reservations/' || new.reservation_id;
            new.response_content_type := 'application/json';
        else
            new.response_location := null;
            new.response_content_type := 'application/problem+json';
        end if;
    end if;
    return new;
end $$;
create trigger first_answer before update on reservation.idempotency_key
    for each row execute function reservation.first_answer();

-- What a statement takes, as one array of rows instead of an array for each column. A type that running processes use
-- is never changed: what is to change gets the next number beside it.
create type reservation.wanted_1 as (
    client text, route text, key text, hotel_id uuid, quote_id uuid, email text
);
create type reservation.booking_1 as (
    client text, route text, key text, fingerprint bytea, hotel_id uuid, reservation_id uuid, saga_id uuid,
    guest_id uuid, guest_is_new boolean, guest_email text, guest_name text, guest_phone text, adults smallint,
    children smallint, quote_id uuid, room_type_id uuid, rate_plan_id uuid, check_in date, check_out date, rooms smallint,
    currency text, total_minor bigint, quote text, cancellation_policy text, time_zone text, free_until date,
    late_penalty_minor bigint, at timestamptz
);
create type reservation.change_1 as (
    hotel_id uuid, reservation_id uuid, state text, version integer, cancellation_saga_id uuid,
    cancel_requested_at timestamptz, penalty_minor bigint, refund_minor bigint, kept_until date, refusal_code text,
    refusal_message text, refusal_night date, refusal text, updated_at timestamptz, answer_status smallint, answer bytea
);
create type reservation.line_1 as (
    hotel_id uuid, reservation_id uuid, version integer, from_state text, state text, reason text, at timestamptz
);
create type reservation.message_1 as (
    id uuid, topic text, key text, type text, payload text, actor text, traceparent text, deadline_ms bigint
);
