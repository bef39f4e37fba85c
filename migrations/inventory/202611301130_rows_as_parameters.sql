-- What a statement takes, as one array of rows. A type that running processes use is never changed: what is to change
-- gets the next number beside it.
create type inventory.hold_1 as (
    hotel_id uuid, hold_id uuid, saga_id uuid, room_type_id uuid, check_in date, check_out date, rooms integer, state text
);
create type inventory.count_1 as (hotel_id uuid, room_type_id uuid, night date, held integer, sold integer);
create type inventory.message_1 as (
    id uuid, topic text, key text, type text, payload text, actor text, traceparent text, deadline_ms bigint
);
