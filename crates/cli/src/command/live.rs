//! `chat` and `read --follow`: what arrives is printed as it arrives.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use folkmoot_client::{Client, Error, Event, MessageFilter};
use tokio::signal::ctrl_c;
use tokio::sync::Notify;

use super::session;
use crate::failure::Failure;
use crate::input::{self, Lines};
use crate::output::{Output, visible_line};
use crate::report::Tagged;
use crate::timeline::{self, Timeline};

/// Where events are printed, each message once.
pub(super) struct Screen<'a> {
    output: &'a Output,
    timeline: Timeline,
    /// The only group to tell of.
    asked: Option<String>,
    /// Whether to tell of one's own messages.
    own: bool,
    /// The last message of each group that was printed.
    shown: HashMap<String, u64>,
    /// Whether one's removal ends it.
    chat: bool,
    /// Why printing ended, and a sign that it has.
    failure: Option<Failure>,
    failed: Arc<Notify>,
}

/// Prints what arrives until interrupted.
pub(super) async fn follow(client: &mut Client, screen: &mut Screen<'_>) -> Result<(), Failure> {
    listen(client, screen, None).await.map(drop)
}

/// Prints what arrives in a group and sends what is typed.
pub(super) async fn chat(profile: &Path, group: &str, output: &mut Output) -> Result<(), Failure> {
    let mut client = session::open(profile, output)?;
    let caught_up = session::catch_up(&mut client, output).await?;
    let messages = client.messages(Some(group), MessageFilter::Unread)?;
    let group = session::find(&client, group)?;
    let output = &*output;
    output.remark(|to| {
        let name = to.paint.strong(&visible_line(&group.name));
        format!(
            "{name} {}",
            to.paint
                .faint("· what you type is sent; Ctrl-D ends the chat")
        )
    })?;
    let mut screen = Screen::chat(group.id.clone(), output);
    screen.print(timeline::merge(caught_up.events, messages))?;
    session::unless_offline(caught_up.offline)?;
    if !group.active {
        return Err(Error::NotMember { group: group.name }.into());
    }
    if group.stuck {
        return Err(Error::GroupStuck { group: group.name }.into());
    }
    let mut lines = input::lines();
    while let Some(line) = listen(&mut client, &mut screen, Some(&mut lines)).await? {
        if !line.trim().is_empty() {
            match client.send(&group.id, &line).await {
                Ok(sent) if output.is_json() => output.report(&Tagged::new("sent", &sent))?,
                Ok(_) => {}
                // It is kept, and goes out as soon as the provider is back.
                Err(error @ Error::Offline { .. }) => output.complain(&error.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Prints what arrives until a line was typed; gives nothing once there is no more to come.
async fn listen(
    client: &mut Client,
    screen: &mut Screen<'_>,
    lines: Option<&mut Lines>,
) -> Result<Option<String>, Failure> {
    let failed = Arc::clone(&screen.failed);
    let line = tokio::select! {
        biased;
        () = failed.notified() => None,
        line = input::next(lines) => line.transpose()?,
        _ = ctrl_c() => None,
        followed = client.follow(|event| screen.arrived(event)) => {
            followed?;
            None
        }
    };
    if let Some(failure) = screen.failure.take() {
        return Err(failure);
    }
    // What was printed counts as read.
    let messages = client.messages(screen.asked.as_deref(), MessageFilter::Unread)?;
    screen.print(messages.into_iter().map(Event::Message).collect())?;
    Ok(line)
}

impl<'a> Screen<'a> {
    /// Tells of one group or all, and of one's own messages or not.
    pub(super) fn new(asked: Option<String>, own: bool, output: &'a Output) -> Self {
        let (timeline, shown) = (Timeline::new(), HashMap::new());
        let (failure, failed) = (None, Arc::new(Notify::new()));
        Self {
            output,
            timeline,
            asked,
            own,
            shown,
            chat: false,
            failure,
            failed,
        }
    }

    /// Tells of one group without naming it, until one is removed.
    fn chat(group: String, output: &'a Output) -> Self {
        let timeline = Timeline::of(group.clone());
        Self {
            timeline,
            chat: true,
            ..Self::new(Some(group), false, output)
        }
    }

    /// Prints what is to be told and was not told before; says whether there was any.
    pub(super) fn print(&mut self, mut events: Vec<Event>) -> Result<bool, Failure> {
        events.retain(|event| self.tells(event));
        self.timeline.print(&events, self.output)?;
        Ok(!events.is_empty())
    }

    fn tells(&mut self, event: &Event) -> bool {
        let group = timeline::group(event).map(|(group, _)| group);
        let concerns = self.asked.is_none() || group.is_none() || self.asked.as_deref() == group;
        let Event::Message(message) = event else {
            return concerns;
        };
        if !concerns || (message.own && !self.own) {
            return false;
        }
        let last = self.shown.entry(message.group.clone()).or_default();
        let new = message.sequence > *last;
        *last = message.sequence.max(*last);
        new
    }

    /// Prints one event; what ends it waits for whoever watches [`failed`](Self::failed).
    fn arrived(&mut self, event: Event) {
        let removed = match &event {
            Event::Removed { group, name, .. } if self.asked.as_ref() == Some(group) => {
                Some(Error::NotMember {
                    group: name.clone(),
                })
            }
            _ => None,
        };
        let printed = self.print(vec![event]).map(drop);
        let removed = removed
            .filter(|_| self.chat)
            .map_or(Ok(()), |error| Err(error.into()));
        if let Err(failure) = printed.and(removed) {
            self.failure.get_or_insert(failure);
            self.failed.notify_one();
        }
    }
}
