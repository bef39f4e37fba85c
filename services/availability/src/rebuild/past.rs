//! Nights that are past leave the cache: first a room type's dated keys, then the packed strings of which no day is
//! left. A string with days to come keeps its past ones, which cost nothing: it has its length anyway.
//!
//! What an audit or a dispute needs of past nights stands in the tables; nothing that can be asked of the cache is
//! about a night that is over everywhere on earth.

use contract::{HotelId, StayDate};

use super::compare::List;
use super::{RebuildError, Rebuilder};
use crate::layout::{CHUNK_DAYS, place};

/// Strings before the present one that are looked for: seven years.
const CHUNKS_BACK: i32 = 5;

impl Rebuilder {
    /// The first day that stays: somewhere on earth it may still be yesterday, so that at least yesterday does.
    pub(super) fn first_kept(&self) -> i32 {
        let today = self.clock.now().date_naive().to_epoch_days();
        today - i32::try_from(self.past_days.max(1)).unwrap_or(i32::MAX / 2)
    }

    /// Removes the past nights of a hotel, a string's days at a time. Answers how many keys went.
    pub(super) async fn remove_past(&self, hotel: HotelId, lists: &[List]) -> Result<u64, RebuildError> {
        let kept = self.first_kept();
        let (last, _) = place(kept);
        let layout = self.cache.layout();
        let chunks = last - CHUNKS_BACK..=last;
        let strings: Vec<(List, i32, String)> = lists
            .iter()
            .flat_map(|list| chunks.clone().map(move |chunk| (*list, chunk)))
            .map(|(list, chunk)| (list, chunk, layout.packed(hotel, list.0, list.1, chunk)))
            .collect();
        let keys: Vec<&str> = strings.iter().map(|(.., key)| key.as_str()).collect();
        let there = self.cache.exist(&keys).await?;
        let mut removed = 0;
        for ((list, chunk, key), _) in strings.iter().zip(there).filter(|(_, there)| *there) {
            let begin = chunk * CHUNK_DAYS;
            let end = kept.min(begin + CHUNK_DAYS);
            let mut gone = Vec::new();
            if list.1.is_none() {
                let nights = (begin..end).filter_map(|day| StayDate::from_days_since_1970(day).ok());
                gone.extend(nights.map(|night| layout.dated(hotel, list.0, night)));
            }
            removed += self.cache.remove(&gone).await?;
            // After its dated keys, so that who is interrupted finds them again.
            if begin + CHUNK_DAYS <= kept {
                removed += self.cache.remove(std::slice::from_ref(key)).await?;
            }
        }
        metrics::counter!("bellhop_cache_past_keys_removed_total").increment(removed);
        Ok(removed)
    }
}
