-- What the relay remembers. The position in the write-ahead log itself is kept by Postgres, in the slot.

-- One row, written again and again while the relay streams. It travels like any change, so whoever reads
-- the changes knows how fresh they are, and the slot moves on while nothing else happens.
create table relay.heartbeat (
    id integer primary key check (id = 1),
    at timestamptz not null check (at >= '2000-01-01' and at < '2200-01-01')
) with (fillfactor = 50);

-- Whether everything that was there before the slot has been published. Set to `snapshotting` before the
-- slot is made, so that a crash at any moment after that repeats the snapshot.
create table relay.position (
    slot text primary key,
    state text not null check (state in ('snapshotting', 'streaming')),
    began_at timestamptz not null default now() check (began_at >= '2000-01-01' and began_at < '2200-01-01'),
    snapshot_done_at timestamptz check (snapshot_done_at >= '2000-01-01' and snapshot_done_at < '2200-01-01'),
    check (state = 'snapshotting' or snapshot_done_at is not null)
);
