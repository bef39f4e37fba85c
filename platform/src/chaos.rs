//! Named points at which a process can be made to die, to prove that it may.
//!
//! Without the feature `failpoints`, which only the proofs' own build has, a point is nothing. With it, the
//! environment variable `FAILPOINTS` says which point kills: `commit.after=3*off->panic` at the fourth hit.

/// Passes a point. `commit.before` and `commit.after` surround each commit, `publish.before` and
/// `publish.after` each record, `provider.before` and `provider.after` each call of a payment provider.
#[inline]
pub fn point(name: &str) {
    #[cfg(feature = "failpoints")]
    fail::fail_point!(name);
    #[cfg(not(feature = "failpoints"))]
    let _ = name;
}

/// Reads `FAILPOINTS`. A point that fails ends the process at once, with nothing flushed and nobody told.
pub fn start() {
    #[cfg(feature = "failpoints")]
    {
        // Kept for as long as the process lives: its end would disarm the points.
        std::mem::forget(fail::FailScenario::setup());
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // At once: what a backtrace takes to be written, other threads would go on.
            if panic
                .payload_as_str()
                .is_some_and(|text| text.starts_with("failpoint "))
            {
                std::process::abort();
            }
            report(panic);
        }));
    }
}
