//! What was measured, for people and for programs.

use crate::credentials::CredentialKind;
use crate::engine::{Implementation, Measured, Op, Series, Size, micros};
use crate::hostile::Attack;
use crate::primitives::as_f64;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What all cores have a part in, and what its line of JSON is called.
const PARALLEL: [(Op, &str); 3] = [
    (Op::Build, "parallel_build"),
    (Op::Join, "parallel_join"),
    (Op::SparseCommit, "parallel_sparse_commit"),
];

/// One line of JSON. `null` where there is no figure: an operation over its bound, or one that has none.
#[derive(Serialize)]
struct Line<'a> {
    op: &'a str,
    members: u32,
    #[serde(rename = "impl")]
    implementation: &'a str,
    credential: &'a str,
    median_us: Option<f64>,
    floor_us: Option<f64>,
    x_floor: Option<f64>,
    bytes: Option<usize>,
    /// What became of an attack.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
}

/// One object per line.
pub(crate) fn print_json(measured: &Measured) {
    for size in &measured.sizes {
        lines(size).for_each(|line| print_line(&line));
    }
    for attack in &measured.attacks {
        print_line(&attack_line(attack));
    }
}

fn print_line(line: &Line<'_>) {
    match serde_json::to_string(line) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("a line of the report: {error}"),
    }
}

fn attack_line(attack: &Attack) -> Line<'_> {
    let median = attack.series.median();
    Line {
        op: attack.name,
        members: attack.leaves,
        implementation: Implementation::Folkmoot.name(),
        credential: CredentialKind::Basic.name(),
        median_us: median.map(|sample| round(micros(sample.time()))),
        floor_us: None,
        x_floor: None,
        bytes: median.map(|sample| sample.bytes),
        outcome: Some(&attack.outcome),
    }
}

fn lines(size: &Size) -> impl Iterator<Item = Line<'static>> {
    let all = size.series.iter().filter(|((op, _), _)| op.is_main());
    let measured = all.map(|((op, who), series)| line(size, *op, *who, series));
    let floors = size.floors.keys().filter(|op| op.is_main()).map(|op| Line {
        op: op.name(),
        members: size.members,
        implementation: Implementation::Primitive.name(),
        credential: size.credential.name(),
        median_us: floor(size, *op),
        floor_us: floor(size, *op),
        x_floor: Some(1.0),
        bytes: None,
        outcome: None,
    });
    let parallel = PARALLEL
        .iter()
        .filter_map(|(op, name)| Some((name, parallel(size, *op)?)));
    let parallel = parallel.map(|(name, part)| Line {
        op: name,
        members: size.members,
        implementation: Implementation::Folkmoot.name(),
        credential: size.credential.name(),
        median_us: Some(round(part.time)),
        floor_us: Some(round(part.floor)),
        x_floor: Some(round(part.share())),
        bytes: None,
        outcome: None,
    });
    let all = measured.chain(floors).chain(parallel);
    all.collect::<Vec<_>>().into_iter()
}

/// What is left of an operation when all is taken away that one core has to do.
struct Parallel {
    time: f64,
    /// At all cores' throughput.
    floor: f64,
}

impl Parallel {
    /// How much of all cores' throughput was reached.
    fn share(&self) -> f64 {
        self.floor / self.time
    }
}

fn parallel(size: &Size, op: Op) -> Option<Parallel> {
    let series = size.series.get(&(op, Implementation::Folkmoot))?;
    let counted = size.floors.get(&op)?;
    let (floor, all) = (
        counted.parallel_cost(&size.costs),
        counted.cost(&size.costs),
    );
    let time = time(series, op)? - (all - floor);
    (time > 0.0).then_some(Parallel { time, floor })
}

fn line(size: &Size, op: Op, who: Implementation, series: &Series) -> Line<'static> {
    let median = time(series, op);
    let floor = floor(size, op);
    Line {
        op: op.name(),
        members: size.members,
        implementation: who.name(),
        credential: size.credential.name(),
        median_us: median.map(round),
        floor_us: floor,
        x_floor: median.zip(floor).map(|(time, floor)| round(time / floor)),
        bytes: series.median().map(|sample| sample.bytes),
        outcome: None,
    }
}

/// The median in microseconds; memory takes none.
pub(crate) fn time(series: &Series, op: Op) -> Option<f64> {
    let timed = !op.is_memory();
    series
        .median()
        .filter(|_| timed)
        .map(|sample| micros(sample.time()))
}

/// What the primitives cost that RFC 9420 forces, in microseconds.
pub(crate) fn floor(size: &Size, op: Op) -> Option<f64> {
    let floor = size.floors.get(&op)?.cost(&size.costs);
    Some(round(floor))
}

/// To a hundredth.
fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Tables for people.
pub(crate) fn tables(measured: &Measured) -> String {
    let sizes = measured.sizes.iter().map(table);
    format!(
        "Suite {}.\n\n{}{}* at all cores' throughput. *beside*: of store the bytes \
         of its write-ahead log, as of what ends in _stored, of send and receive the message, of others the bytes left to be stored.\n",
        measured.suite,
        sizes.collect::<String>(),
        attacks(&measured.attacks)
    )
}

/// A table of its own: there is no floor for them.
fn attacks(attacks: &[Attack]) -> String {
    let rows = attacks.iter().map(|attack| {
        let median = attack.series.median();
        let time = median.map(|sample| duration(micros(sample.time())));
        let bytes = median.map(|sample| length(sample.bytes));
        let [time, bytes] = [time, bytes].map(Option::unwrap_or_default);
        let (name, leaves, outcome) = (attack.name, attack.leaves, &attack.outcome);
        format!("| {name} | {leaves} | {time} | {bytes} | {outcome} |\n")
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "### Hostile input\n\n| attack | leaves | Folkmoot | bytes | outcome |\n\
         | --- | --: | --: | --: | --- |\n{rows}\n"
    )
}

/// A size as a Markdown table, and the steps and counts below it.
fn table(size: &Size) -> String {
    let all = size.series.keys().map(|(_, who)| *who);
    let peers: BTreeSet<_> = all.filter(|who| who.is_peer()).collect();
    let mut head: Vec<String> = ["operation", "Folkmoot", "floor", "× floor"]
        .map(String::from)
        .into();
    for peer in &peers {
        head.extend([peer.name().to_owned(), "×".to_owned()]);
    }
    head.extend(["bytes", "beside", "primitives of the floor"].map(String::from));
    let rule = head.iter().map(|title| match title.as_str() {
        "operation" | "primitives of the floor" => "---".to_owned(),
        _ => "--:".to_owned(),
    });
    let mut rows = vec![head.clone(), rule.collect()];
    let own = size
        .series
        .iter()
        .filter(|((_, who), _)| *who == Implementation::Folkmoot);
    rows.extend(own.map(|((op, _), series)| cells(size, *op, series, &peers)));
    let rows: Vec<_> = rows
        .iter()
        .map(|row| format!("| {} |\n", row.join(" | ")))
        .collect();
    format!(
        "### {} members, {} credentials\n\n{}\nSteps of Folkmoot's medians: {}.\n\n{}",
        size.members,
        size.credential.name(),
        rows.concat(),
        steps(size),
        remarks(size)
    )
}

/// What no row has room for.
fn remarks(size: &Size) -> String {
    let shares = PARALLEL
        .iter()
        .filter_map(|(op, _)| Some((op.name(), parallel(size, *op)?.share())));
    let shares: Vec<_> = shares
        .map(|(name, share)| format!("{name} {share:.2}"))
        .collect();
    let mut text = format!(
        "Share of all cores' throughput reached: {}.\n\n",
        shares.join(", ")
    );
    let own = |op| size.series.get(&(op, Implementation::Folkmoot));
    if let Some(series) = own(Op::CatchUp).filter(|series| !series.samples.is_empty()) {
        let all: f64 = series.samples.iter().map(|one| micros(one.time())).sum();
        let commits = series.samples.len();
        let bytes = series.median().map_or(0, |sample| sample.bytes);
        let _ = write!(
            text,
            "Catching up: {commits} commits of {} together in {}, {:.0} per second.\n\n",
            length(bytes),
            duration(all),
            as_f64(commits) * 1e6 / all
        );
    }
    if let Some(series) = own(Op::SendStored).filter(|series| !series.samples.is_empty()) {
        let messages = series.samples.len();
        let wrote = series.samples.iter().filter(|one| one.bytes > 0).count();
        let all: f64 = series.samples.iter().map(|one| micros(one.time())).sum();
        let _ = write!(
            text,
            "Sending and storing: {wrote} of {messages} messages had something to store; {} each on average.\n\n",
            duration(all / as_f64(messages))
        );
    }
    text
}

fn cells(size: &Size, op: Op, own: &Series, peers: &BTreeSet<Implementation>) -> Vec<String> {
    let (time, floor) = (time(own, op), floor(size, op));
    let ratio = time
        .zip(floor)
        .map(|(time, floor)| format!("{:.2}", time / floor));
    let shown = |time: Option<f64>| time.map(duration).unwrap_or_default();
    let mut cells = vec![
        op.name().into(),
        shown(time),
        shown(floor),
        ratio.unwrap_or_default(),
    ];
    for peer in peers {
        cells.extend(peer_cells(size, op, *peer, own));
    }
    let bytes = own.median().map(|sample| length(sample.bytes));
    let beside = own.beside().map(length);
    let counts = size.floors.get(&op).map(crate::engine::Floor::counts);
    cells.extend([bytes, beside, counts].map(Option::unwrap_or_default));
    cells
}

fn peer_cells(size: &Size, op: Op, peer: Implementation, own: &Series) -> [String; 2] {
    let Some(series) = size.series.get(&(op, peer)) else {
        return [String::new(), String::new()];
    };
    if series.over_bound {
        return ["over bound".into(), String::new()];
    }
    let (shown, ratio) = if op.is_memory() {
        let bytes = |series: &Series| series.median().map_or(0, |sample| sample.bytes);
        let ratio = as_f64(bytes(series)) / as_f64(bytes(own)).max(1.0);
        (length(bytes(series)), ratio)
    } else {
        match time(series, op).zip(time(own, op)) {
            Some((time, own)) => (duration(time), time / own),
            None => return [String::new(), String::new()],
        }
    };
    [shown, format!("{ratio:.1}")]
}

fn steps(size: &Size) -> String {
    let mut parts = Vec::new();
    for ((op, who), series) in &size.series {
        if let (Implementation::Folkmoot, Some(sample)) = (*who, series.median())
            && sample.steps.len() > 1
        {
            let steps = sample.steps.iter();
            let steps: Vec<_> = steps
                .map(|(name, time)| format!("{name} {}", duration(micros(*time))))
                .collect();
            parts.push(format!("{}: {}", op.name(), steps.join(", ")));
        }
    }
    parts.join("; ")
}

fn duration(micros: f64) -> String {
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

fn length(bytes: usize) -> String {
    let bytes = as_f64(bytes);
    match bytes {
        ..2e4 => format!("{bytes:.0} B"),
        ..2e6 => format!("{:.0} kB", bytes / 1e3),
        _ => format!("{:.1} MB", bytes / 1e6),
    }
}
