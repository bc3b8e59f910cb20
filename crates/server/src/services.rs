//! The two services over one store.

use std::sync::Arc;

use folkmoot_authentication::Authentication;
use folkmoot_delivery::Delivery;
use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::{
    CertificateDer, Challenge, InviteCode, List, OpenSession, Problem, ProblemCode, ProviderInfo,
    Redeem, Register, Session, SessionToken, SlotRequest, UploadKeyPackages,
};
use folkmoot_store::provider::{
    Cores, DeliveryAnswer, ProviderStore, SqliteOptions, SqliteStore, StoreError,
};
use tokio::sync::oneshot;

use crate::bus::Bus;
use crate::config::Config;
use crate::data::DataDirectory;
use crate::keys::Keys;
use crate::{Error, clock};

/// The database's name in the data directory.
const DATABASE: &str = "provider.db";

/// What requests are answered from.
#[derive(Debug)]
pub(crate) struct Services {
    info: ProviderInfo,
    cores: Cores,
    store: SqliteStore,
    bus: Arc<Bus>,
}

impl Services {
    pub(crate) fn open(config: &Config, data: &DataDirectory) -> Result<Self, Error> {
        let keys = Keys::load(&config.domain, data, clock::now(), &mut clock::rng())?;
        let info = provider_info(config, &keys)?;
        let cores = Cores {
            authentication: Authentication::new(keys.issuing, keys.session, config.registration),
            delivery: Delivery::new(config.domain.clone(), keys.receipt),
        };
        let options = SqliteOptions {
            path: data.file(DATABASE),
            largest: config.limits.database_bytes,
        };
        let store = SqliteStore::open(&options, cores.clone())?;
        Ok(Self {
            info,
            cores,
            store,
            bus: Arc::default(),
        })
    }

    pub(crate) fn bus(&self) -> &Arc<Bus> {
        &self.bus
    }

    /// What everybody may know.
    pub(crate) fn info(&self) -> &ProviderInfo {
        &self.info
    }

    pub(crate) fn register(
        &self,
        register: Register,
    ) -> Result<folkmoot_authentication::Command, Problem> {
        self.cores
            .authentication
            .register(register, clock::now(), &mut clock::rng())
    }

    pub(crate) fn challenge(&self) -> Challenge {
        self.cores
            .authentication
            .challenge(clock::now(), &mut clock::rng())
    }

    pub(crate) fn open_session(&self, open: &OpenSession) -> Result<Session, Problem> {
        self.cores.authentication.open_session(open, clock::now())
    }

    /// The device whose session this is.
    pub(crate) fn caller(&self, token: &SessionToken) -> Result<DeviceName, Problem> {
        self.cores.authentication.verify_token(token, clock::now())
    }

    pub(crate) fn upload_key_packages(
        &self,
        device: DeviceName,
        upload: UploadKeyPackages,
    ) -> Result<folkmoot_delivery::Command, Problem> {
        self.cores
            .delivery
            .upload_key_packages(device, upload, clock::now())
    }

    pub(crate) fn slot(&self, request: SlotRequest) -> Result<folkmoot_delivery::Command, Problem> {
        self.cores.delivery.slot(request, clock::now())
    }

    pub(crate) fn redeem(&self, redeem: &Redeem) -> Result<folkmoot_delivery::Command, Problem> {
        self.cores.delivery.redeem(redeem, clock::now())
    }

    /// A new invite, for a new user or for a further device of `user`.
    pub(crate) async fn invite(&self, user: Option<UserName>) -> Result<InviteCode, Problem> {
        let command = self.cores.authentication.invite(user, &mut clock::rng());
        match self.authenticate(command).await? {
            folkmoot_authentication::Reply::Invited(code) => Ok(code),
            folkmoot_authentication::Reply::Registered(_) => Err(unexpected()),
        }
    }

    /// Runs a command of the Authentication Service. What it changed is durable when this returns,
    /// and happens even if nobody waits for it any longer.
    pub(crate) async fn authenticate(
        &self,
        command: folkmoot_authentication::Command,
    ) -> Result<folkmoot_authentication::Reply, Problem> {
        let (sender, answered) = oneshot::channel();
        // Who asked may be gone, and then nobody wants the answer.
        let on_answer = Box::new(move |answer| drop(sender.send(answer)));
        self.store.authenticate(command, clock::now(), on_answer);
        answered.await.unwrap_or(Err(StoreError::Stopped))?
    }

    /// Runs a command of the Delivery Service, as [`authenticate`](Self::authenticate) does, and
    /// wakes whoever it concerns.
    pub(crate) async fn deliver(
        &self,
        command: folkmoot_delivery::Command,
    ) -> Result<folkmoot_delivery::Reply, Problem> {
        let (sender, answered) = oneshot::channel();
        let bus = Arc::clone(&self.bus);
        let on_answer = Box::new(move |answer: Result<_, StoreError>| {
            let reply = answer.map(|DeliveryAnswer { reply, wakes }| {
                for wake in &wakes {
                    bus.wake(wake);
                }
                reply
            });
            drop(sender.send(reply));
        });
        self.store.deliver(command, clock::now(), on_answer);
        answered.await.unwrap_or(Err(StoreError::Stopped))?
    }
}

fn provider_info(config: &Config, keys: &Keys) -> Result<ProviderInfo, Error> {
    let too_long = |error: folkmoot_protocol::LengthError| Error::Internal(error.to_string());
    let certificate = |der: &[u8]| CertificateDer::try_from(der).map_err(too_long);
    Ok(ProviderInfo {
        domain: config.domain.clone(),
        root: certificate(keys.issuing.root_der())?,
        issuing: List::try_from(vec![certificate(keys.issuing.der())?]).map_err(too_long)?,
        receipt_key: keys.receipt.public(),
        registration: config.registration,
    })
}

/// A core answered a command with another command's answer.
pub(crate) fn unexpected() -> Problem {
    Problem::new(
        ProblemCode::Internal,
        "the provider gave an answer to another request",
    )
}
