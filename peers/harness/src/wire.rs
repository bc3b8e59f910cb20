//! What requests carry, decoded.

use crate::failure::Failure;
use crate::proto::Extension;
use folkmoot_crypto::{Crypto, provider};
use folkmoot_mls::{
    CipherSuite, ExtensionType, Extensions, GroupInfo, KeyPackage, MessageBody, MlsMessage, Welcome,
};

/// The suites that are available.
pub(crate) fn suites() -> impl Iterator<Item = CipherSuite> {
    let all = CipherSuite::ALL.into_iter();
    all.filter(|suite| provider(*suite).is_some())
}

pub(crate) fn crypto(suite: CipherSuite) -> Result<&'static dyn Crypto, Failure> {
    provider(suite).ok_or_else(|| unknown_suite(suite.0.into()))
}

/// The operations of a suite by its number.
pub(crate) fn numbered(suite: u32) -> Result<&'static dyn Crypto, Failure> {
    let number = u16::try_from(suite).map_err(|_| unknown_suite(suite))?;
    crypto(CipherSuite(number))
}

fn unknown_suite(suite: u32) -> Failure {
    Failure::Argument(format!("cipher suite {suite:#06x} is not available here"))
}

/// What the interface leaves empty where there is nothing.
pub(crate) fn optional(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

pub(crate) fn key_package(bytes: &[u8]) -> Result<KeyPackage, Failure> {
    match MlsMessage::decode(bytes)?.body {
        MessageBody::KeyPackage(key_package) => Ok(key_package),
        _ => Err(Failure::not("a KeyPackage")),
    }
}

pub(crate) fn welcome(bytes: &[u8]) -> Result<Welcome, Failure> {
    match MlsMessage::decode(bytes)?.body {
        MessageBody::Welcome(welcome) => Ok(welcome),
        _ => Err(Failure::not("a Welcome")),
    }
}

pub(crate) fn group_info(bytes: &[u8]) -> Result<GroupInfo, Failure> {
    match MlsMessage::decode(bytes)?.body {
        MessageBody::GroupInfo(group_info) => Ok(group_info),
        _ => Err(Failure::not("a GroupInfo")),
    }
}

/// A list with one extension of each type (RFC 9420 §13.4).
pub(crate) fn extensions(list: &[Extension]) -> Result<Extensions, Failure> {
    let mut extensions = Extensions::default();
    for one in list {
        let number = one.extension_type;
        let extension_type = u16::try_from(number)
            .map(ExtensionType)
            .map_err(|_| Failure::Argument(format!("there is no extension type {number}")))?;
        if extensions.find(extension_type).is_some() {
            return Err(Failure::Argument(format!("extension {number} twice")));
        }
        extensions = extensions.with(extension_type, one.extension_data.clone());
    }
    Ok(extensions)
}
