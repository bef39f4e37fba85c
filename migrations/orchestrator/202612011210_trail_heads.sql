-- Ends of the trail, told by their change topic, which keeps them for good: who cuts the trail here cannot take them back there.
-- Only `tell_trail_head` writes it, as the tables' owner; see platform::trail.
create table orchestrator.trail_head (
    no bigint primary key check (no > 0),
    hash text not null check (hash ~ '^[0-9a-f]{64}$'),
    told_at timestamptz not null default clock_timestamp()
);
create trigger trail_is_appended before update or delete or truncate on orchestrator.trail_head
    for each statement execute function orchestrator.trail_is_appended();

-- Tells the last line, unless it was told; answers its number then.
create function orchestrator.tell_trail_head() returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
    insert into orchestrator.trail_head (no, hash) select no, hash from orchestrator.trail order by no desc limit 1
    on conflict (no) do nothing returning no
$$;
revoke execute on function orchestrator.tell_trail_head() from public;
