-- Looks at the holds that were there before, without keeping anybody from writing.
alter table inventory.hold
    validate constraint hold_state_check,
    validate constraint hold_stay_is_whole,
    validate constraint hold_refused_with_its_answer,
    validate constraint hold_round_from_1;
