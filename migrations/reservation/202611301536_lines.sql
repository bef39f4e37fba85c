-- Room by room, where the rooms of a booking are not all alike; else what the columns say. `room_type_id` is that of the
-- first then, and `rooms`, `adults` and `children` are those of all.
alter table reservation.reservation add column lines json;

create type reservation.booking_3 as (
    client text, route text, key text, fingerprint bytea, hotel_id uuid, reservation_id uuid, code text, hold_id uuid,
    payment_id uuid, saga_id uuid, guest_id uuid, guest_is_new boolean, guest_email text, guest_name text, guest_phone text,
    adults smallint, children smallint, quote_id uuid, room_type_id uuid, rate_plan_id uuid, check_in date, check_out date,
    rooms smallint, lines text, currency text, total_minor bigint, quote text, cancellation_policy text, time_zone text,
    free_until date, late_penalty_minor bigint, at timestamptz
);
