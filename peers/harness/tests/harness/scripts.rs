//! The scripts, by kind.

use crate::script::{
    Branch, Enter, ReInit, Step, Successor, What, add, add_signer, commit, create, enter,
    extensions, external_psk, names, offer, open, outside, propose, psk, remove, seal,
};

pub(crate) type Script = (&'static str, Vec<Step>);

pub(crate) fn joins() -> Vec<Script> {
    let invited = |rest: Vec<Step>| {
        let begin = vec![
            create("ada", &[]),
            offer("ben"),
            propose("ada", "add ben", add("ben")),
        ];
        begin.into_iter().chain(rest).collect()
    };
    let welcome = || commit("ada").references(&["add ben"]);
    vec![
        ("without path", invited(vec![welcome().into()])),
        ("with path", invited(vec![welcome().with_path().into()])),
        ("tree apart", invited(vec![welcome().apart().into()])),
        (
            "tree apart, with path",
            invited(vec![welcome().with_path().apart().into()]),
        ),
        (
            "with a pre-shared key",
            invited(vec![
                psk("k", &["ada", "ben"]),
                propose("ada", "mix k", external_psk("k")),
                commit("ada").references(&["add ben", "mix k"]).into(),
            ]),
        ),
        (
            "a pre-shared key by value, tree apart",
            invited(vec![
                psk("k", &["ada", "ben"]),
                welcome().values(&[external_psk("k")]).apart().into(),
            ]),
        ),
    ]
}

pub(crate) fn commits() -> Vec<Script> {
    vec![
        (
            "empty",
            vec![
                create("ada", &["ben"]),
                commit("ada").into(),
                commit("ben").into(),
            ],
        ),
        ("adds", adds()),
        ("removals", removals()),
        (
            "updates",
            vec![
                create("ada", &["ben", "cleo"]),
                propose("ben", "update ben", What::Update),
                propose("cleo", "update cleo", What::Update),
                commit("ada")
                    .references(&["update ben", "update cleo"])
                    .into(),
                propose("ada", "update ada", What::Update),
                commit("cleo").references(&["update ada"]).into(),
            ],
        ),
        ("group extensions", group_extensions()),
        ("everything, by the committer", everything("ada")),
        ("everything, by another", everything("ben")),
    ]
}

/// By value and by reference, of the committer's own and of another, with and without path.
fn adds() -> Vec<Step> {
    let round = |[one, two, three]: [&str; 3], with_path: bool| {
        let mut all = commit("ada")
            .references(&["first", "second"])
            .values(&[add(three)]);
        all.force_path = with_path;
        vec![
            offer(one),
            offer(two),
            offer(three),
            propose("ada", "first", add(one)),
            propose("ben", "second", add(two)),
            all.into(),
        ]
    };
    let mut steps = vec![create("ada", &["ben"])];
    steps.extend(round(["c1", "c2", "c3"], true));
    steps.extend(round(["d1", "d2", "d3"], false));
    steps
}

fn removals() -> Vec<Step> {
    vec![
        create("ada", &["ben", "c1", "c2", "c3", "c4"]),
        propose("ada", "first", remove("c1")),
        propose("ben", "second", remove("c2")),
        commit("ada")
            .references(&["first", "second"])
            .values(&[remove("c3")])
            .into(),
        // Who wants to leave proposes it (RFC 9420 §12.1.3).
        propose("c4", "leave", remove("c4")),
        commit("ben").references(&["leave"]).into(),
        // The same client again, in another's place.
        offer("c1"),
        commit("ben").values(&[add("c1")]).into(),
    ]
}

fn group_extensions() -> Vec<Step> {
    vec![
        create("ada", &["ben"]),
        propose("ada", "both", What::Extensions(extensions(true))),
        commit("ada").references(&["both"]).into(),
        propose("ben", "none", What::Extensions(Vec::new())),
        commit("ada").references(&["none"]).into(),
        commit("ada")
            .values(&[What::Extensions(extensions(false))])
            .into(),
    ]
}

fn everything(proposer: &str) -> Vec<Step> {
    let mut steps = vec![
        create("ada", &["ben", "c1", "c2"]),
        commit("ben").into(),
        psk("k1", &["ada", "ben"]),
        psk("k2", &["ada", "ben"]),
        offer("d1"),
        offer("d2"),
        propose(proposer, "add", add("d1")),
        propose(proposer, "remove", remove("c1")),
        propose(proposer, "extend", What::Extensions(extensions(true))),
        propose("ben", "update", What::Update),
    ];
    let commit = commit("ada")
        .references(&["add", "remove", "extend", "update"])
        .values(&[add("d2"), remove("c2")]);
    steps.push(commit.clone().into());
    // Joiners hold no keys of earlier epochs, so that these wait for a commit without any.
    let mixed = [
        propose(proposer, "mix", external_psk("k1")),
        propose(proposer, "resume", What::ResumptionPsk(1)),
    ];
    let leave = [
        propose(proposer, "out 1", remove("d1")),
        propose(proposer, "out 2", remove("d2")),
    ];
    steps.extend(leave);
    steps.extend(mixed);
    let last = crate::script::commit("ada")
        .references(&["out 1", "out 2", "mix", "resume"])
        .values(&[external_psk("k2"), What::ResumptionPsk(2)]);
    steps.push(last.into());
    steps
}

pub(crate) fn pre_shared_keys() -> Vec<Script> {
    let external = |with_path: bool| {
        let mut mixing = commit("ada")
            .references(&["first", "second"])
            .values(&[external_psk("k3")]);
        mixing.force_path = with_path;
        vec![
            propose("ada", "first", external_psk("k1")),
            propose("ben", "second", external_psk("k2")),
            mixing.into(),
        ]
    };
    let resumed = |first: u64| {
        vec![
            propose("ada", "first", What::ResumptionPsk(first)),
            propose("ben", "second", What::ResumptionPsk(first + 1)),
            commit("ada")
                .references(&["first", "second"])
                .values(&[What::ResumptionPsk(first + 2)])
                .into(),
        ]
    };
    let mut externals = vec![create("ada", &["ben"])];
    externals.extend(["k1", "k2", "k3"].map(|key| psk(key, &["ada", "ben"])));
    externals.extend(external(true));
    externals.extend(external(false));
    let mut resumptions = vec![
        create("ada", &["ben"]),
        commit("ada").into(),
        commit("ben").into(),
    ];
    resumptions.extend(resumed(1));
    resumptions.extend(resumed(2));
    vec![("external", externals), ("resumption", resumptions)]
}

pub(crate) fn external_joins() -> Vec<Script> {
    let apart = |entering: Enter| Enter {
        tree_apart: true,
        ..entering
    };
    let again = |entering: Enter| Enter {
        replaces: true,
        ..entering
    };
    let with_key = |entering: Enter| Enter {
        psks: names(&["k"]),
        ..entering
    };
    vec![
        (
            "one by one, tree inside and apart",
            vec![
                create("ada", &[]),
                enter("ben", "ada").into(),
                apart(enter("cleo", "ben")).into(),
                commit("cleo").into(),
            ],
        ),
        (
            "with a pre-shared key",
            vec![
                create("ada", &["ben"]),
                psk("k", &["ada", "ben"]),
                with_key(enter("cleo", "ben")).into(),
                commit("ada").values(&[external_psk("k")]).into(),
            ],
        ),
        (
            "in one's own earlier place",
            vec![
                create("ada", &["ben", "cleo"]),
                again(enter("ben", "ada")).into(),
                again(apart(enter("ben", "cleo"))).into(),
                commit("ben").into(),
                again(enter("ada", "ben")).into(),
            ],
        ),
        (
            "into a larger group",
            vec![
                create("ada", &["ben", "cleo", "dora"]),
                enter("eve", "dora").into(),
                commit("eve").values(&[remove("ada")]).into(),
                enter("fay", "eve").into(),
            ],
        ),
    ]
}

pub(crate) fn outsiders() -> Vec<Script> {
    let admitted = |rest: Vec<Step>| {
        let begin = vec![
            create("ada", &["ben", "cleo"]),
            psk("k1", &["ada", "ben", "cleo"]),
            psk("k2", &["ada", "ben", "cleo"]),
            add_signer("ada", "ds", "admit"),
            commit("ada").references(&["admit"]).into(),
        ];
        begin.into_iter().chain(rest).collect()
    };
    let proposed = |what: What| {
        admitted(vec![
            outside("ds", "ada", "proposed", what),
            commit("ben").references(&["proposed"]).into(),
        ])
    };
    let asked = |joiner: &str, label: &str| Step::AskToJoin {
        joiner: joiner.into(),
        host: "ada".into(),
        label: label.into(),
    };
    vec![
        (
            "those who add themselves",
            vec![
                create("ada", &[]),
                asked("ben", "first"),
                commit("ada").references(&["first"]).into(),
                asked("cleo", "second"),
                commit("ben").references(&["second"]).apart().into(),
            ],
        ),
        (
            "an Add",
            admitted(vec![
                offer("dora"),
                outside("ds", "ada", "proposed", add("dora")),
                commit("ada").references(&["proposed"]).into(),
            ]),
        ),
        ("a Remove", proposed(remove("cleo"))),
        ("an external key", proposed(external_psk("k1"))),
        ("a resumption key", proposed(What::ResumptionPsk(2))),
        (
            "group extensions",
            proposed(What::Extensions(extensions(false))),
        ),
        (
            "several, and another sender",
            admitted(vec![
                add_signer("ben", "as", "admit too"),
                commit("ada").references(&["admit too"]).into(),
                outside("ds", "ben", "first", external_psk("k1")),
                outside("as", "ada", "second", external_psk("k2")),
                commit("ada").references(&["first", "second"]).into(),
            ]),
        ),
        (
            "a ReInit",
            admitted(vec![
                outside(
                    "ds",
                    "ada",
                    "proposed",
                    What::ReInit(Successor {
                        other_id: true,
                        other_suite: true,
                        extensions: extensions(false),
                    }),
                ),
                Step::ReInit(ReInit {
                    force_path: true,
                    ..reinit("ada", "ben")
                }),
                commit("cleo").into(),
            ]),
        ),
    ]
}

fn reinit(committer: &str, welcomer: &str) -> ReInit {
    ReInit {
        proposal: "proposed".into(),
        committer: committer.into(),
        welcomer: welcomer.into(),
        ..ReInit::default()
    }
}

pub(crate) fn reinits() -> Vec<Script> {
    let group = || create("ada", &["ben", "cleo", "dora", "eve"]);
    let followed = |successor: Successor, reinit: ReInit| {
        vec![
            group(),
            propose("ada", "proposed", What::ReInit(successor)),
            Step::ReInit(reinit),
            // It goes on like any other.
            commit("dora").into(),
            seal("eve", "hello"),
            open("ada", "hello"),
        ]
    };
    let other_id = || Successor {
        other_id: true,
        ..Successor::default()
    };
    let other_suite = || Successor {
        other_suite: true,
        ..Successor::default()
    };
    let extended = || Successor {
        extensions: extensions(true),
        ..Successor::default()
    };
    let each = || reinit("ben", "cleo");
    vec![
        ("another suite", followed(other_suite(), each())),
        ("another id", followed(other_id(), each())),
        ("other extensions", followed(extended(), each())),
        ("all by one", followed(other_id(), reinit("ada", "ada"))),
        (
            "tree apart",
            followed(
                other_id(),
                ReInit {
                    tree_apart: true,
                    ..each()
                },
            ),
        ),
        (
            "with path",
            followed(
                other_id(),
                ReInit {
                    force_path: true,
                    ..each()
                },
            ),
        ),
        (
            "twice",
            vec![
                group(),
                propose("ada", "proposed", What::ReInit(other_suite())),
                Step::ReInit(each()),
                propose("eve", "proposed", What::ReInit(other_suite())),
                Step::ReInit(reinit("dora", "eve")),
            ],
        ),
    ]
}

pub(crate) fn branches() -> Vec<Script> {
    let branch = |members: &[&str]| Branch {
        by: "ada".into(),
        members: names(members),
        ..Branch::default()
    };
    let all = || branch(&["ben", "cleo", "dora", "eve"]);
    let branched = |branch: Branch| {
        vec![
            create("ada", &["ben", "cleo", "dora", "eve"]),
            Step::Branch(branch),
            commit("ben").into(),
        ]
    };
    vec![
        ("everybody", branched(all())),
        ("some", branched(branch(&["ben", "eve"]))),
        (
            "with the keys that its members hold",
            vec![
                create("ada", &["ben", "cleo"]),
                psk("k", &["ada", "ben"]),
                Step::Branch(branch(&["ben"])),
                commit("ben").values(&[external_psk("k")]).into(),
            ],
        ),
        (
            "other extensions",
            branched(Branch {
                extensions: extensions(true),
                ..all()
            }),
        ),
        (
            "tree apart",
            branched(Branch {
                tree_apart: true,
                ..all()
            }),
        ),
        (
            "with path",
            branched(Branch {
                force_path: true,
                ..all()
            }),
        ),
    ]
}

pub(crate) fn messages() -> Vec<Script> {
    let sealed = |labels: &[&str]| {
        labels
            .iter()
            .map(|one| seal("ada", one))
            .collect::<Vec<_>>()
    };
    let opened = |by: &str, labels: &[&str]| {
        let labels = labels.iter();
        labels.map(|one| open(by, one)).collect::<Vec<_>>()
    };
    let begin = vec![create("ada", &["ben", "cleo"])];
    let in_one_epoch = |order: &[&str]| {
        let sent = sealed(&["1", "2", "3"]);
        let read = opened("ben", order);
        [begin.clone(), sent, read, opened("cleo", &["2"])].concat()
    };
    let across = [
        begin.clone(),
        sealed(&["1", "2"]),
        vec![commit("ada").into(), commit("ben").into()],
        sealed(&["3", "4"]),
        opened("ben", &["4", "3", "2", "1"]),
        opened("cleo", &["1", "4"]),
    ];
    // Far into a ratchet, and back.
    let many: Vec<_> = (0..300).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let deep = [
        begin.clone(),
        sealed(&many),
        opened("ben", &["299", "0", "150", "149", "298"]),
        vec![commit("cleo").into()],
        opened("ben", &["151", "1"]),
    ];
    vec![
        ("in order", in_one_epoch(&["1", "2", "3"])),
        ("out of order", in_one_epoch(&["3", "1", "2"])),
        ("across epochs", across.concat()),
        ("deep", deep.concat()),
    ]
}
