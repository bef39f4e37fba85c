-- Payments, what was asked for each, the money that moved, and the ledger that books it.

-- One payment: at most one authorisation and one capture. A row whose amount is null is a tombstone:
-- it was voided before it was ever authorised, and forbids an authorisation that arrives later.
create table payment.payment (
    hotel_id uuid not null,
    payment_id uuid not null,
    reservation_id uuid,
    state text not null check (
        state in ('new', 'authorized', 'declined', 'captured', 'capture_declined', 'refunded', 'voided')
    ),
    amount_minor bigint check (amount_minor >= 0),
    currency text check (currency ~ '^[A-Z]{3}$'),
    -- The provider's token for the payment method; card data never reach this database.
    payment_method text,
    -- The provider's id of the authorisation, which captures, voids and refunds refer to.
    authorization_id text,
    captured_minor bigint not null default 0,
    refunded_minor bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (hotel_id, payment_id),
    constraint payment_is_whole_or_tombstone check (
        (amount_minor is null) = (currency is null)
        and (amount_minor is null) = (payment_method is null)
        and (amount_minor is null) = (reservation_id is null)
        and (amount_minor is not null or (state = 'voided' and captured_minor = 0))
    ),
    constraint payment_captured_whole check (captured_minor = 0 or captured_minor = amount_minor),
    constraint payment_refunded_at_most_captured check (refunded_minor between 0 and captured_minor)
) with (fillfactor = 70);

-- A payment is also looked up by its id alone.
create index payment_by_id on payment.payment (payment_id);

-- What was asked for a payment, once per intent, with the address of the reply. Written before the
-- provider is called, so that nothing that was asked is forgotten in a crash.
create table payment.operation (
    hotel_id uuid not null,
    payment_id uuid not null,
    kind text not null check (kind in ('authorize', 'capture', 'void', 'refund')),
    -- The saga of a void or a refund; nil for an authorisation or a capture, of which there is one.
    cause uuid not null,
    -- Operations of one payment are settled one after the other, in this order.
    operation_no bigint generated always as identity,
    -- What a refund is asked for; other operations take the payment's amount.
    asked_minor bigint check (asked_minor >= 0),
    state text not null default 'due' check (state in ('due', 'done', 'refused')),
    refusal text,
    -- Where the reply goes: the saga and step that asked last.
    saga_id uuid not null,
    step text not null,
    undo boolean not null,
    attempt integer not null,
    -- Rounds that ended without a known outcome, and what the last one ran into, for people.
    tries integer not null default 0,
    trouble text,
    -- Whoever takes the operation moves this forward, so that two processes do not both call the provider.
    next_attempt_at timestamptz not null,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (hotel_id, payment_id, kind, cause),
    foreign key (hotel_id, payment_id) references payment.payment,
    constraint operation_settled check ((state = 'due') = (settled_at is null)),
    constraint operation_refused check ((state = 'refused') = (refusal is not null))
) with (fillfactor = 70);

-- The sweep's queue: only what is not settled.
create index operation_due on payment.operation (next_attempt_at) where state = 'due';

-- Money that moved at the provider: a capture is positive, a refund negative.
create table payment.movement (
    hotel_id uuid not null,
    movement_id uuid not null,
    payment_id uuid not null,
    reservation_id uuid not null,
    kind text not null check (kind in ('capture', 'refund')),
    amount_minor bigint not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    at timestamptz not null default now(),
    primary key (hotel_id, movement_id),
    foreign key (hotel_id, payment_id) references payment.payment,
    constraint movement_sign check (amount_minor <> 0 and (kind = 'capture') = (amount_minor > 0))
);

-- A guest is charged at most once for a reservation.
create unique index movement_one_capture on payment.movement (hotel_id, payment_id) where kind = 'capture';
create index movement_of_payment on payment.movement (hotel_id, payment_id);

-- The double-entry ledger: the entries of a transfer sum to zero. A transfer has its movement's id.
create table payment.ledger_entry (
    hotel_id uuid not null,
    transfer_id uuid not null,
    account text not null check (account in ('guest', 'provider_clearing', 'hotel_payable')),
    amount_minor bigint not null check (amount_minor <> 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    at timestamptz not null default now(),
    primary key (hotel_id, transfer_id, account)
);

-- All entries of a transfer are written by one statement, which fails when one of them does not balance.
create function payment.refuse_unbalanced() returns trigger language plpgsql as $$
begin
    if exists (
        select from written group by hotel_id, transfer_id, currency having sum(amount_minor) <> 0
    ) then
        raise exception 'a transfer does not sum to zero'
            using errcode = 'check_violation', constraint = 'ledger_entry_balanced';
    end if;
    return null;
end
$$;

create trigger ledger_entry_balanced after insert on payment.ledger_entry
referencing new table as written
for each statement execute function payment.refuse_unbalanced();

-- What was booked stays booked: a mistake is corrected by another transfer.
create function payment.refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is only ever added to'
        using errcode = 'check_violation', constraint = 'ledger_only_grows';
end
$$;

create trigger ledger_entry_only_grows before update or delete on payment.ledger_entry
for each statement execute function payment.refuse_rewriting();
create trigger movement_only_grows before update or delete on payment.movement
for each statement execute function payment.refuse_rewriting();

-- Webhooks that were heard, so that a repeat changes nothing. Kept a little longer than a signature is valid.
create table payment.webhook (
    webhook_id text primary key,
    heard_at timestamptz not null default now()
);
create index webhook_age on payment.webhook (heard_at);

-- Messages to publish, with the columns that Debezium's outbox event router expects.
create table payment.outbox (
    id uuid primary key,
    aggregatetype text not null,
    aggregateid text not null,
    type text not null,
    payload json not null,
    created_at timestamptz not null default now()
);

-- Messages that were handled.
create table payment.inbox (
    message_id uuid primary key,
    handled_at timestamptz not null default now()
);
