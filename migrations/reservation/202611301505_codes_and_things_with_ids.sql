-- A booking has a code for people; its rooms and its money have ids of their own. Null where the former release wrote
-- the booking: its hold and its payment have the reservation's id.
alter table reservation.reservation
    add column code text,
    add column hold_id uuid,
    add column payment_id uuid;

-- For one release: a code for what processes of the former release write, and, from `bellhop migrate`, for what is
-- there. It says the same as `contract::code`: seven random symbols, and one more that is the sum of the first times a^7,
-- the second times a^6 and so on, a being a root of x^5 + x^2 + 1 in GF(32).
create function reservation.booking_code() returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    symbols constant text := '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
    random constant bigint := ('x' || right(gen_random_uuid()::text, 10))::bit(40)::bigint;
    code text := '';
    number integer;
    sum integer := 0;
begin
    for place in 0..6 loop
        number := (random >> 5 * place) & 31;
        code := code || substr(symbols, number + 1, 1);
        sum := (sum # number) << 1;
        if sum & 32 <> 0 then
            sum := sum # 37;
        end if;
    end loop;
    return code || substr(symbols, sum + 1, 1);
end $$;
alter table reservation.reservation alter column code set default reservation.booking_code();

-- Found by the code alone, as nobody says a hotel with it. A new booking that draws one which is there draws again.
create unique index code_names_one_booking on reservation.reservation (code) where code is not null;

create type reservation.booking_2 as (
    client text, route text, key text, fingerprint bytea, hotel_id uuid, reservation_id uuid, code text, hold_id uuid,
    payment_id uuid, saga_id uuid, guest_id uuid, guest_is_new boolean, guest_email text, guest_name text, guest_phone text,
    adults smallint, children smallint, quote_id uuid, room_type_id uuid, rate_plan_id uuid, check_in date, check_out date,
    rooms smallint, currency text, total_minor bigint, quote text, cancellation_policy text, time_zone text,
    free_until date, late_penalty_minor bigint, at timestamptz
);
