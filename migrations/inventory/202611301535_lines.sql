-- A hold has lines: rooms of one type for one stay each, all of them or none. What there is has one. What forbids a hold
-- that comes later is a first line too, so that of the two, written at once, the key lets in one.
alter table inventory.hold add column line_no smallint not null default 1 check (line_no >= 1);
alter table inventory.hold drop constraint hold_pkey, add primary key (hotel_id, hold_id, line_no);

create type inventory.hold_2 as (
    hotel_id uuid, hold_id uuid, line_no smallint, saga_id uuid, room_type_id uuid, check_in date, check_out date,
    rooms integer, state text
);
