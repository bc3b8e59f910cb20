//! The provider: its cores over its store in memory, and a client's requests as its commands.

use folkmoot_authentication::{self as authentication, Authentication, SessionKey};
use folkmoot_client::core::{Request, Response};
use folkmoot_delivery::{self as delivery, Delivery, Reply};
use folkmoot_identity::{ProviderDomain, RootAuthority, Validity};
use folkmoot_protocol::{
    CertificatePin, JoinAddress, Problem, ProblemCode, ProviderInfo, ReceiptKey,
    RegistrationPolicy, SessionToken, Timestamp,
};
use folkmoot_store::provider::{Cores, MemoryStore, ProviderStore};
use rand_chacha::ChaCha20Rng;

/// Long enough for every test.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

#[derive(Debug)]
pub(crate) struct Provider {
    cores: Cores,
    store: MemoryStore,
    info: ProviderInfo,
}

impl Provider {
    pub(crate) fn new(now: Timestamp, rng: &mut ChaCha20Rng) -> Self {
        Self::at("example.org", now, rng)
    }

    pub(crate) fn at(domain: &str, now: Timestamp, rng: &mut ChaCha20Rng) -> Self {
        let domain: ProviderDomain = domain.parse().unwrap();
        let validity = Validity::from_now(now, TEN_YEARS);
        let root = RootAuthority::create(&domain, validity, rng).unwrap();
        let issuing = root.create_issuing(validity, rng).unwrap();
        let receipt_key = ReceiptKey::generate(rng).unwrap();
        let info = ProviderInfo {
            domain: domain.clone(),
            root: root.der().try_into().unwrap(),
            issuing: vec![issuing.der().try_into().unwrap()].try_into().unwrap(),
            receipt_key: receipt_key.public(),
            registration: RegistrationPolicy::Open,
        };
        let session_key = SessionKey::generate(rng);
        let cores = Cores {
            authentication: Authentication::new(issuing, session_key, RegistrationPolicy::Open),
            delivery: Delivery::new(domain, receipt_key),
        };
        let store = MemoryStore::new(cores.clone());
        Self { cores, store, info }
    }

    pub(crate) fn address(&self) -> JoinAddress {
        let pin = CertificatePin([0; 32]);
        JoinAddress::new("localhost", 1, self.info.domain.clone(), pin, None).unwrap()
    }

    /// What the server does with a request.
    pub(crate) fn answer(
        &self,
        request: &Request,
        now: Timestamp,
        rng: &mut ChaCha20Rng,
    ) -> Result<Response, Problem> {
        let device = |token: &SessionToken| self.cores.authentication.verify_token(token, now);
        let delivery = &self.cores.delivery;
        let command = match request.clone() {
            Request::Provider => return Ok(Response::Provider(self.info.clone())),
            Request::Challenge => {
                let challenge = self.cores.authentication.challenge(now, rng);
                return Ok(Response::Challenge(challenge));
            }
            Request::OpenSession(open) => {
                let session = self.cores.authentication.open_session(&open, now)?;
                return Ok(Response::Session(session));
            }
            Request::Register(register) => {
                let command = self.cores.authentication.register(register, now, rng)?;
                return self.authenticate(command, now);
            }
            Request::CountKeyPackages(token) => delivery::Command::CountKeyPackages {
                device: device(&token)?,
            },
            Request::UploadKeyPackages(token, upload) => {
                delivery.upload_key_packages(device(&token)?, upload, now)?
            }
            Request::ClaimKeyPackages(token, claim) => {
                device(&token)?;
                delivery::Command::ClaimKeyPackages(claim)
            }
            Request::ReadInbox(token, after) => delivery::Command::ReadInbox {
                device: device(&token)?,
                after,
            },
            Request::AckInbox(token, ack) => delivery::Command::AckInbox {
                device: device(&token)?,
                ack,
            },
            Request::Post(token, post) => {
                device(&token)?;
                delivery::Command::PostPointer(*post)
            }
            Request::CreateGroup(token, create) => {
                device(&token)?;
                delivery::Command::CreateGroup(create)
            }
            Request::Append(slot) | Request::Read(slot) | Request::Welcome(slot) => {
                delivery.slot(*slot, now)?
            }
            Request::Redeem(redeem) => delivery.redeem(&redeem, now)?,
        };
        self.deliver(command, now)
    }

    fn authenticate(
        &self,
        command: authentication::Command,
        now: Timestamp,
    ) -> Result<Response, Problem> {
        match self.store.authenticate_and_wait(command, now).unwrap()? {
            authentication::Reply::Registered(registered) => Ok(Response::Registered(registered)),
            authentication::Reply::Invited(_) => Err(unasked()),
        }
    }

    fn deliver(&self, command: delivery::Command, now: Timestamp) -> Result<Response, Problem> {
        let answer = self.store.deliver_and_wait(command, now).unwrap();
        Ok(match answer.reply? {
            Reply::Uploaded(uploaded) => {
                Response::KeyPackages(folkmoot_protocol::KeyPackagesAvailable {
                    available: uploaded.available,
                })
            }
            Reply::Counted(counted) => Response::KeyPackages(counted),
            Reply::Claimed(claimed) => Response::Claimed(claimed),
            Reply::Posted(_) => Response::Posted,
            Reply::Inbox(page) => Response::Inbox(page),
            Reply::Acknowledged => Response::Acknowledged,
            Reply::Created(receipt) => Response::Created(receipt),
            Reply::Appended(appended) => Response::Appended(appended),
            Reply::Entries(page) => Response::Page(page),
            Reply::Welcome(welcome) => Response::Welcome(welcome),
            Reply::Redeemed(_) => Response::Redeemed,
            Reply::Following(..) => return Err(unasked()),
        })
    }
}

fn unasked() -> Problem {
    Problem::new(ProblemCode::Internal, "an answer to another question")
}
