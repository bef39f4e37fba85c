-- Which of a reservation's guest links open it: those of this number. Raised, all that were given before open nothing. What
-- the former release writes has the default.
alter table reservation.reservation add column link_no integer not null default 1;
