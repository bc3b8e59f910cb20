//! The engine's hot functions by its public API, in a steady group that is small enough to make in no time. For
//! comparisons of two versions of the engine on one machine; figures beside a floor are the command's.
#![forbid(unsafe_code)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use folkmoot_bench::memory::Memory;
use folkmoot_bench::steady::{self, Steady};
use folkmoot_mls::{Group, KeyPackage, MlsMessage, Settings};
use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

const MEMBERS: u32 = 1000;
/// KeyPackages that are verified at once.
const PACKAGES: usize = 100;
const DATA: [u8; 1024] = [b'm'; 1024];

fn group() -> Steady {
    Steady::new(MEMBERS).expect("a group of this size can be made")
}

fn commits(criterion: &mut Criterion) {
    let mut group = group();
    criterion.bench_function("commit", |bencher| {
        bencher.iter(|| group.commit().expect("own keys"));
    });
    let commit = group.commit().expect("own keys");
    criterion.bench_function("decode_commit", |bencher| {
        bencher.iter(|| MlsMessage::decode(black_box(&commit)).expect("a message"));
    });
}

fn process(criterion: &mut Criterion) {
    let group = RefCell::new(group());
    criterion.bench_function("process", |bencher| {
        bencher.iter_batched(
            || group.borrow_mut().commit().expect("own keys"),
            |commit| group.borrow_mut().receive(&commit).expect("in order"),
            BatchSize::SmallInput,
        );
    });
}

fn messages(criterion: &mut Criterion) {
    let group = RefCell::new(group());
    criterion.bench_function("send", |bencher| {
        bencher.iter(|| group.borrow_mut().seal(&DATA).expect("own keys"));
    });
    // The receiver reads none of those, and no more may be skipped than the settings say.
    let commit = group.borrow_mut().commit().expect("own keys");
    let entered = group.borrow_mut().receive(&commit).expect("in order");
    drop(entered);
    criterion.bench_function("receive", |bencher| {
        bencher.iter_batched(
            || group.borrow_mut().seal(&DATA).expect("own keys"),
            |message| group.borrow_mut().receive(&message).expect("in order"),
            BatchSize::SmallInput,
        );
    });
}

/// All of a tree is decoded, hashed and verified by a join; loading reads nearly nothing of it.
fn trees(criterion: &mut Criterion) {
    let group = group();
    criterion.bench_function("join", |bencher| {
        bencher.iter(|| group.join().expect("an honest Welcome"));
    });
    let crypto = steady::crypto().expect("suite 1");
    let mut records = Memory::default();
    records.apply(group.joined().clone());
    criterion.bench_function("load", |bencher| {
        bencher.iter(|| Group::load(crypto, &records, Settings::default()).expect("own records"));
    });
    criterion.bench_function("decode_welcome", |bencher| {
        bencher.iter(|| MlsMessage::decode(black_box(group.welcome())).expect("a message"));
    });
    let packages = group.key_packages(PACKAGES);
    let (auth, settings) = (group.authentication(), Settings::default());
    criterion.bench_function("verify_all", |bencher| {
        bencher.iter_batched(
            || packages.clone(),
            |packages| {
                KeyPackage::verify_all(packages, crypto, auth, &settings, None).expect("valid")
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group! {
    name = engine;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .sample_size(30);
    targets = commits, process, messages, trees
}
criterion_main!(engine);
