-- Guests, their reservations with every state they were in, and the keys that make a repeated request the
-- same request.

-- A guest is known by the e-mail address. Messages carry the id alone, so this is the one place to look for
-- a person. The service writes addresses in lower case.
create table reservation.guest (
    guest_id uuid primary key,
    email text not null unique check (email = lower(email) and length(email) between 3 and 254),
    created_at timestamptz not null default now() check (created_at >= '2000-01-01' and created_at < '2200-01-01')
);

-- The ways in which a reservation may change, '' being the start. The audit compares the history with it; the
-- check on the history says the same, because a foreign key would lock these five rows in every transaction.
create table reservation.legal_transition (
    from_state text not null,
    to_state text not null,
    primary key (from_state, to_state)
);

insert into reservation.legal_transition (from_state, to_state) values
    ('', 'pending'),
    ('pending', 'confirmed'),
    ('pending', 'rejected'),
    ('confirmed', 'cancelling'),
    ('cancelling', 'cancelled');

create table reservation.reservation (
    hotel_id uuid not null,
    -- Made by the service; sorts by time, so newest first is this id downwards.
    reservation_id uuid not null,
    -- The run that books the stay, and the one that cancels it.
    saga_id uuid not null,
    cancellation_saga_id uuid,
    state text not null check (state in ('pending', 'confirmed', 'rejected', 'cancelling', 'cancelled')),
    -- Equals the number of rows in the history.
    version integer not null check (version >= 1),
    guest_id uuid not null references reservation.guest (guest_id),
    -- Name and telephone as given for this stay: another stay under the same address may be for somebody else.
    guest_name text not null check (length(guest_name) between 1 and 200),
    guest_phone text check (length(guest_phone) between 5 and 32),
    adults smallint not null check (adults between 1 and 36),
    children smallint not null check (children between 0 and 36),
    quote_id uuid not null,
    room_type_id uuid not null,
    rate_plan_id uuid not null,
    check_in date not null check (check_in >= '2000-01-01' and check_in < '2200-01-01'),
    check_out date not null check (check_out >= '2000-01-01' and check_out < '2200-01-01'),
    rooms smallint not null check (rooms between 1 and 9),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total_minor bigint not null check (total_minor >= 0),
    -- The order form as it was signed: what was promised, night by night and tax by tax.
    quote json not null,
    cancellation_policy json not null,
    -- The zone in which the hotel's dates begin.
    time_zone text not null,
    -- What the policy comes to for this stay: free up to and with this date at the hotel (never free without
    -- one), and what the hotel keeps after it.
    free_until date check (free_until >= '2000-01-01' and free_until < '2200-01-01'),
    late_penalty_minor bigint not null check (late_penalty_minor between 0 and total_minor),
    -- A guest who cancels while the booking still runs: kept until the booking is confirmed or rejected.
    cancel_requested_at timestamptz check (cancel_requested_at >= '2000-01-01' and cancel_requested_at < '2200-01-01'),
    -- Set at the moment of cancelling, from the policy and the date at the hotel.
    penalty_minor bigint check (penalty_minor >= 0),
    refund_minor bigint check (refund_minor >= 0),
    -- Why a rejected booking was rejected.
    refusal_code text,
    refusal_message text,
    refusal_night date check (refusal_night >= '2000-01-01' and refusal_night < '2200-01-01'),
    created_at timestamptz not null check (created_at >= '2000-01-01' and created_at < '2200-01-01'),
    updated_at timestamptz not null check (updated_at >= '2000-01-01' and updated_at < '2200-01-01'),
    primary key (hotel_id, reservation_id),
    check (check_out > check_in and check_out - check_in <= 30),
    check ((state in ('cancelling', 'cancelled')) = (penalty_minor is not null)),
    check ((state in ('cancelling', 'cancelled')) = (refund_minor is not null)),
    check ((state in ('cancelling', 'cancelled')) = (cancellation_saga_id is not null)),
    check (penalty_minor + refund_minor = total_minor),
    check ((state = 'rejected') = (refusal_code is not null)),
    check ((refusal_code is null) = (refusal_message is null))
) with (fillfactor = 80);

-- Clients know a reservation by its id alone.
create unique index reservation_by_id on reservation.reservation (reservation_id);
-- A guest's stays, newest first.
create index reservation_by_guest on reservation.reservation (guest_id, reservation_id);

-- Every state that a reservation was in, one row for each.
create table reservation.reservation_history (
    hotel_id uuid not null,
    reservation_id uuid not null,
    version integer not null check (version >= 1),
    -- '' for the first.
    from_state text not null,
    state text not null,
    -- The code of a refusal, or who asked.
    reason text,
    at timestamptz not null check (at >= '2000-01-01' and at < '2200-01-01'),
    primary key (hotel_id, reservation_id, version),
    check ((version = 1) = (from_state = '')),
    constraint legal_transition check (
        (from_state, state) in (
            ('', 'pending'), ('pending', 'confirmed'), ('pending', 'rejected'),
            ('confirmed', 'cancelling'), ('cancelling', 'cancelled')
        )
    )
);

-- A request with a key is done once. The answer is kept as the bytes that were sent, so that a repeat gets
-- the same bytes. Keys belong to the client and the route, not to a hotel.
create table reservation.idempotency_key (
    client text not null check (length(client) between 1 and 200),
    route text not null,
    key text not null check (length(key) between 1 and 255),
    -- SHA-256 of the request in one canonical form.
    fingerprint bytea not null check (length(fingerprint) = 32),
    hotel_id uuid not null,
    reservation_id uuid not null,
    claimed_at timestamptz not null check (claimed_at >= '2000-01-01' and claimed_at < '2200-01-01'),
    -- Until when the first request may still be waiting for the outcome. After it, without an answer, the
    -- process that waited is gone and a repeat is answered from the reservation.
    claimed_until timestamptz not null check (claimed_until >= '2000-01-01' and claimed_until < '2200-01-01'),
    response_status smallint check (response_status between 200 and 599),
    response_body bytea,
    response_location text,
    response_content_type text,
    primary key (client, route, key),
    check ((response_status is null) = (response_body is null)),
    check ((response_status is null) = (response_content_type is null))
) with (fillfactor = 80);

-- For the housekeeping, which removes the oldest.
create index idempotency_key_by_age on reservation.idempotency_key (claimed_at);

-- Messages to send, with the columns that Debezium's outbox event router expects.
create table reservation.outbox (
    id uuid primary key,
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload json not null,
    created_at timestamptz not null default now() check (created_at >= '2000-01-01' and created_at < '2200-01-01')
);

-- Messages that were handled.
create table reservation.inbox (
    message_id uuid primary key,
    handled_at timestamptz not null default now() check (handled_at >= '2000-01-01' and handled_at < '2200-01-01')
);
