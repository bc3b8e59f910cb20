//! `serve`: a provider in this process.

use std::io::{IsTerminal, stderr};

use folkmoot_identity::{NameError, UserName};
use folkmoot_server::{Config, Provider, Running};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::{Serve, UserArgument};
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, Reader, Report};

/// The provider serves.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "serving")]
struct Serving {
    address: String,
}

impl Report for Serving {
    /// The address alone: a script reads the line, a person copies it.
    fn human(&self, _: &Reader) -> String {
        self.address.clone()
    }
}

/// One more address to join with.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "invite")]
struct Invited {
    address: String,
    /// Whose further device it is for, where it is not for somebody new.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserName>,
}

impl Report for Invited {
    fn human(&self, _: &Reader) -> String {
        self.address.clone()
    }
}

pub(super) async fn run(serve: Serve, output: &Output) -> Result<(), Failure> {
    let until_stdin_ends = serve.until_stdin_ends;
    // Unasked it is not read: a terminal stops whoever reads from it in the background.
    let reads_stdin = serve.interactive || until_stdin_ends;
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let running = Provider::start(config(serve)?).await?;
    let address = running.join_address().to_string();
    output.report(&Serving {
        address: address.clone(),
    })?;
    if !output.is_json() && stderr().is_terminal() {
        eprintln!("Join with: folkmoot register NAME --provider '{address}'\nStop with: Ctrl-C");
    }
    let mut lines = reads_stdin.then(input::lines);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            line = input::next(lines.as_mut()) => match line {
                Some(Ok(line)) => answer(&running, &line, output).await?,
                Some(Err(failure)) => output.complain(&failure),
                None if until_stdin_ends => break,
                None => lines = None,
            },
        }
    }
    Ok(running.shutdown().await?)
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::internal(format!("signals: {error}")))
}

/// Does what an operator typed; what it cannot do is said, and stops nothing.
async fn answer(running: &Running, line: &str, output: &Output) -> Result<(), Failure> {
    let words: Vec<_> = line.split_whitespace().collect();
    let invited = match words.as_slice() {
        [] => return Ok(()),
        ["invite"] => invite(running, None).await,
        ["invite", user] => invite(running, Some(user)).await,
        _ => Err(Failure::usage(
            "what can be typed here is `invite` and `invite USER`",
        )),
    };
    match invited {
        Ok(invited) => output.report(&invited),
        Err(failure) => {
            output.complain(&failure);
            Ok(())
        }
    }
}

async fn invite(running: &Running, user: Option<&str>) -> Result<Invited, Failure> {
    let wrong = |error: NameError| Failure::usage(error.to_string());
    let user = user
        .map(str::parse::<UserArgument>)
        .transpose()
        .map_err(wrong)?;
    let domain = running.join_address().domain();
    let user = user
        .map(|user| user.at(domain))
        .transpose()
        .map_err(wrong)?;
    let address = running.invite(user.clone()).await?.to_string();
    Ok(Invited { address, user })
}

/// What the file says, and the command line over it.
fn config(serve: Serve) -> Result<Config, Failure> {
    let mut config = serve
        .config
        .map_or_else(|| Ok(Config::default()), |file| Config::read(&file))?;
    if let Some(data) = serve.data {
        config.data = data;
    }
    if let Some(listen) = serve.listen {
        config.listen = listen;
    }
    if let Some(domain) = serve.domain {
        config.domain = domain;
    }
    if let Some(registration) = serve.registration {
        config.registration = registration.into();
    }
    config.public_address = serve.public_address.or(config.public_address);
    Ok(config)
}
