//! Rounds in the tables: a refusal is kept as it was said, and what a newer round takes lives anew.

use contract::command::InventoryCommand;
use contract::{CommandEnvelope, HoldId, HotelId, RoomTypeId};
use sqlx::{Executor as _, PgPool};

use crate::expiry::expire_due;
use crate::fixtures::*;

const TTL: u32 = 900;

fn of(round: u32, mut command: CommandEnvelope<InventoryCommand>) -> CommandEnvelope<InventoryCommand> {
    command.round = round;
    command
}

async fn codes(pool: &PgPool, commands: Vec<CommandEnvelope<InventoryCommand>>) -> Vec<String> {
    let told = settled(pool, commands, TTL).await;
    told.iter().map(|outcome| code(outcome).to_owned()).collect()
}

#[sqlx::test(migrations = false)]
async fn a_refused_hold_is_kept_with_its_answer_and_a_newer_round_takes_its_place(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, room_type, from, 3, 1).await;
    let [first, second] = [HoldId::new(), HoldId::new()];
    let ask = |id| hold(hotel, room_type, id, stay(from, 2), 1);
    assert_eq!(codes(&pool, vec![ask(first)]).await, ["done"]);
    let told = settled(&pool, vec![ask(second)], TTL).await;
    assert_eq!(codes(&pool, vec![release(hotel, first)]).await, ["done"]);
    // The room is free, the inbox has forgotten: the answer is the same to the last letter.
    assert_eq!(settled(&pool, vec![ask(second)], TTL).await, told);
    assert!(format!("{told:?}").contains(&from.to_string()), "{told:?}");
    assert_eq!(
        codes(&pool, vec![of(2, ask(second)), of(2, book(hotel, second))]).await,
        ["done", "done"]
    );
    // Late words of the first round change nothing.
    assert_eq!(codes(&pool, vec![release(hotel, second)]).await, ["done"]);
    let (nights, holds) = books(&pool, hotel).await;
    assert!(nights[0].contains(" 0/1/1 "), "{nights:?}");
    let states: Vec<_> = holds.iter().filter_map(|hold| hold.rsplit(' ').next()).collect();
    assert_eq!(states, ["released", "sold"]);
    assert_books_balance(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn what_a_newer_round_takes_lives_as_long_as_any_other(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, room_type, from, 3, 3).await;
    let [expired, forbidden, both_at_once] = [HoldId::new(), HoldId::new(), HoldId::new()];
    let ask = |id| hold(hotel, room_type, id, stay(from, 2), 1);
    settled(
        &pool,
        vec![ask(expired), ask(both_at_once), release(hotel, forbidden)],
        TTL,
    )
    .await;
    pool.execute(
        "update inventory.hold set expires_at = now() - interval '1 second' where expires_at is not null",
    )
    .await
    .unwrap();
    assert_eq!(expire_due(&pool).await.unwrap(), 2);
    let again = vec![
        of(2, ask(expired)),
        of(2, ask(forbidden)),
        of(2, ask(both_at_once)),
        of(2, release(hotel, both_at_once)),
    ];
    assert_eq!(codes(&pool, again).await, ["done"; 4]);
    assert_eq!(expire_due(&pool).await.unwrap(), 0, "they are new");
    let (nights, holds) = books(&pool, hotel).await;
    assert!(nights[0].contains(" 2/0/3 "), "{nights:?}");
    let states: Vec<_> = holds.iter().filter_map(|hold| hold.rsplit(' ').next()).collect();
    assert_eq!(states, ["held", "held", "released"]);
    assert_books_balance(&pool).await;
}
