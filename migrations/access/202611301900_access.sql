-- Who may have a credential, for which hotels, and the keys they have. The rows of principal, granted and api_key travel
-- by their change topics into every process's memory, so none is ever deleted: what is over says so. Names of people
-- stand apart and travel nowhere.

-- Every change of those rows takes the next version under this row's lock: changes commit in the order of their
-- versions, so whoever knows all up to one has only to ask for what came after it.
create table access.counter (
    id integer primary key check (id = 1),
    version bigint not null check (version >= 0)
);
insert into access.counter (id, version) values (1, 0);

create table access.principal (
    principal_id uuid primary key,
    kind text not null check (kind in ('partner', 'staff', 'viewer', 'operator', 'admin')),
    made_at timestamptz not null default now(),
    ended_at timestamptz,
    version bigint not null,
    -- Over all columns, by the access service; no row has one yet.
    signature bytea
);
create index principal_by_version on access.principal (version);

create table access.person (
    principal_id uuid primary key,
    name text not null check (char_length(name) between 1 and 200)
);

create table access.granted (
    grant_id uuid primary key,
    principal_id uuid not null,
    -- Null: all hotels, also those to come.
    hotel_id uuid,
    made_at timestamptz not null default now(),
    ended_at timestamptz,
    version bigint not null,
    signature bytea
);
create index granted_by_principal on access.granted (principal_id);
create index granted_by_version on access.granted (version);

create table access.api_key (
    key_id uuid primary key,
    principal_id uuid not null,
    pepper_kid text not null check (pepper_kid ~ '^[A-Za-z0-9]{1,16}$'),
    -- HMAC-SHA-256 of id and secret under that pepper. The secret is nowhere.
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),
    made_at timestamptz not null default now(),
    ends_at timestamptz not null,
    revoked_at timestamptz,
    version bigint not null,
    signature bytea
);
create index api_key_by_principal on access.api_key (principal_id);
create index api_key_by_version on access.api_key (version);

-- What was done to who may do what: only ever appended, each line with a hash over itself and the line before, so that
-- one that was changed or taken out is found by `bellhop audit`.
create table access.trail (
    no bigint primary key check (no > 0),
    at timestamptz not null,
    actor text not null check (char_length(actor) between 1 and 100),
    action text not null check (action ~ '^[a-z_]{1,40}$'),
    principal_id uuid not null,
    body jsonb not null,
    hash text not null check (hash ~ '^[0-9a-f]{64}$')
);
create index trail_by_principal on access.trail (principal_id, no);

create function access.trail_hash(before text, no bigint, at timestamptz, actor text, action text, principal_id uuid, body jsonb)
    returns text language sql immutable as
    $$ select encode(sha256(convert_to(
        jsonb_build_array(before, no, extract(epoch from at), actor, action, principal_id, body)::text, 'UTF8')), 'hex') $$;

create function access.trail_is_appended() returns trigger language plpgsql as
    $$ begin raise exception 'the trail is only appended'; end $$;
create trigger trail_is_appended before update or delete or truncate on access.trail
    for each statement execute function access.trail_is_appended();
