//! Rounds against a real provider: what was declined or voided is authorised again, and captured once.

use contract::command::PaymentCommand;
use contract::{CommandEnvelope, Outcome};
use sqlx::PgPool;

use super::ended;
use super::world::{Booking, World};

fn of(round: u32, mut envelope: CommandEnvelope<PaymentCommand>) -> CommandEnvelope<PaymentCommand> {
    envelope.round = round;
    envelope
}

#[sqlx::test(migrations = false)]
async fn what_was_declined_or_voided_is_authorised_again_and_captured_once(pool: PgPool) {
    let world = World::new(pool).await;
    for token in ["pm_ok", "pm_declined", "pm_lost_reply"] {
        let booking = Booking::new();
        let declined = (token == "pm_declined").then_some("payment_declined");
        let wanted = declined.map_or(Ok(()), Err);
        for round in [1, 2] {
            let authorize = of(round, booking.authorize(token, "129.00"));
            assert_eq!(ended(&world.outcome(authorize).await), wanted, "{token} {round}");
            let void = of(round, booking.void());
            assert_eq!(world.outcome(void).await, Outcome::Done, "{token} {round}");
        }
        // What an older round asked is answered as it ended.
        let mut again = of(1, booking.authorize(token, "129.00"));
        again.attempt = 2;
        assert_eq!(ended(&world.outcome(again).await), wanted, "{token}");
        let last = of(3, booking.authorize(token, "129.00"));
        assert_eq!(ended(&world.outcome(last).await), wanted, "{token}");
        let late = of(2, booking.capture());
        assert_eq!(
            ended(&world.outcome(late).await),
            Err("capture_declined"),
            "{token}"
        );
        let capture = world.outcome(of(3, booking.capture())).await;
        let wanted = if declined.is_some() {
            Err("capture_declined")
        } else {
            Ok(())
        };
        assert_eq!(ended(&capture), wanted, "{token}");
        // A void of a round that is over takes nothing back.
        let mut void = of(2, booking.void());
        void.attempt = 2;
        assert_eq!(world.outcome(void).await, Outcome::Done, "{token}");
    }
    let captures = "select count(*) from payment.movement";
    assert_eq!(world.count(captures).await, 2);
    let rounds = "select count(distinct (round, kind)) from payment.operation";
    assert_eq!(world.count(rounds).await, 3 + 2 + 2, "each round has its own");
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn a_payment_that_was_voided_before_it_was_authorised_begins_in_a_newer_round(pool: PgPool) {
    let world = World::new(pool).await;
    let booking = Booking::new();
    assert_eq!(world.outcome(booking.void()).await, Outcome::Done);
    let late = world.outcome(booking.authorize("pm_ok", "129.00")).await;
    assert_eq!(ended(&late), Err("payment_voided"));
    // The undo of the second round comes first as well.
    assert_eq!(world.outcome(of(2, booking.void())).await, Outcome::Done);
    let late = world.outcome(of(2, booking.authorize("pm_ok", "129.00"))).await;
    assert_eq!(ended(&late), Err("payment_voided"));
    let batch = vec![
        of(3, booking.authorize("pm_ok", "129.00")),
        of(3, booking.capture()),
    ];
    world.send(batch.clone()).await;
    for envelope in &batch {
        assert_eq!(world.replied(envelope).await, Outcome::Done);
    }
    // The guest cancels: another run, whose rounds are its own, and which gives back once.
    let cancellation = booking.again();
    for round in [1, 2] {
        let refund = of(round, cancellation.refund("29.00"));
        assert_eq!(world.outcome(refund).await, Outcome::Done);
    }
    let left = "select sum(amount_minor)::bigint from payment.movement";
    assert_eq!(world.count(left).await, 10_000);
    world.check_ledgers().await;
}
