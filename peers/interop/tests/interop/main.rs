//! Every scenario and random scripts, for each group of engines and each suite that all of it have.

mod extensions;
mod quirks;
mod random;
mod scenarios;

use interop::Engine::{self, Folkmoot, MlsRs, OpenMls};
use interop::{Handshakes, Settings, Tree};

/// One test of each kind for a group of engines in a suite.
macro_rules! groups {
    ($($name:ident: $cast:expr, suite $suite:literal;)+) => {$(
        mod $name {
            use super::*;

            #[test]
            fn joins() {
                scenarios::play("joins", scenarios::joins, &$cast, $suite);
            }

            #[test]
            fn removals() {
                scenarios::play("removals", scenarios::removals, &$cast, $suite);
            }

            #[test]
            fn updates() {
                scenarios::play("updates", scenarios::updates, &$cast, $suite);
            }

            #[test]
            fn messages() {
                scenarios::play("messages", scenarios::messages, &$cast, $suite);
            }

            #[test]
            fn rivals() {
                scenarios::play("rivals", scenarios::rivals, &$cast, $suite);
            }

            #[test]
            fn pre_shared_keys() {
                scenarios::play("pre-shared keys", scenarios::pre_shared_keys, &$cast, $suite);
            }

            #[test]
            fn group_extensions() {
                scenarios::play("group extensions", scenarios::group_extensions, &$cast, $suite);
            }

            #[test]
            fn external_commits() {
                scenarios::play("external commits", scenarios::external_commits, &$cast, $suite);
            }

            #[test]
            fn random_scripts() {
                random::play(&$cast, $suite);
            }
        }
    )+};
}

groups! {
    openmls_and_mls_rs_in_suite_1: [OpenMls, MlsRs], suite 1;
    openmls_and_mls_rs_in_suite_2: [OpenMls, MlsRs], suite 2;
    openmls_and_mls_rs_in_suite_3: [OpenMls, MlsRs], suite 3;
    folkmoot_and_openmls_in_suite_1: [Folkmoot, OpenMls], suite 1;
    folkmoot_and_openmls_in_suite_2: [Folkmoot, OpenMls], suite 2;
    folkmoot_and_openmls_in_suite_3: [Folkmoot, OpenMls], suite 3;
    folkmoot_and_mls_rs_in_suite_1: [Folkmoot, MlsRs], suite 1;
    folkmoot_and_mls_rs_in_suite_2: [Folkmoot, MlsRs], suite 2;
    folkmoot_and_mls_rs_in_suite_3: [Folkmoot, MlsRs], suite 3;
    folkmoot_and_mls_rs_in_suite_5: [Folkmoot, MlsRs], suite 5;
    folkmoot_and_mls_rs_in_suite_7: [Folkmoot, MlsRs], suite 7;
    all_three_in_suite_1: [Folkmoot, OpenMls, MlsRs], suite 1;
    all_three_in_suite_2: [Folkmoot, OpenMls, MlsRs], suite 2;
    all_three_in_suite_3: [Folkmoot, OpenMls, MlsRs], suite 3;
}

/// The ways to run a group: all in the suite that everyone has, each kind once in the others.
fn settings(suite: u16) -> Vec<Settings> {
    let ways = [
        (Handshakes::Public, Tree::Inside),
        (Handshakes::Private, Tree::Outside),
        (Handshakes::Public, Tree::Outside),
        (Handshakes::Private, Tree::Inside),
    ];
    let ways = if suite == 1 { &ways[..] } else { &ways[..2] };
    ways.iter()
        .map(|(handshakes, tree)| Settings {
            suite,
            handshakes: *handshakes,
            tree: *tree,
        })
        .collect()
}

/// The cast with each of its engines in the first role once.
fn rotations(cast: &[Engine]) -> Vec<Vec<Engine>> {
    let rotation = |by: usize| {
        let mut rotated = cast.to_vec();
        rotated.rotate_left(by);
        rotated
    };
    (0..cast.len()).map(rotation).collect()
}

fn name(cast: &[Engine]) -> String {
    let names: Vec<_> = cast.iter().map(ToString::to_string).collect();
    names.join(" + ")
}
