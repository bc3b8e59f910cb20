//! What only both services together know: whether a user without key packages exists at all.

use folkmoot_authentication::{Facts, Need};
use folkmoot_delivery::{Command, Decision};
use folkmoot_identity::UserName;
use folkmoot_protocol::{Problem, ProblemCode};

/// Whose key packages a command claims.
pub(super) fn claimed_user(command: &Command) -> Option<UserName> {
    match command {
        Command::ClaimKeyPackages(claim) => Some(claim.user.clone()),
        _ => None,
    }
}

/// Turns `no-key-packages` into `unknown-user` where no device of the user is registered.
pub(super) fn explain<E>(
    decision: &mut Decision,
    claimed: Option<&UserName>,
    load: impl FnOnce(&Need) -> Result<Facts, E>,
) -> Result<(), E> {
    let (Some(user), Err(problem)) = (claimed, &mut decision.reply) else {
        return Ok(());
    };
    if problem.code != ProblemCode::NoKeyPackages {
        return Ok(());
    }
    // The need of a registration counts the user's devices, whatever the device's name.
    let Ok(device) = user.device("0") else {
        return Ok(());
    };
    let facts = load(&Need::Registration {
        device,
        invite: None,
    })?;
    if matches!(facts, Facts::Registration(facts) if facts.devices == 0) {
        let detail = format!("this provider has no user {user}");
        *problem = Problem::new(ProblemCode::UnknownUser, detail);
    }
    Ok(())
}
