//! What the primitives cost in this run, by Folkmoot's own provider.

use folkmoot_crypto::{CipherSuite, Crypto, HpkeCiphertext, KemKeyPair, Secret, SignatureKeyPair};
use rand_core::UnwrapErr;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A sample lasts at least this long.
const SAMPLE: Duration = Duration::from_micros(1500);
const SAMPLES: usize = 5;
/// Operations of each thread when all cores work.
const PER_THREAD: u32 = 600;
/// The lengths between which a cost is taken to be linear.
const SHORT: usize = 128;
const LONG: usize = 32 * 1024;
/// A path secret or `GroupSecrets`, and the context of a derivation.
const SEALED: usize = 72;
const LABEL: usize = 48;

/// A cost in microseconds that depends on a length in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    base: f64,
    per_byte: f64,
}

impl Line {
    pub(crate) fn at(self, length: usize) -> f64 {
        self.base + self.per_byte * as_f64(length)
    }

    fn through(short: f64, long: f64) -> Self {
        let per_byte = ((long - short) / as_f64(LONG - SHORT)).max(0.0);
        let base = (short - per_byte * as_f64(SHORT)).max(0.0);
        Self { base, per_byte }
    }
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn as_f64(number: usize) -> f64 {
    number as f64
}

/// Microseconds per operation; of those with two figures the second is with all cores at work,
/// and no worse than the first: nobody has to use them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Costs {
    pub(crate) hash: Line,
    pub(crate) mac: f64,
    pub(crate) expand: f64,
    pub(crate) derive_key_pair: f64,
    pub(crate) seal: (f64, f64),
    pub(crate) open: f64,
    pub(crate) sign: Line,
    pub(crate) verify: (Line, f64),
    pub(crate) aead_seal: Line,
    pub(crate) aead_open: Line,
}

/// Keys and ciphertexts to work on.
struct Bench {
    crypto: &'static dyn Crypto,
    secret: Secret,
    kem: KemKeyPair,
    signature: SignatureKeyPair,
    sealed: HpkeCiphertext,
    long: Vec<u8>,
    signed: [Vec<u8>; 2],
    encrypted: [Vec<u8>; 2],
    nonce: Vec<u8>,
    key: Secret,
}

pub(crate) fn suite(suite: u16) -> Option<&'static dyn Crypto> {
    folkmoot_crypto::provider(CipherSuite(suite))
}

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

impl Bench {
    fn new(crypto: &'static dyn Crypto) -> Result<Self, folkmoot_crypto::CryptoError> {
        let rng = &mut rng();
        let secret = folkmoot_crypto::random_secret(rng, crypto.hash_length());
        let kem = crypto.derive_kem_key_pair(&secret)?;
        let signature = crypto.generate_signature_key_pair(rng)?;
        let info = crypto.hpke_info(b"");
        let sealed = crypto.hpke_seal(&kem.public, &info, b"", &[0; SEALED], rng)?;
        let long = vec![7; LONG];
        let nonce = vec![0; crypto.aead_nonce_length()];
        let key = folkmoot_crypto::random_secret(rng, crypto.aead_key_length());
        let sign = |length| crypto.sign(&signature.private, &long[..length]);
        let encrypt = |length| crypto.aead_seal(&key, &nonce, b"", &long[..length]);
        Ok(Self {
            signed: [sign(SHORT)?, sign(LONG)?],
            encrypted: [encrypt(SHORT)?, encrypt(LONG)?],
            crypto,
            secret,
            kem,
            signature,
            sealed,
            long,
            nonce,
            key,
        })
    }

    fn seal(&self) {
        let info = self.crypto.hpke_info(b"");
        let plaintext = [0; SEALED];
        let public = &self.kem.public;
        black_box(
            self.crypto
                .hpke_seal(public, &info, b"", &plaintext, &mut rng()),
        )
        .ok();
    }

    fn verify(&self, (length, which): (usize, usize)) {
        let message = &self.long[..length];
        let public = &self.signature.public;
        black_box(self.crypto.verify(public, message, &self.signed[which])).ok();
    }

    fn costs(&self) -> Costs {
        let crypto = self.crypto;
        let ends = [(SHORT, 0), (LONG, 1)];
        let line = |operation: &dyn Fn((usize, usize))| {
            let [short, long] = ends.map(|end| one_core(|| operation(end)));
            Line::through(short, long)
        };
        let info = crypto.hpke_info(b"");
        let private = &self.kem.private;
        let signer = &self.signature.private;
        let length = crypto.hash_length();
        let context = &self.long[..LABEL];
        Costs {
            hash: line(&|(length, _)| drop(black_box(crypto.hash(&self.long[..length])))),
            mac: one_core(|| drop(black_box(crypto.mac(self.secret.expose(), context)))),
            expand: one_core(|| drop(black_box(crypto.expand(&self.secret, context, length)))),
            derive_key_pair: one_core(|| {
                black_box(crypto.derive_kem_key_pair(&self.secret)).ok();
            }),
            seal: (one_core(|| self.seal()), all_cores(|| self.seal())),
            open: one_core(|| {
                black_box(crypto.hpke_open(private, &info, b"", &self.sealed)).ok();
            }),
            sign: line(&|(length, _)| {
                black_box(crypto.sign(signer, &self.long[..length])).ok();
            }),
            verify: (
                line(&|end| self.verify(end)),
                all_cores(|| self.verify((SHORT, 0))),
            ),
            aead_seal: line(&|(length, _)| {
                let data = &self.long[..length];
                black_box(crypto.aead_seal(&self.key, &self.nonce, b"", data)).ok();
            }),
            aead_open: line(&|(_, which)| {
                let data = &self.encrypted[which];
                black_box(crypto.aead_open(&self.key, &self.nonce, b"", data)).ok();
            }),
        }
    }
}

/// Microseconds of one operation: the median of some samples.
fn one_core(operation: impl Fn()) -> f64 {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let (begin, mut times) = (Instant::now(), 0_u32);
            while begin.elapsed() < SAMPLE {
                operation();
                times += 1;
            }
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(times)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}

/// Microseconds per operation when every core is at it.
fn all_cores(operation: impl Fn() + Sync) -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..PER_THREAD).for_each(|_| operation()));
        }
    });
    begin.elapsed().as_secs_f64() * 1e6 / (as_f64(threads) * f64::from(PER_THREAD))
}

/// Samples of all costs, taken at several moments of the run.
#[derive(Default)]
pub(crate) struct Primitives {
    taken: Vec<Costs>,
}

impl Primitives {
    /// Takes another sample.
    pub(crate) fn measure(
        &mut self,
        crypto: &'static dyn Crypto,
    ) -> Result<(), crate::engine::Failure> {
        let bench = Bench::new(crypto).map_err(crate::engine::Failure::new)?;
        self.taken.push(bench.costs());
        Ok(())
    }

    /// The medians.
    pub(crate) fn costs(&self) -> Costs {
        let median = |of: &dyn Fn(&Costs) -> f64| {
            let mut all: Vec<f64> = self.taken.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        let line = |of: &dyn Fn(&Costs) -> Line| Line {
            base: median(&|costs| of(costs).base),
            per_byte: median(&|costs| of(costs).per_byte),
        };
        let verify = line(&|costs| costs.verify.0);
        let seal = median(&|costs| costs.seal.0);
        Costs {
            hash: line(&|costs| costs.hash),
            mac: median(&|costs| costs.mac),
            expand: median(&|costs| costs.expand),
            derive_key_pair: median(&|costs| costs.derive_key_pair),
            seal: (seal, median(&|costs| costs.seal.1).min(seal)),
            open: median(&|costs| costs.open),
            sign: line(&|costs| costs.sign),
            verify: (
                verify,
                median(&|costs| costs.verify.1).min(verify.at(SHORT)),
            ),
            aead_seal: line(&|costs| costs.aead_seal),
            aead_open: line(&|costs| costs.aead_open),
        }
    }
}
