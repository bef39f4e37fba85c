-- What people did here, told for good; see platform::trail. Only `append_trail` writes it, as the tables' owner: who has the
-- service's login can neither change a line nor choose its number, its time or its hash.
create table orchestrator.trail (
    no bigint primary key check (no > 0),
    at timestamptz not null,
    actor text not null check (char_length(actor) between 1 and 100),
    action text not null check (action ~ '^[a-z_]{1,40}$'),
    subject uuid not null,
    body jsonb not null,
    hash text not null check (hash ~ '^[0-9a-f]{64}$')
);
create index trail_by_subject on orchestrator.trail (subject, no);

create function orchestrator.trail_is_appended() returns trigger language plpgsql as
    $$ begin raise exception 'the trail is only appended'; end $$;
create trigger trail_is_appended before update or delete or truncate on orchestrator.trail
    for each statement execute function orchestrator.trail_is_appended();

-- Appends a line and answers its number. The hash is over the line and the hash of the line before.
create function orchestrator.append_trail(actor text, action text, subject uuid, body jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    last orchestrator.trail;
    next_no bigint;
    now_at timestamptz;
begin
    -- Lines commit in the order of their numbers.
    perform pg_advisory_xact_lock(hashtextextended('orchestrator.trail', 0));
    select * into last from orchestrator.trail order by no desc limit 1;
    next_no := coalesce(last.no, 0) + 1;
    now_at := clock_timestamp();
    insert into orchestrator.trail (no, at, actor, action, subject, body, hash)
    values (next_no, now_at, actor, action, subject, body, encode(sha256(convert_to(jsonb_build_array(
        coalesce(last.hash, ''), next_no, extract(epoch from now_at), actor, action, subject, body)::text, 'UTF8')), 'hex'));
    return next_no;
end $$;
revoke execute on function orchestrator.append_trail(text, text, uuid, jsonb) from public;
