//! What the commands of a person share: their profile, opened and caught up.

use std::path::Path;

use folkmoot_client::{Client, CommitSummary, Error, Event, GroupSummary};

use crate::failure::Failure;
use crate::output::Output;
use crate::timeline::Timeline;

/// Opens the profile; names are shown from its user's side from now on.
pub(super) fn open(profile: &Path, output: &mut Output) -> Result<Client, Failure> {
    let client = Client::open(profile)?;
    output.set_user(client.whoami().user);
    Ok(client)
}

/// What catching up gave.
pub(super) struct CaughtUp {
    pub(super) events: Vec<Event>,
    /// The provider could not be reached: what is shown is what is here.
    pub(super) offline: Option<Error>,
}

/// Fetches what happened; a provider that is away does not keep anyone from what is here.
pub(super) async fn catch_up(client: &mut Client, output: &Output) -> Result<CaughtUp, Failure> {
    let _progress = output.progress("catching up");
    match client.sync().await {
        Ok(events) => Ok(CaughtUp {
            events,
            offline: None,
        }),
        Err(error @ Error::Offline { .. }) => Ok(CaughtUp {
            events: Vec::new(),
            offline: Some(error),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Asks for something; where that is refused for what this device may not have heard of yet, an
/// invitation above all, it catches up and asks once more.
pub(super) async fn ask<T>(
    client: &mut Client,
    mut asked: impl AsyncFnMut(&mut Client) -> Result<T, Error>,
) -> (Result<T, Error>, Vec<Event>) {
    let mut answer = asked(client).await;
    let mut events = client.take_events();
    if let Err(Error::UnknownGroup { .. } | Error::NotMember { .. }) = answer {
        answer = match client.sync().await {
            Ok(caught_up) => {
                events.extend(caught_up);
                asked(client).await
            }
            // Without the provider, what is known here has to do.
            Err(Error::Offline { .. }) => answer,
            Err(error) => Err(error),
        };
        events.extend(client.take_events());
    }
    (answer, events)
}

/// Prints what happened meanwhile, messages aside: those wait for `read`. So does not the commit at
/// `own` in the log of its group, which is what the command reports.
pub(super) fn tell(
    events: Vec<Event>,
    own: Option<&CommitSummary>,
    output: &Output,
) -> Result<(), Failure> {
    let reported = |event: &Event| match (event, own) {
        (Event::Message(_) | Event::LeaveProposed { own: true, .. }, _) => true,
        (
            Event::Committed {
                group, sequence, ..
            },
            Some(own),
        ) => (group, sequence) == (&own.group, &own.sequence),
        _ => false,
    };
    let events: Vec<_> = events
        .into_iter()
        .filter(|event| !reported(event))
        .collect();
    Timeline::new().print(&events, output)
}

/// Fails with what kept the command from the provider, once everything else is printed.
pub(super) fn unless_offline(offline: Option<Error>) -> Result<(), Failure> {
    offline.map_or(Ok(()), |error| Err(error.into()))
}

/// The fewest digits of a group's id that name it.
const DIGITS: usize = 4;

/// The group that is meant by a name or the first digits of an id. The client was asked about it
/// before, and would have said if there were more than one.
pub(super) fn find(client: &Client, group: &str) -> Result<GroupSummary, Failure> {
    let by_id = group.len() >= DIGITS;
    let fits = |known: &GroupSummary| known.name == group || (by_id && known.id.starts_with(group));
    let groups = client.groups()?;
    let active = groups.iter().position(|known| fits(known) && known.active);
    let place = active.or_else(|| groups.iter().position(fits));
    let known = place.and_then(|place| groups.into_iter().nth(place));
    known.ok_or_else(|| {
        Error::UnknownGroup {
            group: group.to_owned(),
        }
        .into()
    })
}
