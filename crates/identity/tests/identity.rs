//! Certificates and credentials as peers and providers see them, well made and forged.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "identity/anchors.rs"]
mod anchors;
#[path = "identity/authenticator.rs"]
mod authenticator;
#[path = "identity/credential.rs"]
mod credential;
#[path = "identity/device.rs"]
mod device;
#[path = "identity/forge.rs"]
mod forge;
#[path = "identity/provider.rs"]
mod provider;
#[path = "identity/request.rs"]
mod request;
