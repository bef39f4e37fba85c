-- What people say to runs, and what is owed because of those that were abandoned.

-- Since when a run is paused; the timer does not look at it meanwhile. Processes of the former release know nothing of
-- it: they cannot read the journal of such a run, and leave it alone.
alter table orchestrator.run add column paused_at timestamptz;
alter table orchestrator.run drop constraint run_state_fits;
alter table orchestrator.run add constraint run_state_fits check (
    (wake_at is not null) = (state in ('running', 'compensating') and paused_at is null)
    and (paused_at is null or state in ('running', 'compensating'))
    and (ended_at is not null) = (state in ('completed', 'compensated', 'abandoned'))
    and (reason is not null or state in ('running', 'compensating', 'completed'))) not valid;

create type orchestrator.verb_state as enum ('asked', 'waits', 'applied', 'refused');

-- What somebody asked for, as it was asked; what came of it is said by the owner of the run's shard, in the transaction
-- that writes the line of the journal.
create table orchestrator.verb (
    verb_id uuid primary key,
    saga_id uuid not null,
    -- The version of the run that it was asked of; null where any will do.
    expected integer,
    verb json not null,
    -- Who asked: an id, never a name; and why.
    actor text not null,
    reason text not null,
    -- Of the preview that was shown; null where none was.
    digest text,
    approved_by text,
    -- The key under which it was asked, and what tells the request from any other.
    key text not null,
    fingerprint bytea not null,
    state orchestrator.verb_state not null,
    outcome json,
    asked_at timestamptz not null default now(),
    done_at timestamptz,
    constraint verb_key unique (actor, key),
    constraint verb_done check (
        (done_at is not null) = (state in ('applied', 'refused')) and (outcome is not null) = (done_at is not null))
);
create index verb_by_run on orchestrator.verb (saga_id);

create type orchestrator.debt_kind as enum ('rooms', 'money', 'guest');
create type orchestrator.sureness as enum ('done', 'maybe_done', 'not_done');

-- What is owed because of one step of an abandoned run: rooms, money, or word to the guest.
create table orchestrator.obligation (
    saga_id uuid not null,
    -- Its place among those of the run, from 1.
    seq integer not null,
    what orchestrator.debt_kind not null,
    -- The step, and how sure it is that it was done.
    step text not null,
    is_done orchestrator.sureness not null,
    -- The hold, the payment or the reservation.
    thing uuid not null,
    -- Of money alone.
    amount_minor bigint,
    currency text,
    opened_at timestamptz not null,
    owner text,
    closed_at timestamptz,
    -- What was heard of the step after the run was abandoned.
    evidence json,
    constraint obligation_pkey primary key (saga_id, seq),
    constraint obligation_amount check ((amount_minor is not null) = (currency is not null))
);
create index obligation_open on orchestrator.obligation (opened_at) where closed_at is null;

create type orchestrator.run_change_2 as (
    saga_id uuid, state text, shard integer, wake_at timestamptz, reason text, is_over boolean, is_paused boolean);
create type orchestrator.verb_end_1 as (verb_id uuid, is_applied boolean, outcome text);
create type orchestrator.obligation_1 as (
    saga_id uuid, seq integer, what text, step text, is_done text, thing uuid, amount_minor bigint, currency text);
create type orchestrator.heard_late_1 as (saga_id uuid, step text, evidence text);
