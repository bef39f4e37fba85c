-- The log of every saga, and what is needed to go on with it.
--
-- These tables hang on the saga, not on the hotel: a reply names its saga and nothing else, and the shard
-- of a saga is the partition of its messages. So the saga leads every key here.

create table orchestrator.saga (
    saga_id uuid primary key,
    type text not null,
    state text not null,
    reservation_id uuid not null,
    hotel_id uuid not null,
    -- The partition of the saga's messages; whoever owns it runs the saga.
    shard integer not null,
    -- Under which ownership the row was last written.
    epoch bigint not null,
    -- What the saga runs on. Never the guest's name or address.
    data json not null,
    -- Lines of the log so far, so that the next one gets its number without looking.
    lines integer not null,
    -- The command whose reply is waited for: none at the end.
    step text,
    undo boolean,
    attempt integer,
    sent_first_at timestamptz,
    -- When to send it again or give it up.
    due_at timestamptz,
    -- When the timer looks, never later than due_at. It is not moved with every step, so that the index on
    -- it is touched twice in the life of a saga that goes well and the updates between stay on their page.
    wake_at timestamptz,
    -- After this people should look, whatever the state.
    deadline timestamptz not null,
    -- Why it was undone, or is stuck.
    reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint saga_state check (state in ('running', 'compensating', 'completed', 'compensated', 'stuck')),
    constraint saga_waits_until_it_ends check (
        case when state in ('running', 'compensating')
            then num_nulls(step, undo, attempt, sent_first_at, due_at, wake_at) = 0 and wake_at <= due_at
            else num_nonnulls(step, undo, attempt, sent_first_at, due_at, wake_at) = 0
        end),
    constraint saga_says_why check (state not in ('compensated', 'stuck') or reason is not null),
    constraint saga_times check (
        created_at >= '2000-01-01' and created_at < '2200-01-01'
        and updated_at >= '2000-01-01' and updated_at < '2200-01-01'
        and deadline >= created_at and deadline < '2200-01-01')
) with (fillfactor = 70);

-- The timer: sagas that wait, soonest first.
create index saga_wake on orchestrator.saga (wake_at) where wake_at is not null;
-- The list by state and by type, newest first (ids are UUIDs of version 7).
create index saga_by_state on orchestrator.saga (state, saga_id);
create index saga_by_type on orchestrator.saga (type, saga_id);

-- What happened, one line each: a command that went out, or a step that was settled. Lines are only ever
-- added. A step and its undo are settled once, whatever arrives twice: that is the primary key.
-- There is no foreign key to saga: both are written in one transaction by one function.
create table orchestrator.saga_step (
    saga_id uuid not null,
    -- The step's name in the saga's definition.
    step text not null,
    -- What the step is to the saga, or 'undo' for undoing it.
    kind text not null,
    -- 0 for the settlement, n for the n-th sending.
    entry integer not null,
    -- The order of the lines of one saga, from 1.
    seq integer not null,
    outcome text not null,
    attempt integer not null,
    command_name text,
    command json,
    reply json,
    -- Under which ownership the line was written: no line has an epoch that had ended.
    epoch bigint not null,
    -- When the command was sent first.
    sent_at timestamptz,
    at timestamptz not null default now(),
    constraint saga_step_pkey primary key (saga_id, step, kind, entry),
    constraint saga_step_kind check (kind in ('opening', 'do', 'pivot', 'then', 'undo')),
    constraint saga_step_outcome check (outcome in ('sent', 'ok', 'refused', 'given_up')),
    constraint saga_step_entry check (entry >= 0 and (outcome = 'sent') = (entry > 0)),
    -- Nobody gives up an undo, the pivot or what comes after it.
    constraint saga_step_gives_up_only_before_the_pivot check (outcome <> 'given_up' or kind = 'do'),
    constraint saga_step_command check ((outcome = 'sent') = (command is not null and command_name is not null)),
    constraint saga_step_reply check ((outcome in ('sent', 'given_up') or kind = 'opening') = (reply is null)),
    constraint saga_step_at check (at >= '2000-01-01' and at < '2200-01-01')
);

-- Who owns a shard, and since when. A new owner ends the former one's epoch and begins the next; every
-- transaction that writes checks that its epoch has not ended, and holds it while it writes.
create table orchestrator.saga_epoch (
    shard integer not null,
    epoch bigint not null,
    owner text not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    constraint saga_epoch_pkey primary key (shard, epoch),
    constraint saga_epoch_times check (
        began_at >= '2000-01-01' and began_at < '2200-01-01'
        and (ended_at is null or ended_at >= '2000-01-01' and ended_at < '2200-01-01')),
    constraint saga_epoch_positive check (shard >= 0 and epoch > 0)
);

-- One owner per shard at most.
create unique index saga_epoch_current on orchestrator.saga_epoch (shard) where ended_at is null;

-- What is said is said in the transaction that makes it true; the columns are those of Debezium's
-- outbox event router.
create table orchestrator.outbox (
    id uuid primary key,
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload json not null,
    created_at timestamptz not null default now()
);

-- Messages that were handled, so that one that comes again is recognised.
create table orchestrator.inbox (
    message_id uuid primary key,
    handled_at timestamptz not null default now()
);
