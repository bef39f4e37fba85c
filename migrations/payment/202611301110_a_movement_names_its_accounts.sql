-- A movement says from which account to which its amount went: a capture debits what the provider owes us and credits
-- what we owe the hotel, a refund the other way about. So a transfer cannot but balance. Null where the former release
-- wrote the movement. `ledger_entry` is written beside it for one release, for whoever reads it.
create type payment.account as enum ('guest', 'provider_clearing', 'hotel_payable');
alter table payment.movement add column debit payment.account, add column credit payment.account;

-- What these looked for with each capture, `bellhop audit` looks for: transfers that do not balance, and movements and
-- operations of no payment.
drop trigger ledger_entry_balanced on payment.ledger_entry;
drop function payment.refuse_unbalanced();
alter table payment.movement drop constraint movement_hotel_id_payment_id_fkey;
alter table payment.operation drop constraint operation_hotel_id_payment_id_fkey;

-- What a statement takes, as one array of rows. A type that running processes use is never changed: what is to change
-- gets the next number beside it.
create type payment.opening_1 as (
    hotel_id uuid, payment_id uuid, reservation_id uuid, amount_minor bigint, currency text, payment_method text
);
create type payment.intent_1 as (
    hotel_id uuid, payment_id uuid, kind text, cause uuid, asked_minor bigint, saga_id uuid, step text, undo boolean,
    attempt integer, traceparent text
);
create type payment.ended_1 as (hotel_id uuid, payment_id uuid, operation_no bigint, refusal text);
create type payment.change_1 as (
    hotel_id uuid, payment_id uuid, state text, authorization_id text, captured_minor bigint, refunded_minor bigint
);
create type payment.movement_1 as (
    hotel_id uuid, movement_id uuid, payment_id uuid, reservation_id uuid, kind text, amount_minor bigint, currency text,
    debit text, credit text
);
create type payment.message_1 as (
    id uuid, topic text, key text, type text, payload text, actor text, traceparent text, deadline_ms bigint
);
