//! The core's requests over HTTPS.

use std::time::Duration;

use folkmoot_protocol::bounds::MAX_BODY;
use folkmoot_protocol::{JoinAddress, Problem, SessionToken, path};
use reqwest::{Client as Http, Method, RequestBuilder, Response as HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tls;
use crate::core::{Request, Response};
use crate::error::Error;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a request that got no answer is repeated.
const ATTEMPTS: u32 = 3;
/// The wait before the first repetition; it doubles, and up to half of it is added at random.
const FIRST_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Transport {
    http: Http,
    authority: String,
}

impl Transport {
    pub(super) fn new(address: &JoinAddress) -> Result<Self, Error> {
        let internal = |error: String| Error::Internal(error);
        let config = tls::config(address.pin()).map_err(|error| internal(error.to_string()))?;
        let http = Http::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(|error| internal(error.to_string()))?;
        Ok(Self {
            http,
            authority: address.authority(),
        })
    }

    /// Asks, and asks again where no answer came: every request of the core may be repeated.
    pub(super) async fn ask(&self, request: &Request) -> Result<Result<Response, Problem>, Error> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.ask_once(request).await {
                Err(Error::Offline { .. }) => {}
                answered => return answered,
            }
            let jitter = f64::from(folkmoot_crypto::random::<1>(&mut super::rng())[0]) / 512.0;
            tokio::time::sleep(wait.mul_f64(1.0 + jitter)).await;
            wait *= 2;
        }
        self.ask_once(request).await
    }

    async fn ask_once(&self, request: &Request) -> Result<Result<Response, Problem>, Error> {
        match request {
            Request::Provider => self.get(path::PROVIDER, None, Response::Provider).await,
            Request::Register(body) => {
                self.post(path::DEVICES, None, body, Response::Registered)
                    .await
            }
            Request::Challenge => {
                let request = self.request(Method::POST, path::CHALLENGE, None);
                self.perform(request, Response::Challenge).await
            }
            Request::OpenSession(body) => {
                self.post(path::SESSION, None, body, Response::Session)
                    .await
            }
            Request::CountKeyPackages(token) => {
                self.get(path::KEY_PACKAGES, Some(token), Response::KeyPackages)
                    .await
            }
            Request::UploadKeyPackages(token, body) => {
                let request = self
                    .request(Method::PUT, path::KEY_PACKAGES, Some(token))
                    .json(body);
                let available = |stored: folkmoot_protocol::KeyPackagesUploaded| {
                    let available = stored.available;
                    Response::KeyPackages(folkmoot_protocol::KeyPackagesAvailable { available })
                };
                self.perform(request, available).await
            }
            Request::ClaimKeyPackages(token, body) => {
                self.post(
                    path::KEY_PACKAGES_CLAIM,
                    Some(token),
                    body,
                    Response::Claimed,
                )
                .await
            }
            Request::ReadInbox(token, after) => {
                let path = format!("{}?after={after}", path::INBOX);
                self.get(&path, Some(token), Response::Inbox).await
            }
            Request::AckInbox(token, body) => {
                let request = self
                    .request(Method::POST, path::INBOX_ACK, Some(token))
                    .json(body);
                self.perform_empty(request, Response::Acknowledged).await
            }
            Request::Post(token, body) => {
                let posted = |_: folkmoot_protocol::Posted| Response::Posted;
                self.post(path::INBOX, Some(token), body, posted).await
            }
            Request::CreateGroup(token, body) => {
                self.post(path::GROUPS, Some(token), body, Response::Created)
                    .await
            }
            Request::Append(body) => self.post(path::SLOT, None, body, Response::Appended).await,
            Request::Read(body) => self.post(path::SLOT, None, body, Response::Page).await,
            Request::Welcome(body) => self.post(path::SLOT, None, body, Response::Welcome).await,
            Request::Redeem(body) => {
                let redeemed = |_: folkmoot_protocol::Redeemed| Response::Redeemed;
                self.post(path::SLOT_REDEEM, None, body, redeemed).await
            }
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SessionToken>,
        wrap: impl FnOnce(T) -> Response,
    ) -> Result<Result<Response, Problem>, Error> {
        self.perform(self.request(Method::GET, path, token), wrap)
            .await
    }

    async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SessionToken>,
        body: &B,
        wrap: impl FnOnce(T) -> Response,
    ) -> Result<Result<Response, Problem>, Error> {
        self.perform(self.request(Method::POST, path, token).json(body), wrap)
            .await
    }

    fn request(&self, method: Method, path: &str, token: Option<&SessionToken>) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("https://{}{path}", self.authority));
        match token {
            Some(token) => request.bearer_auth(token.as_str()),
            None => request,
        }
    }

    async fn perform<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        wrap: impl FnOnce(T) -> Response,
    ) -> Result<Result<Response, Problem>, Error> {
        match self.body(request).await? {
            Ok(body) => folkmoot_protocol::decode(&body)
                .map(|value| Ok(wrap(value)))
                .map_err(|error| Error::Forged {
                    what: format!("an answer that cannot be read: {error}"),
                }),
            Err(problem) => Ok(Err(problem)),
        }
    }

    async fn perform_empty(
        &self,
        request: RequestBuilder,
        response: Response,
    ) -> Result<Result<Response, Problem>, Error> {
        Ok(self.body(request).await?.map(|_| response))
    }

    async fn body(&self, request: RequestBuilder) -> Result<Result<Vec<u8>, Problem>, Error> {
        let answer = request.send().await.map_err(|error| self.failed(&error))?;
        let success = answer.status().is_success();
        let status = answer.status();
        let body = self.read(answer).await?;
        if success {
            return Ok(Ok(body));
        }
        folkmoot_protocol::decode(&body)
            .map(Err)
            .map_err(|_| Error::Offline {
                address: self.authority.clone(),
                reason: format!("what answers there is no Folkmoot provider: HTTP {status}"),
            })
    }

    async fn read(&self, mut answer: HttpResponse) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                let what = "an answer of the provider that is larger than any may be";
                return Err(Error::Forged { what: what.into() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        let address = self.authority.clone();
        if tls::is_wrong_pin(error) {
            return Error::WrongPin { address };
        }
        Error::Offline {
            address,
            reason: innermost(error),
        }
    }
}

/// The cause that says most to a person.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
