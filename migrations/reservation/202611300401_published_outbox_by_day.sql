-- The outbox by day takes the name of the former one, so that processes of the former release write into it and their
-- relay reads it; what they said before stays in `outbox_former`, published, for one release.

-- What is written into a table before a publication has it is never published. `bellhop migrate` sees to that.
do $$ begin
    if exists (
        select from pg_catalog.pg_publication_rel former
        join pg_catalog.pg_publication p on p.oid = former.prpubid
        where former.prrelid = 'reservation.outbox'::regclass
          and not (p.pubviaroot and exists (
              select from pg_catalog.pg_publication_rel new
              where new.prpubid = p.oid and new.prrelid = 'reservation.outbox_by_day'::regclass))
    ) then
        raise exception 'a publication has reservation.outbox and not reservation.outbox_by_day, or not via its root; '
            'run `bellhop migrate` with its name as --publication-name';
    end if;
end $$;

alter table reservation.outbox rename to outbox_former;
alter table reservation.outbox_by_day rename to outbox;

-- Makes the part of a day (UTC). Blocks nobody who writes: attaching needs no lock that an insert takes. False when
-- messages of that day already are in `outbox_other`, where they stay; null while somebody else is at it.
create function reservation.make_outbox_day(day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    part constant text := 'outbox_' || to_char(day, 'YYYYMMDD');
begin
    if to_regclass(format('reservation.%I', part)) is not null then
        return true;
    end if;
    if not pg_try_advisory_xact_lock(hashtextextended('reservation.outbox', 0)) then
        return null;
    end if;
    begin
        execute format('create table reservation.%I (like reservation.outbox including defaults)', part);
        execute format('alter table reservation.outbox attach partition reservation.%I for values from (%L) to (%L)', part,
            to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
    exception when check_violation then
        return false;
    end;
    return true;
end $$;

-- Drops the oldest day whose last message is older than 72 hours, and answers its name; then what is in
-- `outbox_other`, once all of it is as old. Null when nothing is to go, or somebody else is at it. Nobody waits for
-- this longer than 200 ms: it gives up its place in the line.
create function reservation.drop_outbox_day() returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms' as $$
declare
    until constant timestamptz := now() - interval '72 hours';
    part text;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('reservation.outbox', 0)) then
        return null;
    end if;
    select c.relname into part
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'reservation.outbox'::regclass and c.relname ~ '^outbox_[0-9]{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= until
    order by c.relname limit 1;
    if part is not null then
        -- For the whole it waits in the line that writers stand in; for the day, with that line behind it, not at all.
        lock table only reservation.outbox in access exclusive mode;
        execute format('lock table reservation.%I in access exclusive mode nowait', part);
        execute format('drop table reservation.%I', part);
        return part;
    end if;
    if exists (select from reservation.outbox_other)
        and not exists (select from reservation.outbox_other where created_at > until)
    then
        truncate reservation.outbox_other;
        return 'outbox_other';
    end if;
    return null;
end $$;

-- Both act as the tables' owner, so only who is told to may ask them.
revoke execute on function reservation.make_outbox_day(date), reservation.drop_outbox_day() from public;

select reservation.make_outbox_day((now() at time zone 'UTC')::date + ahead) from generate_series(0, 3) ahead;
