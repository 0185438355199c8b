use super::*;

async fn drain(schedule: &Schedule) -> Vec<Instant> {
    let mut begun = Vec::new();
    while let Some(at) = schedule.next().await {
        begun.push(at);
    }
    begun
}

#[test]
fn so_many_are_due_after_a_time() {
    assert_eq!(due(Duration::ZERO, 10.0), 1);
    assert_eq!(due(Duration::from_millis(999), 10.0), 10);
    assert_eq!(due(Duration::from_secs(1), 10.0), 10);
    assert_eq!(due(Duration::from_secs(4), 0.5), 2);
}

#[tokio::test]
async fn a_rate_is_held_and_each_request_has_its_time() {
    let schedule = Schedule::begin(Some(Duration::from_millis(500)), None, Some(1000.0));
    let begun = drain(&schedule).await;
    assert_eq!(begun.len(), 500);
    for (number, at) in begun.iter().enumerate() {
        let offset = *at - schedule.begun;
        assert!(
            offset.abs_diff(Duration::from_millis(number as u64)) < Duration::from_micros(1),
            "{number}: {offset:?}"
        );
    }
    let elapsed = schedule.begun.elapsed();
    assert!(elapsed >= Duration::from_millis(500), "{elapsed:?}");
}

#[tokio::test]
async fn a_client_that_is_late_is_told_when_it_should_have_begun() {
    let schedule = Schedule::begin(Some(Duration::from_secs(30)), None, Some(100.0));
    assert!(schedule.next().await.is_some());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let late = schedule.next().await.unwrap();
    assert!(late.elapsed() > Duration::from_millis(150), "it was due 10 ms after the beginning");
}

#[tokio::test]
async fn what_was_due_and_not_sent_is_counted() {
    let schedule = Schedule::begin(Some(Duration::from_millis(100)), None, Some(100.0));
    assert!(schedule.next().await.is_some());
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert!(schedule.next().await.is_none(), "the time is over");
    assert_eq!(schedule.unsent(), 9);
    assert_eq!(schedule.completed(), Some(Duration::from_millis(100)));
}

#[tokio::test]
async fn a_total_ends_it_for_every_client() {
    for rate in [None, Some(10_000.0)] {
        let schedule = Schedule::begin(None, Some(100), rate);
        let (one, other) = tokio::join!(drain(&schedule), drain(&schedule));
        assert_eq!(one.len() + other.len(), 100, "{rate:?}");
        assert_eq!((schedule.unsent(), schedule.completed()), (0, None));
    }
}

#[tokio::test]
async fn a_stop_wakes_who_waits() {
    let schedule = Schedule::begin(None, None, Some(0.01));
    assert!(schedule.next().await.is_some(), "the first is due at once");
    let (next, ()) = tokio::join!(schedule.next(), async { schedule.stop() });
    assert!(next.is_none() && schedule.is_stopped());
}
