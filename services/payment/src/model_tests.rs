//! Whatever is asked of a payment, in whatever order, and whatever the provider answers.

use contract::{HotelId, Money, PaymentId, ReservationId, SagaId};
use proptest::prelude::*;

use crate::model::{Asks, Call, Ending, Kind, Moved, Payment, Plan, State, Terms, payment_of_key, plan};

pub(crate) fn payment(minor: Option<i64>) -> Payment {
    let terms = minor.map(|minor| Terms {
        reservation_id: ReservationId::new(),
        amount: eur(minor),
        payment_method: "pm_ok".to_owned(),
    });
    Payment {
        hotel_id: HotelId::new(),
        payment_id: PaymentId::new(),
        state: if terms.is_some() {
            State::New
        } else {
            State::Voided
        },
        round: 1,
        terms,
        authorization_id: None,
        captured_minor: 0,
        refunded_minor: 0,
    }
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::from_minor(minor, "EUR".parse().unwrap()).unwrap()
}

/// What the provider holds.
#[derive(Default)]
struct Provider {
    open: bool,
    net: i64,
    captures: u32,
}

impl Provider {
    fn does(&mut self, call: &Call) {
        match call {
            Call::Authorize { .. } => self.open = true,
            Call::Capture { amount, .. } => {
                assert!(self.open, "only what is reserved is taken");
                self.open = false;
                self.net += amount.minor();
                self.captures += 1;
            }
            Call::Void { .. } => self.open = false,
            Call::Refund { amount, .. } => self.net -= amount.minor(),
        }
    }
}

fn kinds() -> impl Strategy<Value = (Kind, i64, bool)> {
    let kind = prop::sample::select(vec![Kind::Authorize, Kind::Capture, Kind::Void, Kind::Refund]);
    (kind, 0_i64..200, prop::bool::weighted(0.8))
}

proptest! {
    #[test]
    fn money_is_taken_at_most_once_and_a_void_leaves_nothing(
        minor in prop::option::weighted(0.9, 0_i64..200),
        asked in prop::collection::vec(kinds(), 1..12),
    ) {
        let mut payment = payment(minor);
        let mut provider = Provider::default();
        let mut booked = 0_i64;
        let mut voided = false;
        for (kind, amount, agrees) in asked {
            let (ending, effect) = match plan(&payment, kind, 1, (kind == Kind::Refund).then(|| eur(amount))).plan {
                Plan::Settled(ending, effect) => (ending, effect),
                Plan::Call(call) => {
                    prop_assert!(!voided, "after a void nothing is asked of the provider");
                    match call.conclude(agrees, Some("auth_1".to_owned())) {
                        Some(end) => {
                            if agrees {
                                provider.does(&call);
                            }
                            end
                        }
                        None => continue,
                    }
                }
            };
            let (next, moved) = payment.after(&effect, 1).unwrap();
            payment = next;
            booked += match moved {
                Some(Moved::Captured(amount)) => amount.minor(),
                Some(Moved::Refunded(amount)) => -amount.minor(),
                None => 0,
            };
            if kind == Kind::Void {
                prop_assert_eq!(ending, Ending::Done, "a void is never refused");
                voided = true;
            }
            if matches!(kind, Kind::Refund) {
                prop_assert_eq!(ending, Ending::Done);
            }
            prop_assert_eq!(booked, provider.net);
            prop_assert!(booked >= 0);
            prop_assert!(provider.captures <= 1);
            prop_assert!(payment.refunded_minor <= payment.captured_minor);
            prop_assert!(payment.captured_minor <= minor.unwrap_or(0));
            if voided {
                prop_assert!(!provider.open);
                prop_assert_eq!(provider.net, 0);
            }
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer_again(minor in 0_i64..200, agrees: bool) {
        let first = payment(Some(minor));
        let mut payment = first;
        for kind in [Kind::Authorize, Kind::Capture] {
            let settle = |payment: &Payment| match plan(payment, kind, 1, None).plan {
                Plan::Settled(ending, effect) => (ending, effect),
                Plan::Call(call) => call.conclude(agrees, Some("auth_1".to_owned())).unwrap(),
            };
            let (ending, effect) = settle(&payment);
            payment = payment.after(&effect, 1).unwrap().0;
            let (again, effect) = settle(&payment);
            prop_assert_eq!(ending, again);
            prop_assert_eq!(&payment.after(&effect, 1).unwrap().0, &payment);
        }
    }
}

#[test]
fn a_key_is_the_same_for_each_repeat_and_names_its_payment() {
    let payment = payment(Some(100));
    let asks = |cause| Asks { cause, round: 1 };
    let (one, other) = (asks(SagaId::new()), asks(SagaId::new()));
    let void = Call::Void {
        authorization_id: "a".to_owned(),
    };
    assert_eq!(void.key(&payment, one), void.key(&payment, other));
    let refund = Call::Refund {
        authorization_id: "a".to_owned(),
        amount: eur(1),
        all: false,
    };
    assert_ne!(refund.key(&payment, one), refund.key(&payment, other));
    for call in [void, refund] {
        let key = call.key(&payment, one);
        assert_eq!(payment_of_key(&key), Some((payment.hotel_id, payment.payment_id)));
    }
    assert_eq!(payment_of_key("../../x"), None);
}

#[test]
fn a_refund_is_never_more_than_what_is_left() {
    let mut payment = payment(Some(100));
    payment.state = State::Captured;
    payment.authorization_id = Some("a".to_owned());
    (payment.captured_minor, payment.refunded_minor) = (100, 70);
    let planned = plan(&payment, Kind::Refund, 1, Some(eur(50)));
    assert_eq!(planned.incident, Some("refund_exceeds_capture"));
    let Plan::Call(Call::Refund { amount, .. }) = planned.plan else {
        panic!("a refund is called for");
    };
    assert_eq!(amount, eur(30));
}
