-- Rooms per hotel, room type and night, and the holds that take them.

-- One narrow row per room type and night, updated again and again. There is no index but the primary key
-- and half of each page is left free, so that an update stays on its page and touches no index (HOT).
create table inventory.room_night (
    hotel_id uuid not null,
    room_type_id uuid not null,
    -- The hotel-local date on which the night begins.
    night date not null check (night >= '2000-01-01' and night < '2200-01-01'),
    -- Rooms that exist.
    total integer not null check (total between 0 and 10000),
    -- Rooms taken out of sale while a booking is under way.
    held integer not null default 0 check (held >= 0),
    -- Rooms sold.
    sold integer not null default 0 check (sold >= 0),
    -- The hotel sells nothing more for this night; what is held or sold stays.
    closed boolean not null default false,
    -- The hotel took rooms away below what is held and sold, against our advice (see forced_reduction).
    -- True only as long as that is so: whoever writes the row computes it anew.
    forced boolean not null default false,
    primary key (hotel_id, room_type_id, night),
    -- Ten percent more than there is, never one room more.
    constraint room_night_overbooking check (forced or (held + sold) * 10 <= total * 11)
) with (fillfactor = 50);

-- Rooms of one stay, all nights or none. The counters of room_night are the sums of these rows: `held` of
-- those in state held, `sold` of those in state sold.
create table inventory.hold (
    hotel_id uuid not null,
    hold_id uuid not null,
    -- The saga that asked first.
    saga_id uuid not null,
    room_type_id uuid,
    check_in date check (check_in >= '2000-01-01' and check_in < '2200-01-01'),
    check_out date check (check_out >= '2000-01-01' and check_out < '2200-01-01'),
    rooms integer check (rooms between 1 and 9),
    state text not null check (state in ('held', 'sold', 'released', 'expired')),
    -- When a hold that was not booked gives its rooms back.
    expires_at timestamptz check (expires_at >= '2000-01-01' and expires_at < '2200-01-01'),
    created_at timestamptz not null default now() check (created_at >= '2000-01-01' and created_at < '2200-01-01'),
    changed_at timestamptz not null default now() check (changed_at >= '2000-01-01' and changed_at < '2200-01-01'),
    primary key (hotel_id, hold_id),
    check (check_out > check_in),
    -- A release that came before its hold leaves a row without a stay, which refuses the late hold.
    constraint hold_stay_is_whole check (
        num_nonnulls(room_type_id, check_in, check_out, rooms, expires_at) = 5
        or (state = 'released' and num_nonnulls(room_type_id, check_in, check_out, rooms, expires_at) = 0)
    )
);

-- What is due to expire, soonest first.
create index hold_due on inventory.hold (expires_at) where state = 'held';
-- What takes rooms of a room type, for comparing the counters with their sums.
create index hold_taking on inventory.hold (hotel_id, room_type_id, check_in) where state in ('held', 'sold');

-- Each time a hotel was told that a total is below what is held and sold, and insisted. Never changed.
create table inventory.forced_reduction (
    hotel_id uuid not null,
    room_type_id uuid not null,
    night date not null check (night >= '2000-01-01' and night < '2200-01-01'),
    reduction_no bigint generated always as identity,
    old_total integer not null,
    new_total integer not null,
    held integer not null,
    sold integer not null,
    reason text not null check (char_length(reason) between 1 and 500),
    -- The client that insisted.
    caller text not null,
    recorded_at timestamptz not null default now()
        check (recorded_at >= '2000-01-01' and recorded_at < '2200-01-01'),
    primary key (hotel_id, room_type_id, night, reduction_no)
);

-- Messages to publish, in the columns that Debezium's outbox event router reads.
create table inventory.outbox (
    id uuid primary key,
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload json not null,
    created_at timestamptz not null default now() check (created_at >= '2000-01-01' and created_at < '2200-01-01')
);

-- Messages that were handled, so that one that comes again changes nothing.
create table inventory.inbox (
    message_id uuid primary key,
    handled_at timestamptz not null default now() check (handled_at >= '2000-01-01' and handled_at < '2200-01-01')
);
