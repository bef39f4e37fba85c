-- Holds of stays that ended before this date, released, expired or sold, may have been removed. One row, from the
-- first removal on: the counters of such nights are at least the sums of the holds that are left.
create table inventory.retention (
    only_one boolean primary key default true check (only_one),
    stays_before date not null check (stays_before >= '2000-01-01' and stays_before < '2200-01-01')
);

-- Holds that may go, longest over first. A release that came before its hold has no stay and comes last.
create index hold_over on inventory.hold (check_out) where state <> 'held';
