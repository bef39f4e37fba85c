-- Runs that were made before this moment and have ended well may have been removed with their lines. One row, from
-- the first removal on. Whoever misses a run looks here, and a start that comes again so late begins nothing.
create table orchestrator.retention (
    only_one boolean primary key default true check (only_one),
    runs_before timestamptz not null check (runs_before >= '2000-01-01' and runs_before < '2200-01-01')
);
