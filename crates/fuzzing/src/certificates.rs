//! Certificates: as they come, and as a device or a provider that keeps to no rule signs them.

use crate::input::Input;
use core::fmt::Debug;
use folkmoot_crypto::{Secret, SignatureKeyPair, suite_one};
use folkmoot_identity::{
    CertificateRequest, DeviceCertificate, DeviceKey, DeviceName, IssuingAuthority, RootAuthority,
    Timestamp, TrustAnchors, Validity, VerifiedCredential, X509Authenticator,
    issue_leaf_credential, named_device,
};
use folkmoot_mls::Credential;
use std::sync::LazyLock;
use tls_codec::{DeserializeBytes, VLBytes};

/// What every clock here shows.
const NOW: Timestamp = Timestamp(1_750_000_000);
const DAY: u64 = 86_400;
/// Of an Ed25519 signature as X.509 carries it: the algorithm, and the head of 64 bytes (RFC 8410).
const SIGNED_BY_ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 65, 0];

/// A provider with one device, all of whose private keys the fuzzer has.
struct Provider {
    root: Vec<u8>,
    root_key: Secret,
    issuing: IssuingAuthority,
    device_key: DeviceKey,
    device: DeviceCertificate,
    request: Vec<u8>,
    leaf: SignatureKeyPair,
    end_entity: Vec<u8>,
}

static PROVIDER: LazyLock<Provider> =
    LazyLock::new(|| Provider::new().expect("an honest provider"));

impl Provider {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let mut rng = folkmoot_sim::rng(1);
        let days = |days: u64| Validity::from_now(NOW, days * DAY);
        let root = RootAuthority::create(&"example.org".parse()?, days(400), &mut rng)?;
        let issuing = root.create_issuing(days(100), &mut rng)?;
        let device_key = DeviceKey::generate(&mut rng);
        let name: DeviceName = "mimi://example.org/d/alice/phone".parse()?;
        let request = device_key.certificate_request(&name)?;
        let verified = CertificateRequest::verify(&request)?;
        let device = issuing.issue_device(&verified, days(10), &mut rng)?;
        let leaf = suite_one().generate_signature_key_pair(&mut rng)?;
        let credential =
            issue_leaf_credential(&device_key, &device, &leaf.public, days(1), &mut rng)?;
        let Credential::X509(chain) = credential else {
            return Err("a credential without certificates".into());
        };
        let end_entity = chain.first().ok_or("an empty chain")?;
        Ok(Self {
            root: root.der().to_vec(),
            root_key: root.key(),
            end_entity: end_entity.as_slice().to_vec(),
            issuing,
            device_key,
            device,
            request,
            leaf,
        })
    }
}

/// The first byte says which certificates are whose work.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let provider = &*PROVIDER;
    match input.below(5) {
        0 => chain(&mut input),
        1 => {
            let der = forged(&mut input, provider.device.der(), &provider.issuing.key());
            let anchors = provider.issuing.anchors();
            let verified = DeviceCertificate::verify(&der, anchors, NOW);
            let _ = DeviceCertificate::reopen(&der, anchors);
            assert!(verified.is_err() || verified.is_ok_and(|one| one.der() == der));
        }
        2 => {
            let der = forged(
                &mut input,
                &provider.request,
                &provider.device_key.to_secret(),
            );
            let _ = CertificateRequest::verify(&der);
        }
        3 => {
            let der = forged(&mut input, provider.issuing.der(), &provider.root_key);
            let domain = provider.issuing.anchors().domain().clone();
            let _ = TrustAnchors::new(domain, &provider.root, &[der]);
        }
        _ => {
            let der = forged(&mut input, &provider.root, &provider.root_key);
            let domain = provider.issuing.anchors().domain().clone();
            let _ = TrustAnchors::new(domain, &der, &[provider.issuing.der().to_vec()]);
        }
    }
}

/// A credential's chain; whether it is remembered makes no difference to what is said of it.
fn chain(input: &mut Input<'_>) {
    let provider = &*PROVIDER;
    let device_key = provider.device_key.to_secret();
    let mut chain = vec![
        forged(input, &provider.end_entity, &device_key),
        forged(input, provider.device.der(), &provider.issuing.key()),
    ];
    match input.below(8) {
        1 => chain.reverse(),
        2 => chain.truncate(1),
        3 => chain.push(provider.issuing.der().to_vec()),
        _ => {}
    }
    let credential = Credential::X509(chain.into_iter().map(VLBytes::new).collect());
    let anchors = provider.issuing.anchors();
    let authenticator = X509Authenticator::new(anchors.clone());
    for at in [
        None,
        Some(NOW),
        Some(Timestamp(input.long())),
        None,
        Some(NOW),
    ] {
        let fresh = VerifiedCredential::verify(&credential, anchors, at);
        let remembered = authenticator.verify(&credential, &provider.leaf.public, at);
        if let (Ok(fresh), Ok(remembered)) = (&fresh, &remembered) {
            assert_eq!(fresh, remembered);
            assert_eq!(
                named_device(&credential).ok().as_ref(),
                Some(fresh.device())
            );
        }
        assert!(
            fresh.is_ok() || remembered.is_err(),
            "believed by memory alone"
        );
    }
}

/// What `der` signs, edited, under a signature of this key; or all of it edited, the signature too.
fn forged(input: &mut Input<'_>, der: &[u8], key: &Secret) -> Vec<u8> {
    let signs = !input.once_in(4);
    let Some(content) = signed_content(der).filter(|_| signs) else {
        let mut der = der.to_vec();
        input.edit(&mut der);
        return der;
    };
    let mut content = content.to_vec();
    input.edit(&mut content);
    sign(&content, key).unwrap_or_else(|error| panic!("{error:?}"))
}

fn sign(content: &[u8], key: &Secret) -> Result<Vec<u8>, impl Debug> {
    let keys = SignatureKeyPair::tls_deserialize_exact_bytes(key.expose())
        .map_err(|error| error.to_string())?;
    let signature = suite_one().sign(&keys.private, content);
    let signature = signature.map_err(|error| error.to_string())?;
    let body = [content, SIGNED_BY_ED25519, &signature].concat();
    let length = u16::try_from(body.len()).map_err(|error| error.to_string())?;
    let head = if length < 0x80 {
        vec![0x30, length.to_be_bytes()[1]]
    } else if length < 0x100 {
        vec![0x30, 0x81, length.to_be_bytes()[1]]
    } else {
        [&[0x30, 0x82][..], &length.to_be_bytes()].concat()
    };
    Ok::<_, String>([head, body].concat())
}

/// The first element of a sequence, with its head.
fn signed_content(der: &[u8]) -> Option<&[u8]> {
    let (head, _) = element(der)?;
    let inside = der.get(head..)?;
    let (head, length) = element(inside)?;
    inside.get(..head + length)
}

/// The lengths of an element's head and of its content (DER, at most 65,535 bytes).
fn element(der: &[u8]) -> Option<(usize, usize)> {
    match *der.get(1..4)? {
        [0x81, length, _] => Some((3, length.into())),
        [0x82, high, low] => Some((4, u16::from_be_bytes([high, low]).into())),
        [length, ..] => Some((2, length.into())),
        _ => None,
    }
}
