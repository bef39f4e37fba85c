//! What tasks and a shutdown promise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::testing::soon;

#[tokio::test]
async fn a_shutdown_waits_for_loops_and_for_work_that_is_under_way() {
    let tasks = Tasks::new();
    let ended: [Arc<AtomicBool>; 2] = std::array::from_fn(|_| Arc::default());
    let (running, at_end) = (tasks.clone(), Arc::clone(&ended[0]));
    tasks.spawn("loop", async move {
        while running.pause(Duration::from_millis(1)).await {}
        tokio::time::sleep(Duration::from_millis(50)).await;
        at_end.store(true, Ordering::SeqCst);
    });
    let at_end = Arc::clone(&ended[1]);
    let work = tasks.spawn_work(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        at_end.store(true, Ordering::SeqCst);
        7
    });
    assert!(!tasks.is_stopping());
    tasks.stop();
    soon("the stop is told", tasks.stopping()).await;
    assert!(tasks.is_stopping() && tasks.stop_token().is_cancelled());
    assert!(soon("all ends", tasks.drained()).await);
    assert!(
        ended.iter().all(|ended| ended.load(Ordering::SeqCst)),
        "nobody was left behind"
    );
    assert_eq!(work.await.unwrap(), 7);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever_and_says_so() {
    let tasks = Tasks::new();
    tasks.spawn("deaf", std::future::pending());
    tasks.stop();
    assert!(
        !soon(
            "the patience ends",
            tasks.drained_within(Duration::from_millis(50))
        )
        .await
    );
}

#[tokio::test]
async fn a_loop_that_dies_stops_the_process_and_it_says_that_it_failed() {
    let tasks = Tasks::new();
    let running = tasks.clone();
    tasks.spawn("other", async move { running.stopping().await });
    tasks.spawn("dies", async { panic!("planted") });
    soon("the process stops", tasks.stopping()).await;
    assert!(!soon("all ends", tasks.drained()).await, "the exit code says it");
}

#[tokio::test]
async fn work_that_panics_is_its_own_affair() {
    let tasks = Tasks::new();
    let work = tasks.spawn_work(async { panic!("planted") });
    assert!(work.await.is_err());
    assert!(!tasks.is_stopping());
    tasks.stop();
    assert!(soon("all ends", tasks.drained()).await);
}

#[tokio::test]
async fn a_pause_is_as_long_as_it_is_unless_the_process_stops() {
    let tasks = Tasks::new();
    let began = std::time::Instant::now();
    assert!(tasks.pause(Duration::from_millis(30)).await);
    assert!(began.elapsed() >= Duration::from_millis(30));
    let stopping = async { tasks.stop() };
    let (go_on, ()) = soon("the pause ends", async {
        tokio::join!(tasks.pause(Duration::MAX), stopping)
    })
    .await;
    assert!(!go_on);
    assert!(!tasks.pause(Duration::ZERO).await || tasks.is_stopping());
}
