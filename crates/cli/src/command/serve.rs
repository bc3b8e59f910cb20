//! `serve`: a provider in this process.

use std::io::{IsTerminal, Read, stderr};

use folkmoot_server::{Config, Provider};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::arguments::Serve;
use crate::failure::Failure;
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

pub(super) async fn run(serve: Serve, output: &Output) -> Result<(), Failure> {
    let until_stdin_ends = serve.until_stdin_ends;
    let running = Provider::start(config(serve)?).await?;
    let address = running.join_address().to_string();
    output.report(&Serving {
        address: address.clone(),
    })?;
    if !output.is_json() && stderr().is_terminal() {
        eprintln!("Join with: folkmoot register NAME --provider '{address}'\nStop with: Ctrl-C");
    }
    tokio::select! {
        stopped = running.wait() => Ok(stopped?),
        // Dropped while it waits, it stops at once; what was acknowledged is on disk.
        () = stdin_ended(), if until_stdin_ends => Ok(()),
    }
}

/// Waits until whoever started this process lets go of its stdin, by ending if by nothing else.
async fn stdin_ended() {
    let (ended, end) = oneshot::channel();
    // A thread of its own: the read cannot be given up, and nothing must wait for it.
    std::thread::spawn(move || {
        let mut rest = [0; 64];
        while matches!(std::io::stdin().read(&mut rest), Ok(1..)) {}
        // Nobody waits any longer when the provider has stopped meanwhile.
        let _ = ended.send(());
    });
    // An error means that the thread is gone, and so is stdin.
    let _ = end.await;
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
