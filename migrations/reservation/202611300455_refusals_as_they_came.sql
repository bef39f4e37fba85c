-- The refusal as it came, byte for byte: a word of a newer release has a class and members that the three columns
-- beside it cannot hold. Null where a process of the former release wrote it, which knows the three alone; they are
-- still written, for those processes and for everybody who reads the table by SQL.
alter table reservation.reservation add column refusal json;
