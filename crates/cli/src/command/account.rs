//! `register` and `whoami`.

use std::path::Path;

use folkmoot_client::Client;

use super::session;
use crate::arguments::Register;
use crate::failure::Failure;
use crate::output::Output;
use crate::report::{Registered, Tagged};

pub(super) async fn register(
    profile: &Path,
    register: Register,
    output: &mut Output,
) -> Result<(), Failure> {
    let Register {
        name,
        provider,
        device,
    } = register;
    let progress = output.progress("making keys and registering them");
    let client = Client::register(profile, &provider, &name, &device).await?;
    drop(progress);
    output.report(&Registered {
        who: &client.whoami(),
        profile,
    })
}

pub(super) fn whoami(profile: &Path, output: &mut Output) -> Result<(), Failure> {
    let client = session::open(profile, output)?;
    output.report(&Tagged::new("whoami", &client.whoami()))
}
