//! How long is waited before a command is sent again: bounded, and spread evenly around what is declared.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_fixed_wait_stays_and_a_doubling_one_grows_to_its_bound() {
    let waits =
        |resend: Resend| [0, 1, 2, 3, 4, 5, 17, u32::MAX].map(|sendings| resend.after(sendings).as_secs());
    assert_eq!(waits(fixed(3 * SECOND)), [3; 8]);
    assert_eq!(
        waits(doubling(5 * SECOND, 60 * SECOND)),
        [5, 5, 10, 20, 40, 60, 60, 60]
    );
    assert_eq!(waits(Resend::USUAL), waits(doubling(5 * SECOND, 60 * SECOND)));
}

#[test]
#[should_panic(expected = "shorter than the first")]
fn a_bound_below_the_first_wait_is_not_accepted() {
    doubling(2 * SECOND, SECOND);
}

proptest! {
    /// Within a fifth, the same each time, and no sooner than what the timer is prepared for.
    #[test]
    fn a_run_waits_at_most_a_fifth_more_or_less(run: u128, sendings in 1_u32..100, first_ms in 1_u64..100_000) {
        let run = SagaId::from_uuid(uuid::Uuid::from_u128(run));
        let wait = Duration::from_millis(first_ms);
        let resend = fixed(wait);
        let spread_by = |step| spread(resend.after(sendings), run, step, sendings);
        let waits = spread_by("hold-rooms");
        prop_assert_eq!(waits, spread_by("hold-rooms"));
        prop_assert!(wait * 4 <= waits * 5 && waits * 5 <= wait * 6, "{:?} of {:?}", waits, wait);
        prop_assert!(waits >= resend.soonest());
    }

    /// Runs that began together, the steps of one run, and the sendings of one step are spread over all of the range, around
    /// what is declared.
    #[test]
    fn waits_are_spread_evenly(seed: u64, other in 1_u32..1_000) {
        let run = |number: u32| SagaId::from_uuid(uuid::Uuid::from_u64_pair(seed, u64::from(number)));
        let wait = Duration::from_secs(1_000);
        let of_runs = (0..500).map(|number| spread(wait, run(number), "hold-rooms", 1));
        let of_sendings = (0..500).map(|sending| spread(wait, run(other), "hold-rooms", sending));
        let of_steps = (0..500).map(|step| spread(wait, run(other), &format!("step-{step}"), 1));
        for waits in [of_runs.collect(), of_sendings.collect(), of_steps.collect::<Vec<_>>()] {
            let mean = waits.iter().sum::<Duration>().as_secs() / 500;
            prop_assert!((970..=1_030).contains(&mean), "{}", mean);
            let different: BTreeSet<_> = waits.iter().collect();
            prop_assert!(different.len() > 200, "{}", different.len());
            prop_assert!(waits.iter().any(|wait| wait.as_secs() < 820));
            prop_assert!(waits.iter().any(|wait| wait.as_secs() > 1_180));
        }
    }
}
