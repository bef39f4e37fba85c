-- A quote is an order form for one booking: who hands it in again is told of the first. A rejected booking gives
-- the quote back. Null there, and in bookings that were made before this column was there, some of which share
-- a quote; code of the former release leaves it null too. Not the state itself, which every booking changes, is
-- in the index: then a reservation could not be changed in place.
alter table reservation.reservation add column used_quote_id uuid check (used_quote_id = quote_id);
create unique index quote_used_once on reservation.reservation (hotel_id, used_quote_id)
    where used_quote_id is not null;

-- A 202 is no outcome and is not kept, so nobody has to know how long the first request waits for one. Written by
-- the former release alone.
alter table reservation.idempotency_key alter column claimed_until set default now();
