-- Sessions of people's pages, and the links by which they come to them. Rows of session travel by their change topic into
-- every process's memory. When a session was used last stands in its cookie alone.

create table access.sign_in_link (
    link_id uuid primary key,
    principal_id uuid not null,
    pepper_kid text not null check (pepper_kid ~ '^[A-Za-z0-9]{1,16}$'),
    -- HMAC-SHA-256 of id and secret under that pepper. The secret is nowhere.
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),
    made_at timestamptz not null default now(),
    ends_at timestamptz not null,
    used_at timestamptz
);
create index sign_in_link_by_end on access.sign_in_link (ends_at);

create table access.session (
    session_id uuid primary key,
    principal_id uuid not null,
    -- A link gives one session.
    link_id uuid not null unique,
    made_at timestamptz not null default now(),
    ends_at timestamptz not null,
    ended_at timestamptz,
    version bigint not null
);
create index session_by_principal on access.session (principal_id);
create index session_by_version on access.session (version);
create index session_by_end on access.session (ends_at);
