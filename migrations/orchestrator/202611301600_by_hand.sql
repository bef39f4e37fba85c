-- What was undone by hand is owed until the books agree, with what shows it.
create type orchestrator.obligation_2 as (
    saga_id uuid, seq integer, what text, step text, is_done text, thing uuid, amount_minor bigint, currency text,
    evidence text);
