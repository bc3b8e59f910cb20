//! The one line that a person needs to join a provider:
//! `folkmoot://host:port/?domain=…&pin=…[&invite=…]`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use folkmoot_identity::ProviderDomain;
use thiserror::Error;

use crate::InviteCode;
use crate::bounds::MAX_INVITE;
use crate::bytes::fixed_bytes;

/// Longest join address, in bytes.
pub const MAX_JOIN_ADDRESS: usize = 1024;

const _: () =
    assert!(MAX_JOIN_ADDRESS > SCHEME.len() + 2 * folkmoot_identity::MAX_DOMAIN + 64 + MAX_INVITE);

const SCHEME: &str = "folkmoot://";

fixed_bytes! {
    /// SHA-256 of the DER of a server's TLS certificate; base64url in an address.
    CertificatePin: 32;
}

impl CertificatePin {
    /// The pin of a certificate.
    pub fn of(certificate: &[u8]) -> Self {
        Self(folkmoot_crypto::sha256(certificate))
    }
}

/// Where a provider is, what it is called and how its server is recognised.
///
/// ```
/// use folkmoot_protocol::JoinAddress;
///
/// let text = "folkmoot://127.0.0.1:8443/?domain=localhost\
///             &pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&invite=s3cret";
/// let address: JoinAddress = text.parse()?;
/// assert_eq!((address.host(), address.port()), ("127.0.0.1", 8443));
/// assert_eq!(address.to_string(), text);
/// # Ok::<(), folkmoot_protocol::JoinAddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinAddress {
    host: String,
    port: u16,
    domain: ProviderDomain,
    pin: CertificatePin,
    invite: Option<InviteCode>,
}

/// Why a text is not a join address. The fault is with whoever wrote or cut it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JoinAddressError {
    /// Not of the shape.
    #[error("a join address looks like folkmoot://host:port/?domain=…&pin=…; copy the whole line")]
    Shape,
    /// The host is no DNS name or IP address, or the port no number from 1 to 65535.
    #[error("the join address names no host and port")]
    Authority,
    /// A part of the query is missing, doubled, unknown or not of its form.
    #[error("the join address has no valid `{0}`; copy the whole line")]
    Parameter(&'static str),
}

impl JoinAddress {
    /// An address of a provider called `domain`, served at `host` (a DNS name or IP address).
    pub fn new(
        host: &str,
        port: u16,
        domain: ProviderDomain,
        pin: CertificatePin,
        invite: Option<InviteCode>,
    ) -> Result<Self, JoinAddressError> {
        let host = canonical_host(host).ok_or(JoinAddressError::Authority)?;
        if port == 0 {
            return Err(JoinAddressError::Authority);
        }
        Ok(Self {
            host,
            port,
            domain,
            pin,
            invite,
        })
    }

    /// DNS name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port, not 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port` as it stands in a URL: an IPv6 address has brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The authority of the provider's names, which need not be its host.
    pub fn domain(&self) -> &ProviderDomain {
        &self.domain
    }

    /// The only certificate that the server may present.
    pub fn pin(&self) -> CertificatePin {
        self.pin
    }

    /// For registration where that is by invite.
    pub fn invite(&self) -> Option<&InviteCode> {
        self.invite.as_ref()
    }
}

impl FromStr for JoinAddress {
    type Err = JoinAddressError;

    fn from_str(text: &str) -> Result<Self, JoinAddressError> {
        if text.len() > MAX_JOIN_ADDRESS {
            return Err(JoinAddressError::Shape);
        }
        let (authority, query) = text
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.split_once("/?"))
            .ok_or(JoinAddressError::Shape)?;
        let (host, port) = host_and_port(authority).ok_or(JoinAddressError::Authority)?;
        let [domain, pin, invite] = parameters(query)?;
        let domain = domain
            .and_then(|text| text.parse().ok())
            .ok_or(JoinAddressError::Parameter("domain"))?;
        let pin = pin
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|pin| CertificatePin::try_from(pin.as_slice()).ok())
            .ok_or(JoinAddressError::Parameter("pin"))?;
        let invite = invite
            .map(str::parse)
            .transpose()
            .map_err(|_| JoinAddressError::Parameter("invite"))?;
        Self::new(host, port, domain, pin, invite)
    }
}

impl fmt::Display for JoinAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pin = URL_SAFE_NO_PAD.encode(self.pin.0);
        write!(
            f,
            "{SCHEME}{}/?domain={}&pin={pin}",
            self.authority(),
            self.domain
        )?;
        match &self.invite {
            Some(invite) => write!(f, "&invite={}", invite.as_str()),
            None => Ok(()),
        }
    }
}

fn host_and_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = authority.rsplit_once(':')?;
    let plain_number = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    let port = port.parse().ok().filter(|_| plain_number)?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(host) => host.parse::<Ipv6Addr>().is_ok().then_some((host, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}

fn canonical_host(host: &str) -> Option<String> {
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return Some(address.to_string());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some(address.to_string());
    }
    host.parse::<ProviderDomain>()
        .ok()
        .map(|name| name.to_string())
}

/// `domain`, `pin` and `invite`, each at most once and nothing else.
fn parameters(query: &str) -> Result<[Option<&str>; 3], JoinAddressError> {
    const NAMES: [&str; 3] = ["domain", "pin", "invite"];
    let mut found = [None; 3];
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').ok_or(JoinAddressError::Shape)?;
        let place = NAMES
            .iter()
            .position(|known| *known == name)
            .ok_or(JoinAddressError::Shape)?;
        if found[place].replace(value).is_some() {
            return Err(JoinAddressError::Parameter(NAMES[place]));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for authority in [
            "localhost:1",
            "chat.example.org:443",
            "127.0.0.1:65535",
            "[::1]:8443",
        ] {
            for invite in ["", "&invite=Abc-_.1"] {
                let text = format!("folkmoot://{authority}/?domain=example.org&pin={PIN}{invite}");
                let address: JoinAddress = text.parse().unwrap();
                assert_eq!(address.to_string(), text);
                assert_eq!(address.authority(), authority);
                assert_eq!(address.pin(), CertificatePin([1; 32]));
                assert_eq!(address.invite().is_some(), !invite.is_empty());
            }
        }
    }

    #[test]
    fn cut_or_altered_addresses_are_refused() {
        let good = format!("folkmoot://localhost:443/?domain=example.org&pin={PIN}");
        assert!(good.parse::<JoinAddress>().is_ok());
        for cut in 0..good.len() {
            assert!(
                good[..cut].parse::<JoinAddress>().is_err(),
                "{}",
                &good[..cut]
            );
        }
        for (from, to) in [
            ("folkmoot:", "https:"),
            (":443", ""),
            (":443", ":0"),
            (":443", ":65536"),
            (":443", ":+443"),
            ("localhost", "local host"),
            ("localhost", "::1"),
            ("localhost", "[localhost]"),
            ("localhost", "me@localhost"),
            ("/?", "/v1?"),
            ("domain=", "name="),
            ("domain=example.org", "domain=Example.org"),
            ("domain=example.org", "domain=a&domain=b"),
            ("&pin", "&other=1&pin"),
            ("pin=AQEB", "pin="),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert!(bad.parse::<JoinAddress>().is_err(), "{bad}");
        }
        assert!(format!("{good}&invite=").parse::<JoinAddress>().is_err());
        assert!(
            format!("{good}&invite=a%20b")
                .parse::<JoinAddress>()
                .is_err()
        );
        assert!(format!("{good}#x").parse::<JoinAddress>().is_err());
        assert!("x".repeat(1 << 20).parse::<JoinAddress>().is_err());
    }

    #[test]
    fn an_invite_is_not_printed_by_debug() {
        let text = format!("folkmoot://localhost:1/?domain=a&pin={PIN}&invite=s3cret");
        let address: JoinAddress = text.parse().unwrap();
        assert!(!format!("{address:?}").contains("s3cret"));
    }

    proptest::proptest! {
        #[test]
        fn what_parses_is_written_back(
            text in "folkmoot://[a-z0-9.:\\[\\]]{0,12}:[0-9]{1,5}/\\?domain=[a-z.]{1,9}&pin=[A-Za-z_-]{42}A"
        ) {
            if let Ok(address) = text.parse::<JoinAddress>() {
                let again: JoinAddress = address.to_string().parse().unwrap();
                proptest::prop_assert_eq!(again, address);
            }
        }
    }
}
