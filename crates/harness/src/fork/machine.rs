//! Which machines can be cloned, and what tells one from another.

use std::fs;

use machine::{
    Accel, Boot, Capabilities, Endpoint, Endpoints, Firmware, Link, MachineError, MachineSpec,
    Netdev, render,
};
use templates::Inputs;
use vm::Context;

use crate::test::ImagePlan;
use crate::verdict::chain;

/// What keeps a machine from being cloned, if anything does.
pub(super) fn blocker(spec: &MachineSpec, capabilities: &Capabilities) -> Option<&'static str> {
    let blockers = [
        (!spec.agent, "a guest without agent"),
        (spec.boot == Boot::Disk, "a guest that boots from its disks"),
        (spec.firmware != Firmware::SeaBios, "firmware of one's own"),
        (
            spec.disks.iter().any(|disk| disk.snapshot),
            "a disk in snapshot mode",
        ),
        (
            spec.nics
                .iter()
                .any(|nic| matches!(nic.netdev, Netdev::Tap { .. })),
            "a card on an interface of the host",
        ),
        (spec.huge_pages, "memory of huge pages"),
        // Giving memory back, it would make holes in the template's.
        (
            spec.balloon && !capabilities.has_private_memory_files(),
            "a balloon",
        ),
        (spec.preconfig, "a board that waits before it is made"),
        (
            !spec.extra_args.is_empty(),
            "what QEMU is told in its own words",
        ),
    ];
    blockers
        .into_iter()
        .find_map(|(blocks, what)| blocks.then_some(what))
}

/// The machine in a few words, for people.
fn about(spec: &MachineSpec, context: &Context) -> String {
    let cpus = match spec.cpu.count {
        1 => "1 CPU".to_owned(),
        cpus => format!("{cpus} CPUs"),
    };
    let disks = spec.disks.iter().map(|disk| disk.bus.qemu_name());
    let nics = spec.nics.iter().map(|nic| nic.model.qemu_name());
    let parts = disks
        .chain(nics)
        .fold(String::new(), |parts, part| parts + ", " + part);
    format!(
        "QEMU {}, {}, {cpus}, {}{parts}",
        context.capabilities.version, spec.machine, spec.memory.size
    )
}

/// Everything that makes the machine what it is.
pub(super) fn inputs(
    spec: &MachineSpec,
    context: &Context,
    plans: &[ImagePlan],
) -> Result<Inputs, String> {
    let mut inputs = Inputs::new(about(spec, context));
    let fails = |error: templates::Error| chain(&error);
    let program = &context.program;
    inputs.file("qemu", &program.path).map_err(fails)?;
    inputs.text("qemu version", &context.capabilities.version.to_string());
    inputs.text(
        "environment",
        &format!("{:?} {:?}", program.args, program.env),
    );
    let mut endpoints = Endpoints::for_each(spec, |_| Endpoint::Null);
    for (netdev, _) in spec.links() {
        endpoints.set_link(netdev, Link::ConnectedFd(0));
    }
    let argv = render(spec, &context.capabilities, &endpoints);
    let argv = argv.map_err(|error: MachineError| chain(&error))?;
    inputs.text("arguments", &argv.to_shell());
    if let Boot::Kernel { kernel, initrd, .. } = &spec.boot {
        inputs.file("kernel", kernel).map_err(fails)?;
        if let Some(initrd) = initrd {
            inputs.file("initrd", initrd).map_err(fails)?;
        }
    }
    for plan in plans {
        inputs.text("image", &format!("{:?}", plan.made));
        if let machine::Made::Of(base, _) = &plan.made {
            inputs.file("base image", base).map_err(fails)?;
        }
    }
    for disk in spec.disks.iter().filter(|disk| disk.made.is_none()) {
        inputs.file("medium", &disk.path).map_err(fails)?;
    }
    if spec.accel == Accel::Kvm {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let first = cpu.split("\n\n").next().unwrap_or_default();
        // The rest changes by the minute.
        let lasting = first.lines().filter(|line| !line.starts_with("cpu MHz"));
        inputs.text("host CPU", &lasting.collect::<Vec<_>>().join("; "));
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_a_clone_would_not_equal_boots() {
        let capabilities = Capabilities::default();
        let mut plain = MachineSpec::new("vm1");
        assert_eq!(
            blocker(&plain, &capabilities),
            Some("a guest that boots from its disks")
        );
        plain.boot = Boot::Kernel {
            kernel: "/vmlinux".into(),
            initrd: None,
            cmdline: String::new(),
        };
        assert_eq!(blocker(&plain, &capabilities), None);
        let changes: [fn(&mut MachineSpec); 4] = [
            |spec| spec.agent = false,
            |spec| spec.preconfig = true,
            |spec| spec.balloon = true,
            |spec| spec.extra_args.push("-snapshot".to_owned()),
        ];
        for change in changes {
            let mut spec = plain.clone();
            change(&mut spec);
            assert!(blocker(&spec, &capabilities).is_some(), "{spec:?}");
        }
    }
}
