-- A guest who cancels during the stay has used the nights that have begun: those before this date at the hotel are
-- kept in full and stay sold. None where no night had begun, and for every stay that was cancelled before nights were
-- kept. What a night comes to is computed from the quote, which every reservation keeps.
alter table reservation.reservation add column kept_until date;
alter table reservation.reservation add constraint nights_kept check (
    kept_until is null
    or (state in ('cancelling', 'cancelled') and kept_until > check_in and kept_until < check_out)
) not valid;
-- `late_penalty_minor` is still written, for processes of the former release; nothing reads it any more.
