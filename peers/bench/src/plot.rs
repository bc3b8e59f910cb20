//! Times by members, both logarithmic, as SVG: a panel for each operation.

use crate::credentials::CredentialKind;
use crate::engine::{Implementation, Measured, Op, Size};
use crate::report;
use std::fmt::Write;

const PANELS: [Op; 6] = [
    Op::Build,
    Op::Join,
    Op::SparseCommit,
    Op::Commit,
    Op::Process,
    Op::Load,
];
const COLUMNS: usize = 3;
/// A panel with its labels, and the plot inside it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 28.0;
const INNER_WIDTH: f64 = 232.0;
const INNER_HEIGHT: f64 = 164.0;
const LEGEND: f64 = 34.0;

/// Implementation, colour and dashes of its line.
const LINES: [(Implementation, &str, &str); 4] = [
    (Implementation::Primitive, "#888888", "2 3"),
    (Implementation::Folkmoot, "#0b62a8", ""),
    (Implementation::MlsRs, "#c4561a", "7 3"),
    (Implementation::OpenMls, "#3f8f3a", "7 3 2 3"),
];

/// A point: members and microseconds.
type Point = (f64, f64);

/// Powers of ten around some figures.
#[derive(Clone, Copy)]
struct Decades {
    first: i32,
    last: i32,
}

impl Decades {
    fn around(figures: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let least = figures.clone().reduce(f64::min)?;
        let most = figures.reduce(f64::max)?;
        #[allow(clippy::cast_possible_truncation, reason = "exponents are small")]
        let [first, last] = [least.log10().floor() as i32, most.log10().ceil() as i32];
        Some(Self {
            first,
            last: last.max(first + 1),
        })
    }

    /// From 0 to 1.
    fn place(self, figure: f64) -> f64 {
        (figure.log10() - f64::from(self.first)) / f64::from(self.last - self.first)
    }
}

/// The picture.
pub(crate) fn svg(measured: &Measured) -> String {
    let rows = PANELS.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * as_f64(COLUMNS), HEIGHT * as_f64(rows) + LEGEND);
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>Times of the engine's operations by members, both axes logarithmic</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"
    );
    legend(&mut svg, measured);
    for (number, op) in PANELS.into_iter().enumerate() {
        let x = WIDTH * as_f64(number % COLUMNS);
        let y = HEIGHT * as_f64(number / COLUMNS) + LEGEND;
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(&mut svg, measured, op);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn as_f64(number: usize) -> f64 {
    crate::primitives::as_f64(number)
}

fn legend(svg: &mut String, measured: &Measured) {
    let shown = LINES.into_iter().filter(|(who, ..)| {
        PANELS
            .into_iter()
            .any(|op| !points(measured, op, *who).is_empty())
    });
    for (number, (who, colour, dashes)) in shown.enumerate() {
        let x = LEFT + 130.0 * as_f64(number);
        let name = match who {
            Implementation::Primitive => "floor",
            other => other.name(),
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"18\" x2=\"{}\" y2=\"18\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dashes}\"/><text x=\"{}\" y=\"22\">{name}</text>",
            x + 28.0,
            x + 34.0
        );
    }
}

fn points(measured: &Measured, op: Op, who: Implementation) -> Vec<Point> {
    // What other engines are measured with too.
    let basic = |size: &&Size| size.credential == CredentialKind::Basic;
    let sizes = measured.sizes.iter().filter(basic);
    let points = sizes.filter_map(|size| {
        let time = match who {
            Implementation::Primitive => report::floor(size, op),
            _ => report::time(size.series.get(&(op, who))?, op),
        };
        Some((f64::from(size.members), time?))
    });
    points.collect()
}

fn panel(svg: &mut String, measured: &Measured, op: Op) {
    let all: Vec<_> = LINES
        .iter()
        .flat_map(|(who, ..)| points(measured, op, *who))
        .collect();
    let scales = Decades::around(all.iter().map(|(members, _)| *members))
        .zip(Decades::around(all.iter().map(|(_, time)| *time)));
    let Some((across, up)) = scales else {
        return;
    };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\" font-weight=\"bold\">{}</text>",
        op.name()
    );
    grid(svg, across, up);
    let place = |(members, time): Point| {
        let x = LEFT + INNER_WIDTH * across.place(members);
        (x, TOP + INNER_HEIGHT * (1.0 - up.place(time)))
    };
    for (who, colour, dashes) in LINES {
        let placed = points(measured, op, who).into_iter().map(place);
        let placed: Vec<_> = placed.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dashes}\"/>",
            placed.join(" ")
        );
        for point in &placed {
            let (x, y) = point.split_once(',').unwrap_or_default();
            let _ = writeln!(
                svg,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"2.5\" fill=\"{colour}\"/>"
            );
        }
    }
}

fn grid(svg: &mut String, across: Decades, up: Decades) {
    let (right, bottom) = (LEFT + INNER_WIDTH, TOP + INNER_HEIGHT);
    for power in across.first..=across.last {
        let x = LEFT + INNER_WIDTH * across.place(10_f64.powi(power));
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#dddddd\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            10_f64.powi(power)
        );
    }
    for power in up.first..=up.last {
        let y = TOP + INNER_HEIGHT * (1.0 - up.place(10_f64.powi(power)));
        let label = match power {
            ..3 => format!("{} µs", 10_f64.powi(power)),
            3..6 => format!("{} ms", 10_f64.powi(power - 3)),
            _ => format!("{} s", 10_f64.powi(power - 6)),
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 5.0,
            y + 4.0
        );
    }
}
