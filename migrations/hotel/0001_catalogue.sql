-- What can be booked: hotels, their room types and rate plans, and a price for every night that is for sale.
-- hotel_id leads every primary key, so that all tables can be distributed by hotel.

create table hotel.hotel (
    hotel_id uuid primary key,
    name text not null check (char_length(name) between 1 and 200),
    address text not null check (char_length(address) between 1 and 500),
    -- A zone of the IANA database: the hotel's dates begin at its midnight. Checked by the service,
    -- because the list of zones changes more often than this schema.
    time_zone text not null check (char_length(time_zone) between 1 and 64),
    -- ISO 4217. Never changed: amounts of the hotel are minor units of it.
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    description text check (char_length(description) between 1 and 4000),
    pictures text[] not null,
    -- [{"name": …, "percent": "6.00"}]: read and written with the hotel and never alone.
    taxes jsonb not null check (jsonb_typeof(taxes) = 'array'),
    created_at timestamptz not null default now()
);

create table hotel.room_type (
    hotel_id uuid not null,
    room_type_id uuid not null,
    name text not null check (char_length(name) between 1 and 200),
    beds text[] not null,
    -- Adults one room takes, and children beside them.
    adults_max integer not null check (adults_max between 1 and 36),
    children_max integer not null check (children_max between 0 and 36),
    amenities text[] not null,
    description text check (char_length(description) between 1 and 4000),
    pictures text[] not null,
    created_at timestamptz not null default now(),
    primary key (hotel_id, room_type_id),
    constraint room_type_of_hotel foreign key (hotel_id) references hotel.hotel
);

create table hotel.rate_plan (
    hotel_id uuid not null,
    rate_plan_id uuid not null,
    name text not null check (char_length(name) between 1 and 200),
    -- Free of charge until this many days before arrival; null: never free.
    free_until_days_before integer check (free_until_days_before between 0 and 365),
    -- What the hotel keeps after that.
    penalty text not null check (penalty in ('first_night', 'percent', 'full')),
    penalty_percent integer check (penalty_percent between 0 and 100),
    created_at timestamptz not null default now(),
    primary key (hotel_id, rate_plan_id),
    constraint rate_plan_of_hotel foreign key (hotel_id) references hotel.hotel,
    constraint percent_of_penalty check ((penalty = 'percent') = (penalty_percent is not null))
);

-- By far the largest table: room types x rate plans x nights. A night without a row is not for sale.
-- The key's order is that of the one hot query: the nights of a stay lie side by side.
create table hotel.price (
    hotel_id uuid not null,
    room_type_id uuid not null,
    rate_plan_id uuid not null,
    night date not null check (night >= '2000-01-01' and night < '2200-01-01'),
    -- One room, one night, before taxes.
    amount_minor bigint not null check (amount_minor between 0 and 999999999999),
    primary key (hotel_id, room_type_id, rate_plan_id, night),
    constraint price_of_room_type foreign key (hotel_id, room_type_id) references hotel.room_type,
    constraint price_of_rate_plan foreign key (hotel_id, rate_plan_id) references hotel.rate_plan
) with (fillfactor = 90); -- room on the page, so that a new amount need not touch the index
