-- Rules: what operators hold back, whole kinds of runs at once.

-- What a line of a journal says: that a rule keeps a command from being sent, and that none does any more. Processes of
-- the former release cannot read the journal of such a run, and leave it alone.
alter type orchestrator.line_what add value 'held_back';
alter type orchestrator.line_what add value 'released';

create type orchestrator.rule_kind as enum ('pause', 'limit');

create table orchestrator.rule (
    rule_id uuid primary key,
    kind orchestrator.rule_kind not null,
    -- Which commands it is about: those of this saga, of this step, of the step or of its undo, of this hotel. Null is
    -- any.
    saga text,
    step text,
    undo boolean,
    hotel_id uuid,
    -- Of a limit alone: so many commands a minute go out, over all shards together.
    per_minute integer,
    -- Who made it and lifted it: ids, never names; and why.
    made_by text not null,
    reason text not null,
    made_at timestamptz not null default clock_timestamp(),
    lifted_by text,
    lift_reason text,
    lifted_at timestamptz,
    -- The key under which it was asked for, and what tells the request from any other.
    key text not null,
    fingerprint bytea not null,
    constraint rule_key unique (made_by, key),
    constraint rule_rate check ((per_minute is not null) = (kind = 'limit') and per_minute between 1 and 1000000),
    constraint rule_lifted check (
        (lifted_at is not null) = (lifted_by is not null) and (lifted_at is not null) = (lift_reason is not null))
);
-- Every process reads these each second.
create index rule_in_force on orchestrator.rule (rule_id) where lifted_at is null;

-- The rule that holds the run's command back, of which the timer is told when it is lifted.
alter table orchestrator.run add column held_by uuid;
create index run_held on orchestrator.run (held_by) where held_by is not null;

create type orchestrator.run_2 as (
    saga_id uuid, kind text, definition integer, state text,
    subject_id uuid, hotel_id uuid, shard integer, data text, trace text, wake_at timestamptz, reason text,
    is_over boolean, held_by uuid);
create type orchestrator.run_change_3 as (
    saga_id uuid, state text, shard integer, wake_at timestamptz, reason text, is_over boolean, is_paused boolean,
    held_by uuid);
