//! The file and the memory give the same answers to the same commands.

use folkmoot_authentication as authentication;
use folkmoot_crypto::suite_one;
use folkmoot_delivery::Command;
use folkmoot_identity::{
    CertificateRequest, DeviceKey, DeviceName, IssuingAuthority, RootAuthority, Validity,
    issue_leaf_credential,
};
use folkmoot_mls::{KeyPackage, Lifetime};
use folkmoot_protocol::{
    AckInbox, Action, ClaimKeyPackages, GroupId, IdempotencyKey, InboxCursor, InviteCode,
    KeyPackageBytes, KeyPackageRefBytes, PostPointer, Register, SealedPointer, Sequence, SlotId,
    Timestamp, UploadKeyPackages,
};
use folkmoot_store::provider::{
    AuthenticationAnswer, Cores, DeliveryAnswer, MemoryStore, ProviderStore, SqliteStore,
    StoreError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::members::{Member, NOW, new_cores, options, rng, ticket};

/// Commands per run.
const STEPS: usize = 1500;
const GROUPS: u8 = 2;
const SLOTS: u8 = 4;
const DAY: u64 = 24 * 3600;

#[test]
fn memory_and_file_agree_on_a_fixed_script() {
    agree(1);
}

#[test]
fn memory_and_file_agree_on_a_fresh_script() {
    let seed = u64::from_be_bytes(folkmoot_crypto::random(&mut rng()));
    eprintln!("seed {seed}");
    agree(seed);
}

fn agree(seed: u64) {
    let mut script = Script::new(seed);
    let folder = TempDir::new().unwrap();
    let cores = script.cores.clone();
    let open = || SqliteStore::open(&options(&folder), cores.clone()).unwrap();
    let memory = MemoryStore::new(cores.clone());
    let mut file = open();
    let mut accepted = 0;
    for step in 0..STEPS {
        let (command, now) = script.next();
        let expected = command.clone().run(&memory, now);
        let found = command.clone().run(&file, now);
        assert_eq!(found, expected, "step {step} of seed {seed}: {command:?}");
        accepted += usize::from(script.learn(&expected));
        if step % 400 == 399 {
            drop(file);
            file = open();
        }
    }
    assert!(accepted > STEPS / 4, "{accepted} of seed {seed}");
}

/// A command of either service.
#[derive(Clone, Debug)]
enum Either {
    Authenticate(authentication::Command),
    Deliver(Box<Command>),
}

#[derive(Debug, PartialEq)]
enum Answer {
    Authentication(Result<AuthenticationAnswer, StoreError>),
    Delivery(Result<DeliveryAnswer, StoreError>),
}

impl Either {
    fn run(self, store: &dyn ProviderStore, now: Timestamp) -> Answer {
        match self {
            Self::Authenticate(command) => {
                Answer::Authentication(store.authenticate_and_wait(command, now))
            }
            Self::Deliver(command) => Answer::Delivery(store.deliver_and_wait(*command, now)),
        }
    }
}

/// Makes commands, of which many can be accepted.
struct Script {
    cores: Cores,
    rng: ChaCha20Rng,
    now: Timestamp,
    members: Vec<Member>,
    /// By the first byte of the group's id: a guess that is mostly right.
    epochs: [u64; GROUPS as usize],
    packages: Vec<Package>,
    made: Vec<Either>,
    invites: Vec<InviteCode>,
}

struct Package {
    device: DeviceName,
    key: DeviceKey,
    reference: KeyPackageRefBytes,
    bytes: KeyPackageBytes,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let members = (0..GROUPS)
            .flat_map(|group| (0..SLOTS).map(move |slot| Member::new(GroupId([group; 32]), slot)));
        Self {
            cores: new_cores(&mut rng),
            members: members.collect(),
            rng,
            now: NOW,
            epochs: [0; GROUPS as usize],
            packages: packages(),
            made: Vec::new(),
            invites: Vec::new(),
        }
    }

    fn next(&mut self) -> (Either, Timestamp) {
        if self.below(50) == 0 {
            self.now.0 += self.rng.next_u64() % (DAY / 4);
        }
        let deliver = |command| Either::Deliver(Box::new(command));
        let member = self.below(self.members.len());
        let command = match self.below(14) {
            0 if !self.made.is_empty() => {
                let again = self.below(self.made.len());
                self.made[again].clone()
            }
            0 | 1 => deliver(self.members[member].create()),
            2 => {
                let (member, delivery) = (&self.members[member], &self.cores.delivery);
                let ticket = ticket(member.slot.0[0]);
                deliver(member.redeem_at(delivery, &ticket, self.now))
            }
            3..6 => deliver(self.append(member)),
            6 | 7 => deliver(self.read(member)),
            8 => deliver(self.upload()),
            9 => deliver(self.key_packages()),
            10 | 11 => deliver(self.inbox()),
            _ => Either::Authenticate(self.registration()),
        };
        self.made.push(command.clone());
        (command, self.now)
    }

    /// Keeps what later commands can use; whether the command was accepted.
    fn learn(&mut self, answer: &Answer) -> bool {
        match answer {
            Answer::Authentication(answer) => {
                let reply = answer.as_ref().unwrap();
                if let Ok(authentication::Reply::Invited(code)) = reply {
                    self.invites.push(code.clone());
                }
                reply.is_ok()
            }
            Answer::Delivery(answer) => answer.as_ref().unwrap().reply.is_ok(),
        }
    }

    /// An invite, or a registration with the device's key or another one.
    fn registration(&mut self) -> authentication::Command {
        let (choice, invite) = (self.below(3), self.below(1 + self.invites.len()));
        let invite = self.invites.get(invite).cloned();
        let package = self.below(self.packages.len());
        let device = &self.packages[package].device;
        let service = &self.cores.authentication;
        if choice == 0 {
            let user = package.is_multiple_of(2).then(|| device.user().clone());
            return service.invite(user, &mut self.rng);
        }
        let key = DeviceKey::generate(&mut rng());
        let key = if choice == 1 {
            &self.packages[package].key
        } else {
            &key
        };
        let request = key.certificate_request(device).unwrap();
        let register = Register {
            device: device.clone(),
            request: request.try_into().unwrap(),
            invite,
        };
        service.register(register, self.now, &mut self.rng).unwrap()
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u64() % bound as u64).unwrap()
    }

    fn append(&mut self, member: usize) -> Command {
        let group = usize::from(self.members[member].group.0[0]);
        let slot = u8::try_from(self.below(usize::from(SLOTS))).unwrap();
        let kind = self.below(6);
        let epoch = self.epochs[group].saturating_sub(u64::from(self.below(8) == 0));
        if kind < 3 {
            self.epochs[group] = epoch + 1;
        }
        let member = &self.members[member];
        let other = SlotId([slot; 16]);
        let append = match kind {
            _ if other == member.slot => member.application(epoch, b"to myself"),
            0 => member.commit(epoch),
            1 => member.adding(epoch, other, &ticket(slot)),
            2 => member.removing(epoch, other),
            _ => member.application(epoch, &vec![slot; 20_000 * kind]),
        };
        member.command_at(&self.cores.delivery, Action::Append(append), self.now)
    }

    fn read(&mut self, member: usize) -> Command {
        let place = Sequence(self.below(30) as u64);
        let action = match self.below(3) {
            0 => Action::Follow { after: place },
            1 => Action::Welcome { sequence: place },
            _ => Action::Read {
                after: place,
                limit: u16::try_from(1 + self.below(256)).unwrap(),
            },
        };
        self.members[member].command_at(&self.cores.delivery, action, self.now)
    }

    /// Some of one device's packages, expired ones excepted.
    fn upload(&mut self) -> Command {
        let device = self.package().device.clone();
        let of_device = self.packages.iter().filter(|p| p.device == device);
        let packages: Vec<_> = of_device.map(|p| p.bytes.clone()).collect();
        let count = 1 + self.below(packages.len());
        let upload = UploadKeyPackages {
            packages: packages[..count].to_vec().try_into().unwrap(),
        };
        let checked = self
            .cores
            .delivery
            .upload_key_packages(device.clone(), upload, self.now);
        checked.unwrap_or(Command::CountKeyPackages { device })
    }

    fn key_packages(&mut self) -> Command {
        let device = self.package().device.clone();
        if self.below(4) == 0 {
            return Command::CountKeyPackages { device };
        }
        let user = device.user().clone();
        Command::ClaimKeyPackages(ClaimKeyPackages { user })
    }

    fn inbox(&mut self) -> Command {
        let place = InboxCursor(self.below(12) as u64);
        let package = self.package();
        let (device, key_package_ref) = (package.device.clone(), package.reference.clone());
        match self.below(4) {
            0 => Command::ReadInbox {
                device,
                after: place,
            },
            1 => Command::AckInbox {
                device,
                ack: AckInbox { through: place },
            },
            _ => Command::PostPointer(PostPointer {
                to: device,
                idempotency: IdempotencyKey(folkmoot_crypto::random(&mut self.rng)),
                key_package_ref,
                pointer: SealedPointer([7; SealedPointer::LENGTH]),
            }),
        }
    }

    fn package(&mut self) -> &Package {
        let number = self.below(self.packages.len());
        &self.packages[number]
    }
}

/// Five key packages of each of two devices of two users.
fn packages() -> Vec<Package> {
    let validity = Validity::from_now(NOW, 100 * DAY);
    let domain = "example.org".parse().unwrap();
    let root = RootAuthority::create(&domain, validity, &mut rng()).unwrap();
    let issuing = root.create_issuing(validity, &mut rng()).unwrap();
    let names = ["alice/phone", "alice/laptop", "bob/phone", "bob/laptop"];
    let devices = names.map(|name| format!("mimi://example.org/d/{name}"));
    devices
        .iter()
        .flat_map(|device| packages_of(&issuing, &device.parse().unwrap(), validity))
        .collect()
}

fn packages_of(
    issuing: &IssuingAuthority,
    device: &DeviceName,
    validity: Validity,
) -> Vec<Package> {
    let key = DeviceKey::generate(&mut rng());
    let request = key.certificate_request(device).unwrap();
    let request = CertificateRequest::verify(&request).unwrap();
    let certificate = issuing
        .issue_device(&request, validity, &mut rng())
        .unwrap();
    let package = |number: u64| {
        let signature = suite_one().generate_signature_key_pair(&mut rng()).unwrap();
        let public = &signature.public;
        let credential =
            issue_leaf_credential(&key, &certificate, public, validity, &mut rng()).unwrap();
        let member = folkmoot_mls::Member::new(credential, signature);
        let lifetime = Lifetime {
            not_before: NOW,
            not_after: Timestamp(NOW.0 + (1 + number) * DAY),
        };
        let (package, _) = KeyPackage::generate(suite_one(), member, lifetime, &mut rng()).unwrap();
        Package {
            device: device.clone(),
            key: key.clone(),
            reference: package
                .reference(suite_one())
                .0
                .as_slice()
                .try_into()
                .unwrap(),
            bytes: package.to_message().encode().try_into().unwrap(),
        }
    };
    (0..5).map(package).collect()
}
