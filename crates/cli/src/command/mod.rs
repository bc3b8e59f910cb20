//! The commands, each from its arguments to its report.

mod account;
mod group;
mod live;
mod message;
mod serve;
mod session;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::{demo, logging, profile};

/// Logged by commands of people, whose errors are printed anyway.
const QUIET: &str = "off";
/// Logged by a provider.
const TALKATIVE: &str = "info";

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    let serves = matches!(arguments.command, Command::Serve(_));
    logging::start(if serves { TALKATIVE } else { QUIET });
    let folder = || profile::folder(arguments.profile);
    match arguments.command {
        Command::Serve(serve) => serve::run(serve, output).await,
        Command::Register(register) => account::register(&folder()?, register, output).await,
        Command::Whoami => account::whoami(&folder()?, output),
        Command::Group(group) => group::run(&folder()?, group, output).await,
        Command::Send(send) => message::send(&folder()?, send, output).await,
        Command::Read(read) => message::read(&folder()?, read, output).await,
        Command::Chat { group } => live::chat(&folder()?, &group, output).await,
        Command::Demo { keep } => demo::run(keep, output).await,
    }
}
