//! What an Authentication Service decides, without I/O: who gets a device certificate, and who is
//! calling.
//!
//! Deciding is three pure steps, as in the Delivery Service. [`Authentication`] turns a request into a
//! [`Command`], which costs no record; [`Command::need`] names the records that the decision must
//! see; and [`Authentication::decide`] maps command and [`Facts`] to a [`Decision`]: what to write,
//! what to answer. A store loads, decides and applies in one transaction, and lets the answer go only
//! after it has committed. [`Records`] is such a store's content in memory. Sessions need no record
//! at all: challenges and tokens carry their own proof.
//!
//! ```
//! use folkmoot_authentication::{Authentication, Records, Reply, SessionKey};
//! use folkmoot_identity::{DeviceKey, DeviceName, RootAuthority, SessionProof, Validity};
//! use folkmoot_protocol::{OpenSession, Register, RegistrationPolicy, Signature, Timestamp};
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//!
//! let now = Timestamp(1_750_000_000);
//! let years = Validity::from_now(now, 10 * 365 * 86_400);
//! let root = RootAuthority::create(&"example.org".parse()?, years, &mut rng)?;
//! let issuing = root.create_issuing(years, &mut rng)?;
//! let session_key = SessionKey::generate(&mut rng);
//! let service = Authentication::new(issuing, session_key, RegistrationPolicy::Open);
//!
//! // A device registers …
//! let key = DeviceKey::generate(&mut rng);
//! let device: DeviceName = "mimi://example.org/d/alice/phone".parse()?;
//! let request = key.certificate_request(&device)?.try_into()?;
//! let register = Register { device: device.clone(), request, invite: None };
//! let command = service.register(register, now, &mut rng)?;
//! let mut records = Records::default();
//! let facts = records.load(&command.need(now));
//! let decision = service.decide(command, facts, now);
//! records.apply(decision.writes);
//! let Reply::Registered(registered) = decision.reply? else { unreachable!() };
//!
//! // … and proves its key for a session.
//! let challenge = service.challenge(now, &mut rng).challenge;
//! let proof = SessionProof { domain: device.domain(), challenge: &challenge };
//! let signature = Signature(key.sign_session(&proof).as_slice().try_into()?);
//! let open = OpenSession { certificate: registered.certificate, challenge, signature };
//! let session = service.open_session(&open, now)?;
//! assert_eq!(service.verify_token(&session.token, now)?, device);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod command;
mod decide;
mod need;
mod records;
mod service;
mod session;

pub use command::{Command, Decision, RegisterRequest, Reply};
pub use need::{DeviceRecord, Facts, InviteRecord, Need, RegistrationFacts, Write};
pub use records::Records;
pub use service::{Authentication, DEVICE_LIFETIME, INVITE_LIFETIME, MAX_INVITES};
pub use session::{CHALLENGE_LIFETIME, InvalidSessionKey, SessionKey, TOKEN_LIFETIME};
