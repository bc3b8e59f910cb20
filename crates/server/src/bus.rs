//! Wake-ups inside one process: who appended says what changed, who reads learns that there is
//! something to read.
//!
//! A wake-up carries no data and several of one topic are one, so that a subscriber costs as much
//! memory as it has topics, however slow it is and however much happens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use folkmoot_delivery::Wake;
use tokio::sync::Notify;

/// All subscriptions of this process.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    subscribers: Mutex<BTreeMap<Wake, Vec<Weak<Signal>>>>,
}

/// What one subscriber has not looked at yet.
#[derive(Debug, Default)]
struct Signal {
    woken: Mutex<BTreeSet<Wake>>,
    notify: Notify,
}

/// One reader's subscriptions, which end with it. The reader bounds their number.
#[derive(Debug)]
pub(crate) struct Subscriber {
    bus: Arc<Bus>,
    signal: Arc<Signal>,
    topics: BTreeSet<Wake>,
    /// Returned last: the topics take turns.
    last: Option<Wake>,
}

impl Bus {
    /// Wakes the subscribers of a topic.
    pub(crate) fn wake(&self, topic: &Wake) {
        let subscribers = lock(&self.subscribers);
        for signal in subscribers
            .get(topic)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
        {
            lock(&signal.woken).insert(topic.clone());
            signal.notify.notify_one();
        }
    }

    /// A subscriber without topics.
    pub(crate) fn subscriber(self: &Arc<Self>) -> Subscriber {
        Subscriber {
            bus: Arc::clone(self),
            signal: Arc::default(),
            topics: BTreeSet::new(),
            last: None,
        }
    }
}

impl Subscriber {
    /// Adds a topic, which counts as woken at once: what came before is to be read. Adding it
    /// again wakes it again.
    pub(crate) fn subscribe(&mut self, topic: Wake) {
        if self.topics.insert(topic.clone()) {
            let mut subscribers = lock(&self.bus.subscribers);
            let signals = subscribers.entry(topic.clone()).or_default();
            signals.push(Arc::downgrade(&self.signal));
        }
        lock(&self.signal.woken).insert(topic);
        self.signal.notify.notify_one();
    }

    /// Takes a topic away.
    pub(crate) fn unsubscribe(&mut self, topic: &Wake) {
        if self.topics.remove(topic) {
            self.forget(topic);
            lock(&self.signal.woken).remove(topic);
        }
    }

    /// Waits for a topic that was woken since it was last returned. May be dropped while waiting.
    pub(crate) async fn woken(&mut self) -> Wake {
        loop {
            if let Some(topic) = self.take_turn() {
                return topic;
            }
            // A wake-up since then has left a permit, so that this returns at once.
            self.signal.notify.notified().await;
        }
    }

    fn take_turn(&mut self) -> Option<Wake> {
        let mut woken = lock(&self.signal.woken);
        let later = match &self.last {
            Some(last) => woken.range((Excluded(last), Unbounded)).next(),
            None => None,
        };
        let topic = later.or_else(|| woken.first())?.clone();
        woken.remove(&topic);
        drop(woken);
        self.last = Some(topic.clone());
        Some(topic)
    }

    fn forget(&self, topic: &Wake) {
        let mut subscribers = lock(&self.bus.subscribers);
        if let Some(signals) = subscribers.get_mut(topic) {
            signals.retain(|signal| !std::ptr::eq(signal.as_ptr(), Arc::as_ptr(&self.signal)));
            if signals.is_empty() {
                subscribers.remove(topic);
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        for topic in &self.topics {
            self.forget(topic);
        }
    }
}

/// Nothing that runs under these locks can leave the maps half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn inbox(device: &str) -> Wake {
        Wake::Inbox(
            format!("mimi://localhost/d/{device}/phone")
                .parse()
                .unwrap(),
        )
    }

    #[tokio::test]
    async fn a_wake_up_is_never_lost_and_never_doubled() {
        let bus = Arc::new(Bus::default());
        let mut subscriber = bus.subscriber();
        subscriber.subscribe(inbox("alice"));
        assert_eq!(
            subscriber.woken().await,
            inbox("alice"),
            "what came before is to be read"
        );
        assert_eq!(subscriber.woken().now_or_never(), None);

        for _ in 0..1000 {
            bus.wake(&inbox("alice"));
        }
        bus.wake(&inbox("bob"));
        assert_eq!(subscriber.woken().await, inbox("alice"));
        assert_eq!(
            subscriber.woken().now_or_never(),
            None,
            "nobody asked for Bob's"
        );

        let mut waiting = Box::pin(subscriber.woken());
        assert_eq!(waiting.as_mut().now_or_never(), None);
        bus.wake(&inbox("alice"));
        assert_eq!(waiting.await, inbox("alice"));
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_loses_nothing() {
        let bus = Arc::new(Bus::default());
        let mut subscriber = bus.subscriber();
        subscriber.subscribe(inbox("alice"));
        subscriber.woken().await;
        let mut abandoned = Box::pin(subscriber.woken());
        assert_eq!(abandoned.as_mut().now_or_never(), None);
        bus.wake(&inbox("alice"));
        drop(abandoned);
        assert_eq!(subscriber.woken().now_or_never(), Some(inbox("alice")));
    }

    #[tokio::test]
    async fn topics_take_turns() {
        let bus = Arc::new(Bus::default());
        let mut subscriber = bus.subscriber();
        subscriber.subscribe(inbox("alice"));
        subscriber.subscribe(inbox("bob"));
        for expected in ["alice", "bob", "alice", "bob"] {
            let topic = subscriber.woken().await;
            assert_eq!(
                topic,
                inbox(expected),
                "a busy topic does not hide the others"
            );
            bus.wake(&topic);
        }
    }

    #[test]
    fn nothing_stays_behind() {
        let bus = Arc::new(Bus::default());
        let (mut first, mut second) = (bus.subscriber(), bus.subscriber());
        first.subscribe(inbox("alice"));
        first.subscribe(inbox("bob"));
        second.subscribe(inbox("alice"));
        second.unsubscribe(&inbox("alice"));
        assert_eq!(second.woken().now_or_never(), None);
        assert_eq!(lock(&bus.subscribers).len(), 2);
        drop(first);
        assert!(lock(&bus.subscribers).is_empty());
    }
}
