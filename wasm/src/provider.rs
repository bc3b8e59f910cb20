//! A provider: its cores over its store in memory, and a client's requests as its commands.

use crate::Failure;
use folkmoot_authentication::{self as authentication, Authentication, SessionKey};
use folkmoot_client::core::{Request, Response};
use folkmoot_delivery::{self as delivery, Delivery, Reply};
use folkmoot_identity::{ProviderDomain, RootAuthority, Validity};
use folkmoot_protocol::{
    CertificatePin, JoinAddress, KeyPackagesAvailable, Problem, ProblemCode, ProviderInfo,
    ReceiptKey, RegistrationPolicy, SessionToken, Timestamp,
};
use folkmoot_store::provider::{Cores, MemoryStore, ProviderStore, StoreError};
use rand_core::CryptoRng;

const YEAR: u64 = 365 * 24 * 60 * 60;

pub(crate) struct Provider {
    cores: Cores,
    store: MemoryStore,
    info: ProviderInfo,
}

impl Provider {
    pub(crate) fn new(now: Timestamp, rng: &mut dyn CryptoRng) -> Result<Self, Failure> {
        let domain: ProviderDomain = "example.org".parse()?;
        let validity = Validity::from_now(now, YEAR);
        let root = RootAuthority::create(&domain, validity, rng)?;
        let issuing = root.create_issuing(validity, rng)?;
        let receipt_key = ReceiptKey::generate(rng)?;
        let registration = RegistrationPolicy::Open;
        let info = ProviderInfo {
            domain: domain.clone(),
            root: root.der().try_into()?,
            issuing: vec![issuing.der().try_into()?].try_into()?,
            receipt_key: receipt_key.public(),
            registration,
        };
        let session_key = SessionKey::generate(rng);
        let cores = Cores {
            authentication: Authentication::new(issuing, session_key, registration),
            delivery: Delivery::new(domain, receipt_key),
        };
        let store = MemoryStore::new(cores.clone());
        Ok(Self { cores, store, info })
    }

    pub(crate) fn address(&self) -> Result<JoinAddress, Failure> {
        let pin = CertificatePin([0; 32]);
        let domain = self.info.domain.clone();
        Ok(JoinAddress::new("localhost", 1, domain, pin, None)?)
    }

    /// What a server does with a request.
    pub(crate) fn answer(
        &self,
        request: &Request,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Response, Problem> {
        let authentication = &self.cores.authentication;
        match request.clone() {
            Request::Provider => Ok(Response::Provider(self.info.clone())),
            Request::Challenge => Ok(Response::Challenge(authentication.challenge(now, rng))),
            Request::OpenSession(open) => {
                let session = authentication.open_session(&open, now)?;
                Ok(Response::Session(session))
            }
            Request::Register(register) => {
                let command = authentication.register(register, now, rng)?;
                let answer = self.store.authenticate_and_wait(command, now);
                match answer.map_err(failed)?? {
                    authentication::Reply::Registered(answer) => Ok(Response::Registered(answer)),
                    authentication::Reply::Invited(_) => Err(unasked()),
                }
            }
            other => {
                let command = self.command(other, now)?;
                let answer = self.store.deliver_and_wait(command, now);
                response(answer.map_err(failed)?.reply?)
            }
        }
    }

    /// What the Delivery Service is asked.
    fn command(&self, request: Request, now: Timestamp) -> Result<delivery::Command, Problem> {
        let delivery = &self.cores.delivery;
        let device = |token: &SessionToken| self.cores.authentication.verify_token(token, now);
        Ok(match request {
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
            _ => return Err(unasked()),
        })
    }
}

fn response(reply: Reply) -> Result<Response, Problem> {
    Ok(match reply {
        Reply::Uploaded(uploaded) => Response::KeyPackages(KeyPackagesAvailable {
            available: uploaded.available,
        }),
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

fn failed(error: StoreError) -> Problem {
    error.into()
}

fn unasked() -> Problem {
    Problem::new(ProblemCode::Internal, "an answer to another question")
}
