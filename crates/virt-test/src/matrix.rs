//! `virt-test migrate-matrix`: migrations from each QEMU to each, in each way, as the tests of one run; and the grid of what came of them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use harness::Plan;
use host::qemu::Qemu;
use report::Results;
use report::matrix::{About, Matrix};

use crate::args::{MatrixArgs, RunArgs, ScheduleArgs};
use crate::config::{Configuration, Files};
use crate::exit::Status;
use crate::options::{self, Line};
use crate::sources::Sources;
use crate::{execute, run, say, selection};

/// The test that is a cell.
const TEST: &str = "migrate_matrix";

/// Machine types meant where none is named.
const MACHINES: [&str; 2] = ["q35", "i440fx"];

/// Runs the matrix; its status is that of a run of tests.
pub fn migrate_matrix(args: &MatrixArgs, typed: &[OsString]) -> Status {
    match run_cells(args, typed) {
        Ok(status) | Err(status) => status,
    }
}

fn run_cells(args: &MatrixArgs, typed: &[OsString]) -> Result<Status, Status> {
    let started = Instant::now();
    let dirs = execute::dirs(args.data_dir.as_deref())?;
    let qemus = Side::all(&args.qemu, &dirs.cache())?;
    let run_args = run_args(args);
    let lines = lines(args, &run_args, &qemus);
    if args.show_config {
        lines.iter().for_each(|line| say::line(&line.text));
        return Ok(Status::Passed);
    }
    let plan = Configuration::load(Files::of_test(TEST), &lines)?.plan()?;
    if args.list {
        selection::list(&plan);
        return Ok(Status::Passed);
    }
    let order = execute::Order {
        args: &run_args,
        lines: &lines,
        typed,
        started,
        console: Box::new(run::console(args.verbose)),
        kvm_probe: run::kvm_probe(),
        alone: true,
    };
    let outcome = order.execute(&plan)?;
    if outcome.status != Status::Setup {
        show(&outcome.results, &plan, &qemus);
    }
    Ok(outcome.status)
}

/// Prints the grid and keeps it beside the results.
fn show(results: &Results, plan: &Plan, qemus: &[Side]) {
    let matrix = Matrix::new(results, about(plan, qemus));
    say::line("");
    say::line(matrix.to_text(run::palette()).trim_end());
    for (name, text) in [
        ("matrix.json", to_json(&matrix)),
        ("matrix.html", Ok(matrix.to_html())),
    ] {
        let path = results.run_dir.join(name);
        match text.and_then(|text| std::fs::write(&path, text)) {
            Ok(()) => say::line(format_args!("MATRIX: {}", path.display())),
            Err(error) => say::error(format!("failed to write {}: {error}", path.display()), &[]),
        }
    }
}

fn to_json(matrix: &Matrix) -> io::Result<String> {
    serde_json::to_string_pretty(matrix).map_err(io::Error::from)
}

/// What each test of the plan is about.
fn about(plan: &Plan, qemus: &[Side]) -> Vec<About> {
    let tests = plan.tests().iter();
    let about = tests.map(|test| {
        let value = |key: &str| test.params().value(key).unwrap_or_default().to_owned();
        let side = |key: &str| {
            let path = value(key);
            let mut sides = qemus.iter();
            let side = sides.find(|side| side.path == Path::new(&path));
            side.map_or(path, |side| side.name.clone())
        };
        About {
            index: test.index,
            from: side("qemu_binary"),
            to: side("qemu_dst_binary"),
            machine: value("machine_type"),
            transport: value("mig_transport"),
            option: value("mig_option"),
        }
    });
    about.collect()
}

/// A QEMU to go from and to.
struct Side {
    path: PathBuf,
    /// Its version, and a number where several have that.
    name: String,
    machines: Vec<String>,
}

impl Side {
    fn all(paths: &[PathBuf], cache: &Path) -> Result<Vec<Self>, Status> {
        let mut named: Vec<Option<&Path>> = Vec::new();
        for path in paths {
            if !named.contains(&Some(path)) {
                named.push(Some(path));
            }
        }
        if named.is_empty() {
            named.push(None);
        }
        let mut sides: Vec<Self> = Vec::new();
        for path in named {
            let side = Self::ask(path, cache).map_err(|error| {
                say::error(harness::chain(&error), &[]);
                Status::Setup
            })?;
            let like = |other: &&Self| other.name.split(" #").next() == Some(side.name.as_str());
            let name = match sides.iter().filter(like).count() {
                0 => side.name,
                others => format!("{} #{}", side.name, others + 1),
            };
            sides.push(Self { name, ..side });
        }
        Ok(sides)
    }

    fn ask(path: Option<&Path>, cache: &Path) -> Result<Self, host::qemu::QemuError> {
        let path = host::qemu::find(path)?;
        let qemu = Qemu::probe(&path, cache)?;
        Ok(Self {
            path,
            name: qemu.capabilities.version.to_string(),
            machines: qemu.capabilities.machines.into_keys().collect(),
        })
    }
}

fn run_args(args: &MatrixArgs) -> RunArgs {
    RunArgs {
        accel: args.accel,
        retries: args.retries,
        no_install: args.no_install,
        extra: args.extra.clone(),
        schedule: ScheduleArgs {
            jobs: args.jobs,
            run_timeout: args.run_timeout,
            ..ScheduleArgs::default()
        },
        verbose: args.verbose,
        data_dir: args.data_dir.clone(),
        logs_dir: args.logs_dir.clone(),
        ..RunArgs::default()
    }
}

/// The configuration: each axis of the matrix is a block of variants, or a filter on one the test has itself.
fn lines(args: &MatrixArgs, run_args: &RunArgs, qemus: &[Side]) -> Vec<Line> {
    let mut lines = options::lines(run_args, &Sources::default(), None);
    lines.retain(|line| !line.origin.ends_with("--machine-type"));
    let place = lines
        .iter()
        .take_while(|line| line.origin != "--extra")
        .count();
    let only = |origin: &str, variable: &str, names: &[String]| {
        let names = names.iter().map(|name| format!("({variable}={name})"));
        Line {
            origin: origin.to_owned(),
            text: format!("only {}", names.collect::<Vec<_>>().join(", ")),
        }
    };
    let mut axes = vec![
        Line {
            origin: "migrate-matrix".to_owned(),
            text: format!("only {TEST}"),
        },
        machines(&args.machines, qemus),
        pairs(qemus),
    ];
    if !args.transports.is_empty() {
        axes.push(only("--transport", "mig_transport", &args.transports));
    }
    if !args.options.is_empty() {
        axes.push(only("--option", "mig_option", &args.options));
    }
    lines.splice(place..place, axes);
    lines
}

/// A variant for each machine type.
fn machines(named: &[String], qemus: &[Side]) -> Line {
    let mut types: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        if !types.iter().any(|known| known == name) {
            types.push(name.to_owned());
        }
    };
    for name in named {
        match name.strip_suffix('*') {
            Some(start) => qemus
                .iter()
                .flat_map(|side| &side.machines)
                .filter(|machine| machine.starts_with(start))
                .for_each(|machine| add(machine)),
            None => add(name),
        }
    }
    if named.is_empty() {
        MACHINES.into_iter().for_each(&mut add);
    }
    let mut text = "variants:".to_owned();
    for name in &types {
        let family = options::family(name);
        text.push_str(&format!(
            "\n    - on-{}:\n        only {family}",
            label(name)
        ));
        if family != name && name != "pc" {
            text.push_str(&format!("\n        machine_type = {name}"));
        }
    }
    Line {
        origin: "--machine".to_owned(),
        text,
    }
}

/// A variant for each QEMU to go from and each to go to.
fn pairs(qemus: &[Side]) -> Line {
    let mut text = "variants:".to_owned();
    for from in qemus {
        for to in qemus {
            text.push_str(&format!(
                "\n    - from-{}-to-{}:\n        qemu_binary = {}\n        qemu_dst_binary = {}",
                label(&from.name),
                label(&to.name),
                from.path.display(),
                to.path.display()
            ));
        }
    }
    Line {
        origin: "--qemu".to_owned(),
        text,
    }
}

/// A name as a label has it.
fn label(name: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> Vec<Side> {
        let side = |name: &str, machines: &[&str]| Side {
            path: format!("/q/{name}").into(),
            name: name.to_owned(),
            machines: machines.iter().map(|name| (*name).to_owned()).collect(),
        };
        vec![
            side("7.2.22", &["pc-q35-7.1", "pc-q35-7.2", "pc-i440fx-7.2"]),
            side("10.0.2", &["pc-q35-7.2", "pc-q35-10.0"]),
        ]
    }

    #[test]
    fn there_is_a_pair_for_each_direction_and_for_each_qemu_with_itself() {
        let text = pairs(&sides()).text;
        for pair in [
            "7_2_22-to-10_0_2",
            "10_0_2-to-7_2_22",
            "7_2_22-to-7_2_22",
            "10_0_2-to-10_0_2",
        ] {
            assert!(text.contains(&format!("- from-{pair}:")), "{text}");
        }
        assert_eq!(text.matches("qemu_dst_binary = /q/10.0.2").count(), 2);
    }

    #[test]
    fn a_star_means_all_types_one_of_the_binaries_has() {
        let text = machines(&["pc-q35-*".to_owned()], &sides()).text;
        let types: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("machine_type = "))
            .collect();
        assert_eq!(types, ["pc-q35-7.1", "pc-q35-7.2", "pc-q35-10.0"]);
        assert_eq!(text.matches("only q35").count(), 3);
        let usual = machines(&[], &sides()).text;
        assert!(usual.contains("only q35") && usual.contains("only i440fx"));
        assert!(!usual.contains("machine_type"));
    }

    #[test]
    fn a_user_s_own_line_has_the_last_word() {
        let args = MatrixArgs {
            qemu: Vec::new(),
            machines: Vec::new(),
            transports: vec!["unix".to_owned()],
            options: Vec::new(),
            extra: vec!["mem = 256".to_owned()],
            jobs: None,
            accel: None,
            retries: None,
            run_timeout: None,
            no_install: false,
            verbose: false,
            data_dir: None,
            logs_dir: None,
            list: false,
            show_config: false,
        };
        let lines = lines(&args, &run_args(&args), &sides());
        assert_eq!(lines[lines.len() - 1].text, "mem = 256");
        assert_eq!(lines[lines.len() - 2].text, "only (mig_transport=unix)");
    }
}
