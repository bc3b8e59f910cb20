//! Who someone is in Folkmoot: the names of providers, users and devices.
//!
//! Names are MIMI URIs and are parsed once, strictly; everything behind the parser may rely on
//! their form and their bounds.
//!
//! ```
//! use folkmoot_identity::DeviceName;
//!
//! let phone: DeviceName = "mimi://example.org/d/alice/phone".parse()?;
//! assert_eq!(phone.user().to_string(), "mimi://example.org/u/alice");
//! assert!("mimi://example.org/d/Alice/phone".parse::<DeviceName>().is_err());
//! # Ok::<(), folkmoot_identity::NameError>(())
//! ```
#![forbid(unsafe_code)]

mod name;

pub use name::{
    DeviceName, MAX_DOMAIN, MAX_NAME_PART, MAX_URI, NameError, ProviderDomain, UserName,
};
