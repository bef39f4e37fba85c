-- What is charged after a booking was made, beside what was promised or in its place. What was promised stays in the quote,
-- whose nights and taxes add up to the total. Of a cancelled booking its penalty is the one that counts.
create table reservation.charge (
    hotel_id uuid not null,
    reservation_id uuid not null,
    charge_no integer not null check (charge_no >= 1),
    kind text not null check (kind = 'cancellation'),
    amount_minor bigint not null check (amount_minor >= 0),
    at timestamptz not null,
    primary key (hotel_id, reservation_id, charge_no)
);

create type reservation.charge_1 as (
    hotel_id uuid, reservation_id uuid, charge_no integer, kind text, amount_minor bigint, at timestamptz
);
