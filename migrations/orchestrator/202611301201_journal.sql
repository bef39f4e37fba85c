-- A run is a journal: what happened to it, a line each, appended and never changed. Nobody locks a run. Whoever goes on
-- with it appends the line after the last one that it knows, and the primary key says no to all but the first. So the
-- row of the run is written when its state changes, and not at each step.
--
-- Here are the tables. `bellhop migrate` fills them from `saga` and `saga_step`, in one transaction that ends with these
-- two having the names `saga_former` and `saga_step_former`; they stay for one release.

create type orchestrator.run_state as enum ('running', 'compensating', 'stuck', 'completed', 'compensated', 'abandoned');
-- What a line says, and what its step is to the saga. Types and no checks: a check reads text at every line.
create type orchestrator.line_what as enum
    ('opened', 'done', 'refused', 'given_up', 'undone', 'undo_refused', 'sent_again', 'verb');
create type orchestrator.line_place as enum ('opening', 'do', 'pivot', 'then');
-- What a run is about.
create type orchestrator.subject_kind as enum ('reservation');

-- These tables hang on the run, not on the hotel: a reply names its run and nothing else, and the shard of a run is the
-- partition of its messages. So the run leads every key here.
create table orchestrator.run (
    saga_id uuid primary key,
    -- The saga, and the version of it that the run was begun with and stays with.
    kind text not null,
    definition integer not null,
    state orchestrator.run_state not null,
    subject_kind orchestrator.subject_kind not null,
    subject_id uuid not null,
    hotel_id uuid not null,
    -- The partition of the run's messages; whoever owns it runs it.
    shard integer not null,
    -- What it runs on. Never the guest's name or address.
    data json not null,
    -- The W3C trace of the request that it came of, which goes with each of its commands; null without one.
    trace text,
    -- When the timer looks, never later than there is something to do. It is not moved with every step, so that the run
    -- is written twice in a life that goes well.
    wake_at timestamptz,
    -- After this people should look, whatever the state.
    deadline timestamptz not null,
    -- Why it was undone, or is stuck.
    reason text,
    created_at timestamptz not null,
    -- When it was completed or compensated.
    ended_at timestamptz,
    constraint run_state_fits check (
        (wake_at is not null) = (state in ('running', 'compensating'))
        and (ended_at is not null) = (state in ('completed', 'compensated', 'abandoned'))
        and (reason is not null or state in ('running', 'compensating', 'completed')))
);

-- The timer: runs that wait, soonest first.
create index run_wake on orchestrator.run (wake_at) where wake_at is not null;
-- The lists of those that did not go well, and of those that are open, newest first (ids are UUIDs of version 7). The
-- others are nearly all there are, and the primary key leads to them.
create index run_by_state on orchestrator.run (state, saga_id) where state <> 'completed';
create index run_by_subject on orchestrator.run (subject_id);

create table orchestrator.journal (
    saga_id uuid not null,
    -- Its place in the journal, from 1, without a gap.
    seq integer not null,
    what orchestrator.line_what not null,
    -- The step's name in the saga's definition, and what it is to the saga.
    step text not null,
    place orchestrator.line_place not null,
    -- Whether it is about undoing the step.
    undo boolean not null,
    -- The round of the run, from 1. What an undo of one round forbids, a later round may do.
    round integer not null,
    -- How often the command had been sent, and when first; 0 and null where none is.
    sendings integer not null,
    sent_at timestamptz,
    -- The message of a further sending, or of the answer.
    message_id uuid,
    -- The answer: which sending it answers, and how it ended.
    body json,
    -- Under which ownership of the shard it was written: no line has an epoch that had ended.
    epoch bigint not null,
    at timestamptz not null,
    constraint journal_pkey primary key (saga_id, seq)
);

-- Rows as they are written, many with one parameter. A type in use is never changed: a new one gets the next number.
create type orchestrator.run_1 as (
    saga_id uuid, kind text, definition integer, state text,
    subject_id uuid, hotel_id uuid, shard integer, data text, trace text, wake_at timestamptz, reason text,
    is_over boolean);
create type orchestrator.run_change_1 as (
    saga_id uuid, state text, shard integer, wake_at timestamptz, reason text, is_over boolean);
create type orchestrator.line_1 as (
    saga_id uuid, seq integer, what text, step text, place text, undo boolean,
    round integer, sendings integer, sent_at timestamptz, message_id uuid, body text, epoch bigint);
create type orchestrator.message_1 as (
    id uuid, topic text, key text, type text, payload text, actor text, traceparent text, deadline_ms bigint);
