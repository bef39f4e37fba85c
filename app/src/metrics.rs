//! The buckets of histograms that do not observe seconds of everyday length.

/// Upper bounds, by the metric's name. A saga waits for people and providers, so it takes from milliseconds to the
/// hour after which somebody has looked; a batch has at most 500 messages.
pub(crate) const BUCKETS: [(&str, &[f64]); 2] = [
    (
        "bellhop_saga_seconds",
        &[
            0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0,
        ],
    ),
    (
        "bellhop_batch_messages",
        &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0],
    ),
];
