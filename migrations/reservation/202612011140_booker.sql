-- Whoever booked is the actor whose key it was: a partner sees the bookings alone that it made. Who has no credential is
-- `development`.
comment on column reservation.reservation.client is 'Who booked, as actors are written; the scope of the key. Never removed.';
