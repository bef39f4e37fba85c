-- The trail is written by a function of the tables' owner from now on, as in other schemas (platform::trail); processes of the
-- former release write lines themselves for one release more.

-- Appends a line and answers its number. The hash is over the line and the hash of the line before.
create function access.append_trail(actor text, action text, subject uuid, body jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    last access.trail;
    next_no bigint;
    now_at timestamptz;
begin
    -- Lines commit in the order of their numbers.
    perform pg_advisory_xact_lock(hashtextextended('access.trail', 0));
    select * into last from access.trail order by no desc limit 1;
    next_no := coalesce(last.no, 0) + 1;
    now_at := clock_timestamp();
    insert into access.trail (no, at, actor, action, principal_id, body, hash)
    values (next_no, now_at, actor, action, subject, body, encode(sha256(convert_to(jsonb_build_array(
        coalesce(last.hash, ''), next_no, extract(epoch from now_at), actor, action, subject, body)::text, 'UTF8')), 'hex'));
    return next_no;
end $$;
revoke execute on function access.append_trail(text, text, uuid, jsonb) from public;
