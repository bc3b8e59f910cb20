//! `send` and `read`.

use std::path::Path;

use folkmoot_client::{Client, MessageFilter};

use super::live::{self, Screen};
use super::session;
use crate::arguments::{Read, Send};
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::report::Tagged;
use crate::timeline;

/// Stands for the text on stdin.
const STDIN: &str = "-";

pub(super) async fn send(profile: &Path, send: Send, output: &mut Output) -> Result<(), Failure> {
    let text = match send.text.as_slice() {
        [only] if only == STDIN => input::text(std::io::stdin().lock())?,
        words => words.join(" "),
    };
    if text.trim().is_empty() {
        return Err(Failure::usage(
            "there is nothing to send; write a text after the group",
        ));
    }
    let mut client = session::open(profile, output)?;
    let progress = output.progress("sending");
    let group = send.group.as_str();
    let send = async |client: &mut Client| client.send(group, &text).await;
    let (sent, events) = session::ask(&mut client, send).await;
    drop(progress);
    session::tell(events, None, output)?;
    output.report(&Tagged::new("sent", &sent?))
}

pub(super) async fn read(profile: &Path, read: Read, output: &mut Output) -> Result<(), Failure> {
    let mut client = session::open(profile, output)?;
    let caught_up = session::catch_up(&mut client, output).await?;
    let filter = if read.all {
        MessageFilter::All
    } else {
        MessageFilter::Unread
    };
    let messages = client.messages(read.group.as_deref(), filter)?;
    let asked = read
        .group
        .as_deref()
        .map(|group| session::find(&client, group))
        .transpose()?;

    let mut screen = Screen::new(asked.map(|group| group.id), read.all, output);
    let told = screen.print(timeline::merge(caught_up.events, messages))?;
    session::unless_offline(caught_up.offline)?;
    if read.follow {
        return live::follow(&mut client, &mut screen).await;
    }
    if !told {
        output.remark(|to| to.paint.faint("nothing new"))?;
    }
    Ok(())
}
