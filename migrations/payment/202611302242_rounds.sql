-- The round of the run that pays in which a payment was decided last. What there is, and what processes of the former
-- release write, is of round 1. The column has a constant default, so the table is locked only while the catalogue
-- changes, and not written anew.
alter table payment.payment
    add column round integer not null default 1,
    add constraint payment_round_from_1 check (round >= 1) not valid;

-- What was asked for in a later round is an operation of its own. The key stays as it is, because processes of the former
-- release write by it: from round 2 on the `cause` of an authorisation, a capture or a void is that of round 1 with the
-- round less one added into its last 32 bits (by exclusive or), so that of one run each round has its own. A refund counts
-- in all rounds.
comment on column payment.operation.cause is
    'the saga of a void or a refund, nil for an authorisation or a capture; but for refunds, xor (round - 1)';

create type payment.opening_2 as (
    hotel_id uuid, payment_id uuid, round integer, reservation_id uuid, amount_minor bigint, currency text,
    payment_method text
);
create type payment.change_2 as (
    hotel_id uuid, payment_id uuid, state text, round integer, authorization_id text, captured_minor bigint,
    refunded_minor bigint
);
