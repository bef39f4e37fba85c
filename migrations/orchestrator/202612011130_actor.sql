-- Who asked for a run: a kind and an id, never a name; null where nobody said who they are. Each of its commands says so too.
alter table orchestrator.run add column actor text check (char_length(actor) between 1 and 100);
-- What one of them asked for, newest first. Nearly all runs are those of guests, who are nobody here.
create index run_by_actor on orchestrator.run (actor, saga_id) where actor is not null;

create type orchestrator.run_3 as (
    saga_id uuid, kind text, definition integer, state text,
    subject_id uuid, hotel_id uuid, shard integer, data text, actor text, trace text, wake_at timestamptz, reason text,
    is_over boolean, held_by uuid);
