//! An observer of a group's public handshakes.

use folkmoot_mls::{
    ContentType, Delta, Group, GroupContext, GroupInfo, MessageBody, MlsMessage, Observer, Settings,
};
use folkmoot_sim::{Memory, Refusal, crypto, services};

/// What an observer makes of a message.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing of a group's public state.
    Nothing,
    /// It took a handshake.
    Taken,
    /// It did not.
    Refused(Refusal),
    /// A handshake that it cannot read.
    Sealed,
}

/// An observer with its records.
#[derive(Debug)]
pub(crate) struct Watcher {
    observer: Observer,
    store: Memory,
}

impl Watcher {
    pub(crate) fn begin(group: &Group, records: &Memory) -> Self {
        let info = group_info(group, records);
        let settings = Settings::default();
        let begun = Observer::begin(crypto(), info, None, settings, services());
        let (observer, delta) = begun.unwrap();
        Self::new(observer, delta)
    }

    pub(crate) fn new(observer: Observer, delta: Delta) -> Self {
        let mut store = Memory::default();
        store.apply(delta);
        Self { observer, store }
    }

    /// Goes on from the records, which say what was in memory.
    pub(crate) fn restart(&mut self) {
        self.check();
        *self = self.copy();
    }

    /// Keeps a GroupInfo for joiners, or not.
    pub(crate) fn publish(&mut self, info: GroupInfo) -> bool {
        let published = self.observer.publish(info, &self.store);
        published.map(|delta| self.store.apply(delta)).is_ok()
    }

    /// The same observer, restored from its records.
    pub(crate) fn copy(&self) -> Self {
        let store = self.store.clone();
        let observer = Observer::load(crypto(), &store, Settings::default()).unwrap();
        Self { observer, store }
    }

    pub(crate) fn context(&self) -> &GroupContext {
        self.observer.context()
    }

    /// Takes a public handshake, or is as it was.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Seen {
        let Ok(message) = MlsMessage::decode(bytes) else {
            return Seen::Nothing;
        };
        match &message.body {
            MessageBody::Public(_) => {}
            MessageBody::Private(sealed) if sealed.content_type != ContentType::Application => {
                return Seen::Sealed;
            }
            _ => return Seen::Nothing,
        }
        let before = self.context().clone();
        let examined = self
            .observer
            .receive(message, services().with_records(&self.store));
        let applied = examined.and_then(|observed| self.observer.apply(observed));
        match applied {
            Ok(delta) => {
                self.store.apply(delta);
                self.check();
                Seen::Taken
            }
            Err(refused) => {
                assert_eq!(*self.context(), before, "a refusal left a trace");
                Seen::Refused(refused.into())
            }
        }
    }

    /// What is in memory is what the records say.
    fn check(&self) {
        let restored = self.copy();
        assert_eq!(restored.context(), self.context());
        assert_eq!(restored.observer.group_info(), self.observer.group_info());
        assert!(
            self.tree() == restored.tree(),
            "records that differ from memory"
        );
    }

    fn tree(&self) -> Vec<u8> {
        self.observer.ratchet_tree(&self.store).unwrap()
    }
}

/// A member's description of its group, with the tree.
pub(crate) fn group_info(group: &Group, records: &Memory) -> GroupInfo {
    let info = group.group_info(true, records).unwrap();
    match info.body {
        MessageBody::GroupInfo(info) => info,
        other => panic!("no GroupInfo: {other:?}"),
    }
}
