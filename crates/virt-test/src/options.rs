//! What was typed becomes what is meant: each option is one line of Cartesian text, added below the configuration.

use std::path::Path;

use crate::args::{Accel, Flaky, RunArgs};
use crate::sources::Sources;

/// A line of Cartesian text and the option it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The option as typed, or `default of --smp`: where the value came from in explanations.
    pub origin: String,
    /// The line.
    pub text: String,
}

/// The choices made where the user makes none, for the configuration that comes along.
///
/// With `-c`, the user's own file decides, and only options that were typed add lines.
const DEFAULTS: RunDefaults = RunDefaults {
    test_type: "kvm",
    guest_os: "JeOS.tiny.x86_64",
    disk_bus: "virtio_blk",
    nic_model: "virtio_net",
    image_type: "qcow2",
    machine_type: "q35",
    smp: 2,
};

struct RunDefaults {
    test_type: &'static str,
    guest_os: &'static str,
    disk_bus: &'static str,
    nic_model: &'static str,
    image_type: &'static str,
    machine_type: &'static str,
    smp: u32,
}

/// The lines `args` stand for, in the order in which they are added. Tests come from `sources`; where `args` name none, `default_tests`
/// are meant, or all.
pub fn lines(args: &RunArgs, sources: &Sources, default_tests: Option<&str>) -> Vec<Line> {
    let default_tests = sources.default_tests(default_tests);
    of(
        args,
        sources,
        default_tests.as_deref(),
        args.config.is_some(),
    )
}

/// The same where machines are wanted and no tests are run: `test` says whose, where none is named.
pub fn lines_of_one(args: &RunArgs, sources: &Sources, test: &str) -> Vec<Line> {
    of(args, sources, Some(test), args.config.is_some())
}

/// The lines that were typed, and no others.
pub fn typed(args: &RunArgs) -> Vec<Line> {
    of(args, &Sources::default(), None, true)
}

fn of(
    args: &RunArgs,
    sources: &Sources,
    default_tests: Option<&str>,
    only_typed: bool,
) -> Vec<Line> {
    let mut lines = Lines {
        only_typed,
        lines: Vec::new(),
    };
    let own = args
        .config
        .as_ref()
        .map(|file| format!("include {}", file.display()));
    let all = format!("include {}", sources.root());
    lines.choice("--config", own, all, |line| line);
    lines.choice(
        "--type",
        args.test_type.as_deref(),
        DEFAULTS.test_type,
        only,
    );
    lines.choice(
        "--guest-os",
        args.guest_os.as_deref(),
        DEFAULTS.guest_os,
        only,
    );
    let machine = args.machine_type.as_deref();
    lines.choice(
        "--machine-type",
        machine.map(family),
        DEFAULTS.machine_type,
        only,
    );
    if let Some(version) = machine.filter(|name| *name != family(name) && *name != "pc") {
        lines.typed("--machine-type", format!("machine_type = {version}"));
    }
    lines.choice(
        "--image-type",
        args.image_type.as_deref(),
        DEFAULTS.image_type,
        only,
    );
    lines.choice(
        "--disk-bus",
        args.disk_bus.as_deref(),
        DEFAULTS.disk_bus,
        only,
    );
    lines.choice(
        "--nic-model",
        args.nic_model.as_deref(),
        DEFAULTS.nic_model,
        only,
    );
    lines.choice("--smp", args.smp, DEFAULTS.smp, smp);
    lines.value("--mem", "mem", args.mem.as_ref());
    lines.value("--nettype", "nettype", args.nettype.as_ref());
    lines.value(
        "--accel",
        "vm_accelerator",
        args.accel.map(accel_name).as_ref(),
    );
    lines.path("--qemu", "qemu_binary", args.qemu.as_deref());
    lines.path("--qemu-img", "qemu_img_binary", args.qemu_img.as_deref());
    lines.path("--dst-qemu", "qemu_dst_binary", args.dst_qemu.as_deref());
    lines.value("--retries", "retries", args.retries.as_ref());
    let flaky = args.flaky.map(|flaky| match flaky {
        Flaky::Pass => "pass",
        Flaky::Fail => "fail",
    });
    lines.value("--flaky", "flaky", flaky.as_ref());
    lines.value("--test-timeout", "test_timeout", args.test_timeout.as_ref());
    lines.value("--slow-after", "slow_after", args.slow_after.as_ref());
    lines.flag("--keep-image", args.keep_image, "keep_image = yes");
    lines.flag(
        "--keep-guest-running",
        args.keep_guest_running,
        "kill_vm = no",
    );
    lines.flag("--verbose", args.verbose, "verbose = yes");
    lines.path("--data-dir", "data_dir", args.data_dir.as_deref());
    lines.path("--logs-dir", "logs_dir", args.logs_dir.as_deref());
    lines.flag("--type-specific", args.type_specific, "only type_specific");
    let chosen = args.tests.as_deref().map(names);
    match default_tests {
        Some(default) if !args.type_specific && !args.list_tests => {
            lines.choice("--tests", chosen, names(default), only);
        }
        _ => {
            if let Some(names) = chosen {
                lines.typed("--tests", only(names));
            }
        }
    }
    if let Some(no) = &args.no {
        lines.typed("--no", format!("no {}", names(no)));
    }
    for extra in &args.extra {
        lines.typed("--extra", extra.clone());
    }
    lines.lines
}

struct Lines {
    /// Is there another configuration than the shipped one? Then no choice is made where the user made none.
    only_typed: bool,
    lines: Vec<Line>,
}

impl Lines {
    fn typed(&mut self, option: &str, text: String) {
        self.lines.push(Line {
            origin: option.to_owned(),
            text,
        });
    }

    fn choice<T>(
        &mut self,
        option: &str,
        typed: Option<T>,
        default: T,
        to_line: impl Fn(T) -> String,
    ) {
        match typed {
            Some(value) => self.typed(option, to_line(value)),
            None if self.only_typed => {}
            None => self.lines.push(Line {
                origin: format!("default of {option}"),
                text: to_line(default),
            }),
        }
    }

    fn value(&mut self, option: &str, key: &str, typed: Option<&impl std::fmt::Display>) {
        if let Some(value) = typed {
            self.typed(option, format!("{key} = {value}"));
        }
    }

    fn path(&mut self, option: &str, key: &str, typed: Option<&Path>) {
        self.value(option, key, typed.map(Path::display).as_ref());
    }

    fn flag(&mut self, option: &str, typed: bool, text: &str) {
        if typed {
            self.typed(option, text.to_owned());
        }
    }
}

fn only(filter: impl std::fmt::Display) -> String {
    format!("only {filter}")
}

/// `boot shutdown` or `boot,shutdown` as the alternatives of a filter.
fn names(typed: impl AsRef<str>) -> String {
    let names: Vec<&str> = typed
        .as_ref()
        .split([' ', ',', '\t', '\n'])
        .filter(|name| !name.is_empty())
        .collect();
    names.join(", ")
}

/// The family a machine type belongs to: the families are variants, a version of one is a value.
pub fn family(machine: &str) -> &str {
    match machine {
        "pc" => "i440fx",
        name if name.starts_with("pc-i440fx") => "i440fx",
        name if name.starts_with("pc-q35") => "q35",
        name => name,
    }
}

fn smp(cpus: u32) -> String {
    if cpus == 1 {
        only("up")
    } else {
        format!("only smp{cpus}")
    }
}

fn accel_name(accel: Accel) -> &'static str {
    match accel {
        Accel::Auto => "auto",
        Accel::Kvm => "kvm",
        Accel::Tcg => "tcg",
    }
}
