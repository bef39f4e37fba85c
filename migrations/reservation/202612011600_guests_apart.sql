-- What a guest wrote stands in the columns of the guest and nowhere else: the fingerprint of a request is an HMAC, so that
-- nobody who reads it can try addresses against it, and an answer is kept without its guest.
alter table reservation.reservation
    add column keyed_fingerprint bytea,
    add column told bytea;
comment on column reservation.reservation.told is 'The body of the first answer, with null in the place of its guest.';
-- Processes of the former release compare the one, and tell the other where it is there; where it is not they tell how
-- the booking stands.
comment on column reservation.reservation.fingerprint is 'For processes of the former release. Goes in the next one.';
comment on column reservation.reservation.answer is 'Of earlier releases. Goes in the next one, cut into told.';

create type reservation.booking_5 as (
    client text, key text, fingerprint bytea, keyed_fingerprint bytea, hotel_id uuid, reservation_id uuid, code text,
    hold_id uuid, payment_id uuid, saga_id uuid, guest_id uuid, guest_is_new boolean, guest_email text, guest_name text,
    guest_phone text, adults smallint, children smallint, quote_id uuid, room_type_id uuid, rate_plan_id uuid,
    check_in date, check_out date, rooms smallint, lines text, currency text, total_minor bigint, quote text,
    cancellation_policy text, time_zone text, free_until date, at timestamptz
);
create type reservation.change_2 as (
    hotel_id uuid, reservation_id uuid, state text, version integer, cancellation_saga_id uuid,
    cancel_requested_at timestamptz, penalty_minor bigint, refund_minor bigint, kept_until date, refusal_code text,
    refusal_message text, refusal_night date, refusal text, updated_at timestamptz, answer_status smallint, told bytea
);
