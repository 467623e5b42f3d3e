//! Tasks that stand aside until those that are ready have run.
//!
//! `tokio::task::yield_now` leaves a task with its thread: nobody else can take it from there, and it
//! is woken when the thread comes to the end of what is ready. A task between that enters a Worker keeps
//! it for as long as the turn takes, unless V8 looks at interrupts. So who stands aside here leaves its
//! waker where others find it, and the watchdog calls all of them to other threads when a turn is long.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

/// Who stands aside now, by number: at most one for each connection from Envoy and for each Worker's timers.
static ASIDE: Mutex<Aside> = Mutex::new(Aside { last: 0, wakers: Vec::new() });

struct Aside {
    last: u64,
    wakers: Vec<(u64, Waker)>,
}

/// Lets the tasks that are ready go first.
pub async fn stand_aside() {
    let mut place = None;
    let mut others = pin!(tokio::task::yield_now());
    poll_fn(|cx| {
        let polled = others.as_mut().poll(cx);
        match polled {
            Poll::Pending => place = Some(Place::take(cx.waker())),
            Poll::Ready(()) => place = None,
        }
        polled
    })
    .await;
}

/// Wakes all that stand aside: they go on on the threads that are free. Not for a thread of the runtime,
/// which would keep them to itself.
pub fn call_back() {
    for (_, waker) in &ASIDE.lock().wakers {
        waker.wake_by_ref();
    }
}

/// An entry of [`ASIDE`], until it is dropped.
struct Place(u64);

impl Place {
    fn take(waker: &Waker) -> Self {
        let mut aside = ASIDE.lock();
        aside.last += 1;
        let number = aside.last;
        aside.wakers.push((number, waker.clone()));
        Self(number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut aside = ASIDE.lock();
        let at = aside.wakers.iter().position(|(number, _)| *number == self.0);
        // Dropped after the lock is free: it may be the last reference to a task.
        let gone = at.map(|at| aside.wakers.swap_remove(at));
        drop(aside);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Goes to the end of the thread's queue, from which idle threads also take.
    async fn queue_up() {
        let mut queued = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut queued, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Whether a task that stands aside goes on while another keeps the thread.
    async fn goes_on_beside_a_busy_one() -> bool {
        let (aside, stands) = mpsc::channel();
        let (went_on, goes_on) = mpsc::channel();
        let busy = tokio::spawn(async move {
            // It is next on this thread.
            tokio::spawn(async move {
                aside.send(()).expect("the other waits");
                stand_aside().await;
                went_on.send(()).expect("the other waits");
            });
            while stands.try_recv().is_err() {
                queue_up().await;
            }
            // What a thread of the runtime wakes is for that thread itself.
            std::thread::spawn(call_back).join().expect("no panic");
            goes_on.recv_timeout(Duration::from_secs(10)).is_ok()
        });
        busy.await.expect("no panic")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_is_called_back_goes_on_elsewhere() {
        // Not each time is it the same thread.
        for _ in 0..100 {
            assert!(goes_on_beside_a_busy_one().await);
        }
        // Other tests' connections stand aside too, but not for long.
        let began = std::time::Instant::now();
        while !ASIDE.lock().wakers.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "somebody stands aside for good");
            tokio::task::yield_now().await;
        }
    }
}
