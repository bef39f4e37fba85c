//! What something was over time, and what it may have been while somebody looked.

/// Values in the order in which they became true.
#[derive(Debug, Clone)]
pub struct Timeline<T>(Vec<(i64, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Two moments, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The earlier.
    pub from_us: i64,
    /// The later.
    pub to_us: i64,
}

impl Window {
    /// How long it is.
    pub const fn length_us(self) -> i64 {
        self.to_us - self.from_us
    }
}

impl<T> Timeline<T> {
    /// From this moment on it is `value`.
    pub fn becomes(&mut self, at_us: i64, value: T) {
        self.0.push((at_us, value));
    }

    /// What it became last.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// When it came to be.
    pub fn began_us(&self) -> Option<i64> {
        self.0.first().map(|(at, _)| *at)
    }

    /// What it was at this moment; none before it came to be.
    pub fn at(&self, moment_us: i64) -> Option<&T> {
        let mut latest_first = self.0.iter().rev();
        latest_first
            .find(|(at, _)| *at <= moment_us)
            .map(|(_, value)| value)
    }

    /// When it changed in the window, its bounds included.
    pub fn changes(&self, window: Window) -> impl Iterator<Item = i64> {
        let moments = self.0.iter().map(|(at, _)| *at);
        moments.filter(move |at| (window.from_us..=window.to_us).contains(at))
    }

    /// Every value that it had at some moment of the window; none for the time before it came to be.
    pub fn during(&self, window: Window) -> impl Iterator<Item = Option<&T>> {
        let before = self.began_us().is_none_or(|began| began >= window.from_us);
        let until = self.0.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
        let values = self.0.iter().zip(until);
        let inside = values.filter(move |((at, _), until)| *at <= window.to_us && *until >= window.from_us);
        before
            .then_some(None)
            .into_iter()
            .chain(inside.map(|((_, value), _)| Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_true_in_between_is_possible_and_nothing_else() {
        let mut it = Timeline::default();
        for (at, value) in [(10, 'a'), (20, 'b'), (30, 'c')] {
            it.becomes(at, value);
        }
        let during = |from_us, to_us| -> Vec<Option<char>> {
            it.during(Window { from_us, to_us })
                .map(Option::<&char>::copied)
                .collect()
        };
        assert_eq!(during(0, 5), [None]);
        assert_eq!(during(12, 18), [Some('a')]);
        assert_eq!(during(12, 25), [Some('a'), Some('b')]);
        assert_eq!(during(5, 12), [None, Some('a')]);
        assert_eq!(during(31, 99), [Some('c')]);
    }
}
