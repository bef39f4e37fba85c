//! What grouping requests promises.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::*;
use crate::testing::soon;

/// Answers each number with its double, a group only when it is let.
struct Doubles {
    groups: Arc<Mutex<Vec<Vec<u32>>>>,
    turns: Arc<Semaphore>,
}

impl Settle for Doubles {
    type Request = u32;
    type Answer = u32;

    async fn settle(&mut self, group: Vec<u32>) -> Vec<u32> {
        self.turns.acquire().await.unwrap().forget();
        self.groups.lock().unwrap().push(group.clone());
        group.into_iter().map(|number| number * 2).collect()
    }
}

struct Stage {
    tasks: Tasks,
    grouped: Grouped<Doubles>,
    groups: Arc<Mutex<Vec<Vec<u32>>>>,
    turns: Arc<Semaphore>,
}

fn stage(group_max: usize, queue_max: usize) -> Stage {
    let (tasks, groups, turns) = (Tasks::new(), Arc::default(), Arc::new(Semaphore::new(0)));
    let doubles = Doubles {
        groups: Arc::clone(&groups),
        turns: Arc::clone(&turns),
    };
    let grouped = Grouped::start(&tasks, "doubles", doubles, group_max, queue_max);
    Stage {
        tasks,
        grouped,
        groups,
        turns,
    }
}

impl Stage {
    /// Asks, and lets the others go on until they wait: so it is in the queue, or at work.
    async fn ask(&self, number: u32) -> tokio::task::JoinHandle<Result<u32, Busy>> {
        let grouped = self.grouped.clone();
        let asked = self.tasks.spawn_work(async move { grouped.ask(number).await });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        asked
    }
}

#[tokio::test]
async fn each_gets_its_own_answer_and_a_group_has_its_limit() {
    let stage = stage(4, 100);
    let mut asked = HashMap::new();
    for number in 0..11 {
        asked.insert(number, stage.ask(number).await);
    }
    stage.turns.add_permits(100);
    for (number, answer) in asked {
        assert_eq!(soon("an answer", answer).await.unwrap(), Ok(number * 2));
    }
    let groups = stage.groups.lock().unwrap().clone();
    assert!(groups.iter().all(|group| group.len() <= 4), "{groups:?}");
    assert_eq!(
        groups.concat(),
        (0..11).collect::<Vec<_>>(),
        "in the order of asking, once each"
    );
    assert!(
        groups.len() <= 5,
        "what waits together is settled together: {groups:?}"
    );
    stage.tasks.stop();
    assert!(stage.tasks.drained().await);
}

#[tokio::test]
async fn a_group_has_its_limit_also_when_more_come_while_it_is_waited_for() {
    let stage = stage(5, 100);
    stage.turns.add_permits(100);
    // A large group, and at once three more: the next group waits for its time, and in it more come.
    let first: Vec<_> = (0..5).map(|number| stage.grouped.ask(number)).collect();
    futures::future::join_all(first).await;
    let mut asked = Vec::new();
    for number in 5..17 {
        asked.push(stage.ask(number).await);
    }
    for answer in asked {
        soon("an answer", answer).await.unwrap().unwrap();
    }
    let groups = stage.groups.lock().unwrap().clone();
    assert!(groups.iter().all(|group| group.len() <= 5), "{groups:?}");
    assert_eq!(groups.concat(), (0..17).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_too_many_is_refused_at_once_and_the_others_are_not() {
    let stage = stage(1, 2);
    let first = stage.ask(1).await;
    let (second, third) = (stage.ask(2).await, stage.ask(3).await);
    assert_eq!(soon("a refusal", stage.grouped.ask(4)).await, Err(Busy));
    stage.turns.add_permits(10);
    for (asked, wanted) in [(first, 2), (second, 4), (third, 6)] {
        assert_eq!(soon("an answer", asked).await.unwrap(), Ok(wanted));
    }
    assert_eq!(stage.grouped.ask(5).await, Ok(10), "there is room again");
    assert_eq!(stage.groups.lock().unwrap().concat(), [1, 2, 3, 5]);
}

#[tokio::test]
async fn what_was_taken_is_settled_though_nobody_waits_for_it_any_more() {
    let stage = stage(10, 10);
    let gone = stage.ask(1).await;
    gone.abort();
    let _ = gone.await;
    stage.turns.add_permits(10);
    assert_eq!(soon("an answer", stage.grouped.ask(2)).await, Ok(4));
    assert_eq!(stage.groups.lock().unwrap().concat(), [1, 2]);
}

#[tokio::test]
async fn a_stop_settles_what_waits_and_takes_nothing_more() {
    let stage = stage(2, 10);
    let mut asked = Vec::new();
    for number in 1..=5 {
        asked.push((number, stage.ask(number).await));
    }
    stage.tasks.stop();
    stage.turns.add_permits(10);
    for (number, answer) in asked {
        assert_eq!(soon("an answer", answer).await.unwrap(), Ok(number * 2));
    }
    assert!(soon("the loop ends", stage.tasks.drained()).await);
    assert_eq!(soon("a refusal", stage.grouped.ask(6)).await, Err(Busy));
}
