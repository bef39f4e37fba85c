-- A key is claimed at a hotel: the same key at another hotel is another key, so that a hotel's bookings can be moved with
-- their keys. For this release the index of before stands too, because processes of the former release look for a key
-- by it and take what they find for the only one; the next release drops it, and nothing else changes then.
create unique index key_names_one_booking_of_its_hotel on reservation.reservation (hotel_id, client, key)
    where client is not null;
