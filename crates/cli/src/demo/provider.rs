//! The demo's provider: `folkmoot serve` as a child process that never outlives its use.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::program;
use crate::failure::Failure;

/// Longest that a provider may take to serve, its first keys included.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest that a provider may take to stop in good order.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest first line of a provider, in bytes.
const MAX_LINE: u64 = 4096;
/// What the provider logs, in the demo's folder.
const LOG: &str = "provider.log";

/// A provider that serves. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct ProviderProcess {
    child: Option<Child>,
    address: String,
}

impl ProviderProcess {
    /// Starts a provider on a free loopback port and waits for its first line.
    ///
    /// One that is to be kept runs in a process group of its own, so that Ctrl-C spares it; any
    /// other stops when its stdin ends, so that it ends even if the demo is killed.
    pub(super) async fn start(folder: &Path, kept: bool) -> Result<Self, Failure> {
        let fault = |error: std::io::Error| {
            Failure::internal(format!("the provider does not start: {error}"))
        };
        let log = File::create(folder.join(LOG)).map_err(fault)?;
        let mut command = Command::new(program()?);
        command
            .args([
                "--json",
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--registration",
                "open",
            ])
            .arg("--data")
            .arg(folder.join("provider"))
            .stdout(Stdio::piped())
            .stderr(log);
        if kept {
            command.stdin(Stdio::null()).process_group(0);
        } else {
            command.stdin(Stdio::piped()).arg("--until-stdin-ends");
        }
        let child = command.spawn().map_err(fault)?;
        let mut provider = Self {
            child: Some(child),
            address: String::new(),
        };
        provider.address = provider.first_line(folder).await?;
        Ok(provider)
    }

    /// The join address, which is all that people share.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Its process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Leaves it running.
    pub(super) fn keep(mut self) {
        self.child = None;
    }

    /// Ends it and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        drop(child.stdin.take());
        let stopped = timeout(STOP_TIMEOUT, child.wait()).await;
        match stopped {
            Ok(Ok(status)) if status.success() => Ok(()),
            other => Err(Failure::claim(format!(
                "the provider stops when asked, not {other:?}"
            ))),
        }
    }

    async fn first_line(&mut self, folder: &Path) -> Result<String, Failure> {
        let stdout = self.child.as_mut().and_then(|child| child.stdout.take());
        let read = async {
            let mut line = String::new();
            BufReader::new(stdout?.take(MAX_LINE))
                .read_line(&mut line)
                .await
                .ok()?;
            let line: Value = serde_json::from_str(&line).ok()?;
            Some(line["address"].as_str()?.to_owned())
        };
        let line = timeout(START_TIMEOUT, read).await.ok().flatten();
        line.ok_or_else(|| {
            let log = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing");
            Failure::internal(format!("the provider does not start: {last}"))
        })
    }
}

impl Drop for ProviderProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // An error means that it has ended already.
            let _ = child.start_kill();
        }
    }
}
