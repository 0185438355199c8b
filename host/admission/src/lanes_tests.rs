use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Work that goes on until it is told to end, and says that it has begun.
struct Held {
    begun: mpsc::Receiver<()>,
    end: mpsc::Sender<()>,
}

fn held() -> (Held, impl FnOnce() + Send + 'static) {
    let ((begin, begun), (end, ended)) = (mpsc::channel(), mpsc::channel::<()>());
    let work = move || {
        begin.send(()).unwrap();
        ended.recv().unwrap();
    };
    (Held { begun, end }, work)
}

fn waiting(lanes: &Lanes) -> usize {
    lanes.0.state().waiting.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_done_once_and_by_so_many_at_a_time() {
    let (lanes, at_work, most) =
        (Arc::new(Lanes::new(3)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let all: Vec<_> = (0..500)
        .map(|number| {
            let (lanes, at_work, most) = (Arc::clone(&lanes), Arc::clone(&at_work), Arc::clone(&most));
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_micros(100));
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    number
                };
                lanes.run(LONG, work).await.unwrap()
            })
        })
        .collect();
    for (number, done) in all.into_iter().enumerate() {
        assert_eq!(done.await.unwrap(), number);
    }
    assert!((2..=3).contains(&most.load(Ordering::SeqCst)), "{most:?} at a time");
    while lanes.0.state().busy > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting(&lanes), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_lane_in_time_is_busy_and_what_was_begun_is_waited_for() {
    let (lanes, soon) = (Arc::new(Lanes::new(1)), Duration::from_millis(50));
    let (held, work) = held();
    let first = tokio::spawn({
        let lanes = Arc::clone(&lanes);
        async move { lanes.run(soon, work).await }
    });
    held.begun.recv().unwrap();
    assert_eq!(lanes.run(soon, || ()).await.unwrap_err(), Cause::Busy);
    assert!(!first.is_finished(), "it was begun in time, and may take as long as it wants");
    held.end.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(waiting(&lanes), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let lanes = Arc::new(Lanes::new(1));
    let (held, work) = held();
    let first = tokio::spawn({
        let lanes = Arc::clone(&lanes);
        async move { lanes.run(LONG, work).await }
    });
    held.begun.recv().unwrap();
    let (begin, begun) = mpsc::channel();
    let given_up = tokio::time::timeout(Duration::from_millis(20), lanes.run(LONG, move || begin.send(()))).await;
    assert!(given_up.is_err());
    assert_eq!(waiting(&lanes), 0);
    held.end.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(begun.recv().is_err(), "it is gone, and never said that it has begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_where_it_is_asked_for_takes_a_lane_and_leaves_it_to_what_waits() {
    let lanes = Arc::new(Lanes::new(1));
    let (sender, waited) = mpsc::channel();
    let done = lanes.run_here(|| {
        assert!(lanes.run_here(|| ()).is_none(), "the only lane is at work");
        let others = Arc::clone(&lanes);
        tokio::spawn(async move { sender.send(others.run(LONG, || 8).await).unwrap() });
        while waiting(&lanes) == 0 {
            thread::yield_now();
        }
        7
    });
    assert_eq!(done, Some(Ok(7)));
    assert_eq!(waited.recv_timeout(LONG).unwrap(), Ok(8));
    while lanes.0.state().busy > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lanes.run_here(|| panic!("a bug")), Some(Err::<(), _>(Cause::Abandoned)));
    assert_eq!(lanes.run_here(|| 9), Some(Ok(9)));
    assert_eq!(lanes.0.state().busy, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_its_own_work_only() {
    let lanes = Lanes::new(1);
    assert_eq!(lanes.run(LONG, || panic!("a bug")).await.map(|()| 0), Err(Cause::Abandoned));
    assert_eq!(lanes.run(LONG, || 7).await, Ok(7));
}

#[test]
fn where_the_runtime_is_gone_nothing_is_begun_and_nothing_hangs() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let _entered = handle.enter();
    let lanes = Lanes::new(1);
    drop(lanes.ask(Box::new(|| unreachable!("there is no thread for it"))));
    assert_eq!(waiting(&lanes), 0);
    assert_eq!(lanes.0.state().busy, 0);
}
