//! What the program says about its own work, on stderr.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

/// Says what is logged: `debug`, or `folkmoot_server=trace,info`.
const LOG_VARIABLE: &str = "FOLKMOOT_LOG";

/// Logs at `level` unless the variable says otherwise.
pub(crate) fn start(level: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(false)
        .init();
}
