//! How availability is laid out in Redis. Pure: names of keys and forms of values.
//!
//! | Key | Value |
//! |---|---|
//! | `{hotel}:room_type:YYYY-MM-DD` | public: rooms left in that night, a decimal number |
//! | `{hotel}:n:room_type:chunk` | packed nights: 12 bytes each, version and rooms left |
//! | `{hotel}:p:room_type:rate_plan:chunk` | packed nights: 16 bytes each, version and price in minor units |
//! | `{hotel}:c` | hash, the catalogue: one versioned fact per field, beside `rev` and `warm` |
//! | `freshness` | up to where in the write-ahead log the cache has applied changes, and when that was |
//! | `{hotel}:look:…`, `{generation}:filling:…` | that the cache was not emptied since somebody began to compare it |
//! | `generation`, `rebuilding` | that the cache was filled once, and who fills it now |
//! | `unfilled` | hash, the hotels that could not be filled: when, how often and why |
//!
//! The braces around the hotel are Redis Cluster's hash tag: all keys of a hotel live on one node, so
//! that one script call may write several of them. A reader of the public key builds it the same way:
//! braces, the hotel's id, closing brace, room type, night. Every key carries the configured prefix.
//!
//! A packed string holds [`CHUNK_DAYS`] days, so one GETRANGE reads all nights of a stay (two where it
//! crosses the border of a chunk). Each entry begins with the [`Version`] of the change that it shows,
//! big-endian; then the value with its highest bit set, or zero when the row does not exist. Thus a
//! deleted row keeps its version, and a night never written is version 0.

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate, Version};

/// Days in one packed string.
pub const CHUNK_DAYS: i32 = 512;

/// A value that a change has given, with the version of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// Of the change; [`Version::NONE`] when no change is known.
    pub version: Version,
    /// The value; none for a row that does not exist.
    pub value: Option<u64>,
}

/// The form of packed entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Rooms left: version and 32 bits.
    Rooms,
    /// Prices: version and 64 bits.
    Prices,
}

impl Form {
    /// Bytes of one entry.
    pub const fn width(self) -> usize {
        match self {
            Self::Rooms => 12,
            Self::Prices => 16,
        }
    }

    /// The entry's bytes. A value too large for the form is written as the largest there is.
    pub fn encode(self, entry: Entry) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.width());
        bytes.extend_from_slice(&entry.version.bits().to_be_bytes());
        match self {
            Self::Rooms => {
                let value = entry.value.map_or(0, |value| {
                    (1 << 31) | u32::try_from(value).unwrap_or(u32::MAX).min((1 << 31) - 1)
                });
                bytes.extend_from_slice(&value.to_be_bytes());
            }
            Self::Prices => {
                let value = entry
                    .value
                    .map_or(0, |value| (1 << 63) | value.min((1 << 63) - 1));
                bytes.extend_from_slice(&value.to_be_bytes());
            }
        }
        bytes
    }

    /// The entries of `days` days from the bytes that GETRANGE gave, which end early where nothing was
    /// ever written.
    pub fn decode(self, bytes: &[u8], days: usize) -> impl Iterator<Item = Entry> {
        (0..days).map(move |day| {
            let from = day * self.width();
            let piece = bytes.get(from..from + self.width()).unwrap_or_default();
            self.decode_one(piece)
        })
    }

    fn decode_one(self, bytes: &[u8]) -> Entry {
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
        };
        if bytes.len() != self.width() {
            return Entry::default();
        }
        let (version, value) = bytes.split_at(8);
        let (present, bits) = match self {
            Self::Rooms => (1 << 31, number(value)),
            Self::Prices => (1 << 63, number(value)),
        };
        Entry {
            version: Version::from_bits(number(version)),
            value: (bits & present != 0).then_some(bits & !present),
        }
    }
}

/// Days on end, in days since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: i32,
    /// The day after the last.
    pub to: i32,
}

impl Days {
    /// The days from `from` up to but without `to`.
    pub fn between(from: StayDate, to: StayDate) -> Self {
        Self {
            from: from.days_since_1970(),
            to: to.days_since_1970(),
        }
    }

    /// How many.
    pub fn count(self) -> usize {
        usize::try_from(self.to - self.from).unwrap_or(0)
    }

    /// Whether all of `other` is in here.
    pub fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The pieces of these days, chunk by chunk.
    pub fn spans(self) -> impl Iterator<Item = Span> {
        // No days are no pieces, wherever they begin.
        let last = self.to.max(self.from) - 1;
        let chunks = self.from.div_euclid(CHUNK_DAYS)..=last.div_euclid(CHUNK_DAYS);
        let chunks = chunks.filter(move |_| self.from < self.to);
        chunks.map(move |chunk| {
            let begin = chunk * CHUNK_DAYS;
            let first = self.from.max(begin) - begin;
            let days = self.to.min(begin + CHUNK_DAYS) - begin - first;
            Span {
                chunk,
                first: index(first),
                days: index(days),
            }
        })
    }
}

/// Days within one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The chunk.
    pub chunk: i32,
    /// The first day, counted from the chunk's beginning.
    pub first: usize,
    /// How many days.
    pub days: usize,
}

/// The chunk of a day and the day's place in it.
pub fn place(day: i32) -> (i32, usize) {
    (day.div_euclid(CHUNK_DAYS), index(day.rem_euclid(CHUNK_DAYS)))
}

fn index(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// The names of the keys.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    prefix: String,
}

impl Layout {
    /// Keys that begin with `prefix`.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The public key of one night's rooms left.
    pub fn dated(&self, hotel: HotelId, room_type: RoomTypeId, night: StayDate) -> String {
        format!("{}{{{hotel}}}:{room_type}:{night}", self.prefix)
    }

    /// The packed nights of a room type.
    pub fn rooms(&self, hotel: HotelId, room_type: RoomTypeId, chunk: i32) -> String {
        format!("{}{{{hotel}}}:n:{room_type}:{chunk}", self.prefix)
    }

    /// The packed prices of a room type in a rate plan.
    pub fn prices(&self, hotel: HotelId, room_type: RoomTypeId, rate_plan: RatePlanId, chunk: i32) -> String {
        format!("{}{{{hotel}}}:p:{room_type}:{rate_plan}:{chunk}", self.prefix)
    }

    /// The packed string of either form.
    pub fn packed(
        &self,
        hotel: HotelId,
        room_type: RoomTypeId,
        rate_plan: Option<RatePlanId>,
        chunk: i32,
    ) -> String {
        match rate_plan {
            None => self.rooms(hotel, room_type, chunk),
            Some(rate_plan) => self.prices(hotel, room_type, rate_plan, chunk),
        }
    }

    /// The catalogue of a hotel.
    pub fn catalogue(&self, hotel: HotelId) -> String {
        format!("{}{{{hotel}}}:c", self.prefix)
    }

    /// How far the cache has come.
    pub fn freshness(&self) -> String {
        format!("{}freshness", self.prefix)
    }

    /// Present once the cache was filled.
    pub fn generation(&self) -> String {
        format!("{}generation", self.prefix)
    }

    /// Present while no comparison of everything with the tables is due; names the Redis that was compared.
    pub fn compared(&self) -> String {
        format!("{}compared", self.prefix)
    }

    /// Present while somebody compares a hotel with the tables, unless the cache is emptied meanwhile.
    pub fn looking(&self, hotel: HotelId, look: &str) -> String {
        format!("{}{{{hotel}}}:look:{look}", self.prefix)
    }

    /// Present while somebody fills the cache, unless it is emptied meanwhile. Beside `generation`, which is
    /// written only while this is there: the braces put both on one node.
    pub fn filling(&self, run: &str) -> String {
        format!("{}{{{}}}:filling:{run}", self.prefix, self.generation())
    }

    /// The hotels that could not be filled.
    pub fn unfilled(&self) -> String {
        format!("{}unfilled", self.prefix)
    }

    /// Written to see whether Redis takes anything.
    pub fn probe(&self) -> String {
        format!("{}probe", self.prefix)
    }

    /// The lock of whoever fills the cache.
    pub fn rebuilding(&self) -> String {
        format!("{}rebuilding", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_public_key_is_hotel_room_type_and_date() {
        let layout = Layout::new("x:");
        let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
        let key = layout.dated(hotel, room_type, "2026-12-24".parse().unwrap());
        assert_eq!(key, format!("x:{{{hotel}}}:{room_type}:2026-12-24"));
    }

    #[test]
    fn no_span_is_empty_where_days_end_with_a_chunk_or_there_are_none() {
        let spans = |from, to| -> Vec<_> {
            let spans = Days { from, to }.spans();
            spans.map(|span| (span.chunk, span.first, span.days)).collect()
        };
        assert_eq!(spans(512, 1_024), [(1, 0, 512)]);
        assert_eq!(spans(511, 1_023), [(0, 511, 1), (1, 0, 511)]);
        for (from, to) in [(5, 5), (512, 512), (5, 4), (512, 511)] {
            assert_eq!(spans(from, to), [], "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_was_written(number: u64, value in prop::option::of(0..(1_u64 << 31)), days in 1..4_usize) {
            for form in [Form::Rooms, Form::Prices] {
                let entry = Entry { version: Version::from_bits(number), value };
                let bytes = form.encode(entry);
                prop_assert_eq!(bytes.len(), form.width());
                let read: Vec<Entry> = form.decode(&bytes, days).collect();
                prop_assert_eq!(read[0], entry);
                prop_assert!(read[1..].iter().all(|entry| *entry == Entry::default()));
            }
        }

        #[test]
        fn spans_are_all_days_once_in_order(from in 10_957..84_000_i32, days in 0..1_200_i32) {
            let range = Days { from, to: from + days };
            let mut next = from;
            for span in range.spans() {
                for offset in 0..span.days {
                    prop_assert_eq!((span.chunk, span.first + offset), place(next));
                    next += 1;
                }
                prop_assert!(span.days > 0);
            }
            prop_assert_eq!(next, range.to);
        }
    }
}
