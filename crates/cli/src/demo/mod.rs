//! `demo`: RFC 9750 Figure 2, played by processes and checked claim by claim.
//!
//! A provider and every command of Alice, Bob and Charlie are processes of this same binary. The
//! play is data ([`script`]); a [`model`] that knows nothing of cryptography says what ought to come
//! of it; the [`player`] runs it and compares.

mod disk;
mod model;
mod player;
mod process;
mod provider;
mod script;
mod transcript;
mod words;

use std::time::Instant;

use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use self::player::{Player, Tally};
use self::process::Cast;
use self::provider::ProviderProcess;
use self::transcript::{Ending, Kept, Opening};
use crate::failure::Failure;
use crate::output::Output;

/// Plays it; stops everything it started when interrupted.
pub(crate) async fn run(keep: bool, output: &Output) -> Result<(), Failure> {
    let fault = |error: std::io::Error| Failure::internal(format!("signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let folder = tempfile::Builder::new()
        .prefix("folkmoot-demo-")
        .tempdir()
        .map_err(|error| Failure::internal(format!("no temporary folder: {error}")))?;
    tokio::select! {
        played = perform(folder, keep, output) => played,
        _ = interrupt.recv() => Err(Failure::internal("interrupted")),
        _ = terminate.recv() => Err(Failure::internal("asked to end")),
    }
}

/// Everything between the first line and the last, which is always the ending.
async fn perform(folder: TempDir, keep: bool, output: &Output) -> Result<(), Failure> {
    let began = Instant::now();
    let mut tally = Tally::default();
    let played = play(folder, keep, &mut tally, output).await;
    output.report(&Ending {
        ok: played.is_ok(),
        checks: tally.checks,
        messages: tally.messages,
        runs: tally.runs,
        // A tenth is as much as anyone wants to know.
        seconds: (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        failed: played.as_ref().err().map(Failure::message),
        kept: played.as_ref().ok().and_then(Option::as_ref),
    })?;
    played.map(drop)
}

/// The provider, all scenes, and what is left of it.
async fn play(
    folder: TempDir,
    keep: bool,
    tally: &mut Tally,
    output: &Output,
) -> Result<Option<Kept>, Failure> {
    let progress = output.progress("starting a provider");
    let provider = ProviderProcess::start(folder.path(), keep).await?;
    drop(progress);
    let address = provider.address().to_owned();
    let process = provider.id();
    output.report(&Opening {
        address: &address,
        process,
        folder: folder.path(),
    })?;
    let cast = Cast::new(folder.path())?;
    let mut player = Player::new(&cast, &address, folder.path(), tally, output);
    for (number, scene) in (1..).zip(script::SCENES) {
        player.play(number, scene).await?;
    }
    if keep {
        provider.keep();
        return Ok(Some(Kept {
            address,
            process,
            folder: folder.keep(),
        }));
    }
    provider.stop().await?;
    Ok(None)
}
