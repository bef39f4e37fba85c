-- A hold belongs to a round of its run, and one that was refused is kept, with its answer, as long as any other: the
-- same command hears the same for good. What there is, and what processes of the former release write, is of round 1;
-- they cannot read a refused hold, and try again until one of this release has the command.
-- Both columns and both checks change the catalogue alone: the table is locked for as long as that takes, and is neither
-- written anew nor read. The next file looks at the rows that are there.
alter table inventory.hold
    add column round integer not null default 1,
    add column refusal json,
    drop constraint hold_state_check,
    add constraint hold_state_check check (state in ('held', 'sold', 'released', 'expired', 'refused')) not valid,
    drop constraint hold_stay_is_whole,
    -- A release that came before its hold, and the refusal of a number of rooms that nobody may have, name no stay.
    add constraint hold_stay_is_whole check (
        (state <> 'refused' and num_nonnulls(room_type_id, check_in, check_out, rooms, expires_at) = 5)
        or (state = 'released' and num_nonnulls(room_type_id, check_in, check_out, rooms, expires_at) = 0)
        or (state = 'refused' and num_nonnulls(room_type_id, check_in, check_out, rooms) in (0, 4)
            and expires_at is null)
    ) not valid,
    add constraint hold_refused_with_its_answer check ((state = 'refused') = (refusal is not null)) not valid,
    add constraint hold_round_from_1 check (round >= 1) not valid;

create type inventory.hold_3 as (
    hotel_id uuid, hold_id uuid, line_no smallint, saga_id uuid, round integer, room_type_id uuid, check_in date,
    check_out date, rooms integer, state text, refusal text
);
