//! What one stream follows: cursors into an inbox and into logs, and the rights to read on.

use std::collections::BTreeMap;
use std::sync::Arc;

use folkmoot_delivery::{Command, Reply, Subscription, Wake};
use folkmoot_protocol::bounds::FOLLOWED_PER_STREAM;
use folkmoot_protocol::{
    Action, GroupId, InboxCursor, Problem, ProblemCode, Sequence, SessionToken, SlotId,
    SlotRequest, StreamEvent, StreamRequest,
};

use crate::bus::Subscriber;
use crate::services::{Services, unexpected};

/// The cursors of one stream.
pub(super) struct Following {
    services: Arc<Services>,
    subscriber: Subscriber,
    inbox: Option<Inbox>,
    groups: BTreeMap<(GroupId, SlotId), Log>,
}

struct Inbox {
    /// Asked again at each read, so that the subscription ends with the session.
    token: SessionToken,
    wake: Wake,
    after: InboxCursor,
}

struct Log {
    subscription: Subscription,
    after: Sequence,
}

impl Following {
    pub(super) fn nothing(services: Arc<Services>) -> Self {
        let subscriber = services.bus().subscriber();
        Self {
            services,
            subscriber,
            inbox: None,
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.inbox.is_none() && self.groups.is_empty()
    }

    /// Waits until there may be something to [`read`](Self::read). May be dropped while waiting.
    pub(super) async fn woken(&mut self) -> Wake {
        self.subscriber.woken().await
    }

    /// Follows something more, or the same from another place; a refusal is an event.
    pub(super) async fn add(&mut self, request: StreamRequest) -> Result<(), StreamEvent> {
        match request {
            StreamRequest::Inbox { token, after } => self
                .add_inbox(token, after)
                .map_err(|problem| refused(None, problem)),
            StreamRequest::Group(request) => {
                let group = request.group;
                let added = self.add_log(*request).await;
                added.map_err(|problem| refused(Some(group), problem))
            }
        }
    }

    /// The next events of what was woken: one page each, and woken again while there are more.
    /// What cannot be read any longer ends with a refusal.
    pub(super) async fn read(&mut self, wake: Wake) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        match &wake {
            Wake::Inbox(_) => {
                if let Err(problem) = self.read_inbox(&mut events).await {
                    self.inbox = None;
                    events.push(refused(None, problem));
                }
            }
            Wake::Group(group) => self.read_logs(*group, &mut events).await,
        }
        if !self.follows(&wake) {
            self.subscriber.unsubscribe(&wake);
        } else if !events.is_empty() {
            self.subscriber.subscribe(wake);
        }
        events
    }

    fn follows(&self, wake: &Wake) -> bool {
        match wake {
            Wake::Inbox(_) => self.inbox.as_ref().is_some_and(|inbox| inbox.wake == *wake),
            Wake::Group(group) => self.slots(*group).next().is_some(),
        }
    }

    fn slots(&self, group: GroupId) -> impl Iterator<Item = SlotId> {
        let first = (group, SlotId([0; SlotId::LENGTH]));
        let of_group = self
            .groups
            .range(first..)
            .take_while(move |((of, _), _)| *of == group);
        of_group.map(|((_, slot), _)| *slot)
    }

    fn add_inbox(&mut self, token: SessionToken, after: InboxCursor) -> Result<(), Problem> {
        let wake = Wake::Inbox(self.services.caller(&token)?);
        if let Some(left) = self.inbox.take() {
            self.subscriber.unsubscribe(&left.wake);
        }
        self.subscriber.subscribe(wake.clone());
        self.inbox = Some(Inbox { token, wake, after });
        Ok(())
    }

    async fn add_log(&mut self, request: SlotRequest) -> Result<(), Problem> {
        let Action::Follow { after } = request.action else {
            return Err(Problem::new(
                ProblemCode::Malformed,
                "a stream only follows",
            ));
        };
        let key = (request.group, request.slot);
        if !self.groups.contains_key(&key) && self.groups.len() >= FOLLOWED_PER_STREAM {
            let detail = format!("one stream follows at most {FOLLOWED_PER_STREAM} logs");
            return Err(Problem::new(ProblemCode::TooMany, detail));
        }
        let command = self.services.slot(request)?;
        let Reply::Following(subscription, _) = self.services.deliver(command).await? else {
            return Err(unexpected());
        };
        self.groups.insert(
            key,
            Log {
                subscription,
                after,
            },
        );
        // Entries are read once subscribed, so that none falls between the two.
        self.subscriber.subscribe(Wake::Group(key.0));
        Ok(())
    }

    async fn read_inbox(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), Problem> {
        let Some(inbox) = &mut self.inbox else {
            return Ok(());
        };
        let device = self.services.caller(&inbox.token)?;
        let command = Command::ReadInbox {
            device,
            after: inbox.after,
        };
        let Reply::Inbox(page) = self.services.deliver(command).await? else {
            return Err(unexpected());
        };
        if let Some(last) = page.items.last() {
            inbox.after = last.cursor;
        }
        events.extend(page.items.into_iter().map(|item| StreamEvent::Inbox {
            item: Box::new(item),
        }));
        Ok(())
    }

    async fn read_logs(&mut self, group: GroupId, events: &mut Vec<StreamEvent>) {
        let slots: Vec<_> = self.slots(group).collect();
        for slot in slots {
            if let Err(problem) = self.read_log(group, slot, events).await {
                self.groups.remove(&(group, slot));
                events.push(refused(Some(group), problem));
            }
        }
    }

    async fn read_log(
        &mut self,
        group: GroupId,
        slot: SlotId,
        events: &mut Vec<StreamEvent>,
    ) -> Result<(), Problem> {
        let Some(log) = self.groups.get_mut(&(group, slot)) else {
            return Ok(());
        };
        let command = Command::Follow(log.subscription.after(log.after));
        let Reply::Entries(page) = self.services.deliver(command).await? else {
            return Err(unexpected());
        };
        if let Some(last) = page.entries.last() {
            log.after = last.sequence;
        }
        let entries = page.entries.into_iter().map(Box::new);
        events.extend(entries.map(|entry| StreamEvent::Entry { group, slot, entry }));
        Ok(())
    }
}

fn refused(group: Option<GroupId>, problem: Problem) -> StreamEvent {
    StreamEvent::Refused { group, problem }
}
