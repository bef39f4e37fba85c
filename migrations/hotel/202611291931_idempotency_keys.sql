-- What is made under an Idempotency-Key is made once. The key is claimed in the transaction that makes it, and the
-- answer is kept as the bytes that were sent, so that a repeat gets the same bytes. Keys belong to the client and
-- the route, not to a hotel.
create table hotel.idempotency_key (
    client text not null check (length(client) between 1 and 200),
    route text not null,
    key text not null check (length(key) between 1 and 255),
    -- SHA-256 of the path and the request in one canonical form.
    fingerprint bytea not null check (length(fingerprint) = 32),
    claimed_at timestamptz not null default now(),
    response_status smallint check (response_status between 200 and 299),
    response_body bytea,
    response_location text,
    response_content_type text,
    primary key (client, route, key),
    check ((response_status is null) = (response_body is null)),
    check ((response_status is null) = (response_content_type is null))
) with (fillfactor = 80);

-- For the housekeeping, which removes the oldest.
create index idempotency_key_by_age on hotel.idempotency_key (claimed_at);
