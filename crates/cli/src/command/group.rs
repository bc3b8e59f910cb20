//! `group create|invite|remove|leave|members|list|update`.

use std::path::Path;

use folkmoot_client::{Client, CommitSummary, Error, GroupSummary};

use super::session;
use crate::arguments::{Group, GroupChange};
use crate::failure::Failure;
use crate::output::Output;
use crate::report::{Created, Leaving, Left, Listable, Listed, Tagged};

/// What a change of a group came to.
enum Changed {
    Created(GroupSummary),
    Leaving(GroupSummary),
    Committed(&'static str, CommitSummary),
}

pub(super) async fn run(profile: &Path, group: Group, output: &mut Output) -> Result<(), Failure> {
    let mut client = session::open(profile, output)?;
    if let Group::Change(change) = group {
        return self::change(&mut client, change, output).await;
    }
    // What can be seen without the provider, though it may be old then.
    let caught_up = session::catch_up(&mut client, output).await?;
    session::tell(caught_up.events, None, output)?;
    match group {
        Group::Members { group } => members(&mut client, &group, output)?,
        _ => list(&client, output)?,
    }
    session::unless_offline(caught_up.offline)
}

async fn change(client: &mut Client, change: GroupChange, output: &Output) -> Result<(), Failure> {
    let progress = output.progress("changing the group");
    let change = async |client: &mut Client| perform(client, &change).await;
    let (changed, events) = session::ask(client, change).await;
    drop(progress);
    let own = match &changed {
        Ok(Changed::Committed(_, commit)) => Some(commit),
        _ => None,
    };
    session::tell(events, own, output)?;
    match changed? {
        Changed::Created(group) => output.report(&Created { group: &group }),
        Changed::Leaving(group) if group.active => output.report(&Leaving { group: &group.name }),
        Changed::Leaving(group) => output.report(&Left { group: &group.name }),
        Changed::Committed(did, commit) => output.report(&Tagged::new(did, &commit)),
    }
}

async fn perform(client: &mut Client, change: &GroupChange) -> Result<Changed, Error> {
    Ok(match change {
        GroupChange::Create { name } => Changed::Created(client.create_group(name).await?),
        GroupChange::Leave { group } => Changed::Leaving(client.leave(group).await?),
        GroupChange::Invite { group, users } => {
            let provider = client.whoami().provider;
            let users: Result<Vec<_>, _> = users.iter().map(|user| user.at(&provider)).collect();
            Changed::Committed("invited", client.invite(group, &users?).await?)
        }
        GroupChange::Remove { group, user } => {
            let user = user.at(&client.whoami().provider)?;
            Changed::Committed("removed_member", client.remove(group, &user).await?)
        }
        GroupChange::Update { group } => Changed::Committed("updated", client.update(group).await?),
    })
}

fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let groups = client.groups()?;
    if groups.is_empty() {
        return output.remark(|to| {
            to.paint
                .faint("no groups; `folkmoot group create NAME` makes one")
        });
    }
    let width = groups
        .iter()
        .map(|group| group.name.chars().count())
        .max()
        .unwrap_or_default();
    groups
        .iter()
        .try_for_each(|group| output.report(&Listed { group, width }))
}

fn members(client: &mut Client, group: &str, output: &Output) -> Result<(), Failure> {
    let members = client.members(group)?;
    let summary = session::find(client, group)?;
    output.remark(|to| {
        let name = crate::output::visible_line(&summary.name).into_owned();
        let place = format!("· epoch {}", summary.epoch);
        format!("{} {}", to.paint.strong(&name), to.paint.faint(&place))
    })?;
    let names = members.iter().map(|member| member.user.user_part().len());
    let width = names.max().unwrap_or_default();
    members.iter().try_for_each(|member| {
        output.report(&Listable {
            group: &summary.id,
            epoch: summary.epoch,
            member,
            width,
        })
    })
}
