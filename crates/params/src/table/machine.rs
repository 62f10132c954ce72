//! The machine itself: type, processor, memory and firmware.

use super::Section;
use crate::key::Key;
use crate::key::Where::{Run, Test, Vm};
use units::SizeUnit;

pub(super) const SECTION: Section = Section {
    title: "Machines",
    doc: "The machines of a test and the program that runs them.",
    keys: &[
        Key::objects("vms", Vm, Test, "The machines of the test.")
            .or("vm1")
            .also(&["vm"]),
        Key::text(
            "main_vm",
            Test,
            "The machine a test with one machine uses; the first of `vms` without it.",
        ),
        Key::bool("start_vm", Vm, "Start the machine before the test.")
            .or("yes"),
        Key::one_of(
            "vm_start",
            &["fork", "boot"],
            Vm,
            "How the machine comes to be. `fork` clones one that was booted to its login once and kept, where its parts allow that and QEMU can; `boot` boots it.",
        )
        .or("fork"),
        Key::bool(
            "paused_after_start_vm",
            Vm,
            "Start the machine, but not its CPUs.",
        )
        .or("no"),
        Key::bool(
            "preconfig",
            Vm,
            "Start QEMU in the state before the machine is made, in which monitor commands configure it.",
        )
        .or("no")
        .also(&["qemu_preconfig"]),
        Key::bool(
            "kill_vm",
            Vm,
            "End the machine with the test; `no` leaves it running for a look inside, and the test's result says how to reach it.",
        )
        .or("yes")
        .also(&["keep_guest_running", "keep_vm"]),
        Key::path("qemu_binary", Run, "The QEMU to test.").also(&["qemu_bin", "qemu"]),
        Key::path(
            "qemu_dst_binary",
            Run,
            "A second QEMU, for tests that move a machine to it.",
        )
        .also(&["qemu_dst_bin", "dst_qemu"]),
        Key::path(
            "qemu_img_binary",
            Run,
            "The `qemu-img` to use; the one in `PATH` without it.",
        )
        .also(&["qemu_img"]),
        Key::open(
            "machine_type",
            &["q35", "i440fx", "pc"],
            Vm,
            "The board: q35, i440fx (`pc` is the same), or a version of them such as `pc-q35-9.2`.",
        )
        .or("q35")
        .also(&["machine"]),
        Key::text(
            "machine_type_extra_params",
            Vm,
            "More properties of `-machine`, such as `hpet=off smm=off`.",
        ),
        Key::one_of(
            "vm_accelerator",
            &["auto", "kvm", "tcg"],
            Vm,
            "What runs the guest's code. `auto` is KVM where it really runs a guest, else TCG.",
        )
        .or("auto")
        .also(&["accel", "accelerator", "enable_kvm", "disable_kvm"]),
        Key::text(
            "extra_params",
            Vm,
            "More QEMU options, as on a command line.",
        )
        .also(&["qemu_extra_params"]),
        Key::one_of(
            "qemu_sandbox",
            &["on", "off"],
            Vm,
            "QEMU's seccomp sandbox, where the binary has it.",
        )
        .or("on"),
        Key::bool(
            "malloc_perturb",
            Vm,
            "Let QEMU's allocator fill memory that is handed out and given back, to bring out uses of stale memory.",
        )
        .or("no")
        .also(&["use_malloc_perturb"]),
        Key::open(
            "rtc_base",
            &["utc", "localtime"],
            Vm,
            "What the guest's clock starts from; may be a moment such as `2006-06-17T16:01:21`.",
        )
        .or("utc"),
        Key::one_of(
            "rtc_clock",
            &["host", "rt", "vm"],
            Vm,
            "What drives the guest's clock: the host's, its monotonic one, or the guest's, which stands still while the machine is paused.",
        )
        .or("host"),
        Key::one_of(
            "rtc_drift",
            &["none", "slew"],
            Vm,
            "What becomes of lost ticks: nothing, or they are made up for.",
        )
        .or("none"),
        Key::count(
            "pcie_free_ports",
            Vm,
            "How many empty PCIe root ports a q35 machine has for hotplug; other boards have none.",
        )
        .or("4")
        .also(&["pcie_extra_root_port"]),
    ],
};

pub(super) const CPU: Section = Section {
    title: "Processors",
    doc: "`smp` alone is enough; QEMU then decides how the processors are arranged. Where a part of the topology is given, sockets are \
          worked out from the rest, and any other part left out is 1.",
    keys: &[
        Key::integer("smp", 1, 4096, Vm, "How many CPUs the machine has.")
            .or("2")
            .also(&["vcpus", "cpus"]),
        Key::integer(
            "vcpu_maxcpus",
            0,
            4096,
            Vm,
            "How many CPUs it may get by hotplug; 0 is as many as it has.",
        )
        .also(&["maxcpus"]),
        Key::integer(
            "vcpu_sockets",
            0,
            4096,
            Vm,
            "Sockets; 0 is as many as the CPUs need.",
        ),
        Key::integer("vcpu_dies", 0, 4096, Vm, "Dies per socket; 0 is left out."),
        Key::integer("vcpu_cores", 0, 4096, Vm, "Cores per die; 0 is left out."),
        Key::integer(
            "vcpu_threads",
            0,
            4096,
            Vm,
            "Threads per core; 0 is left out.",
        ),
        Key::one_of(
            "tcg_thread",
            &["multi", "single", "auto"],
            Vm,
            "Under TCG each CPU has a thread of the host's, or all take turns on one, which costs less where the host has no \
             processors to spare; `auto` is `single` where QEMU is known to do that right. Without it QEMU decides.",
        ),
        Key::open(
            "cpu_model",
            &["max", "host", "qemu64", "Nehalem", "Haswell", "EPYC"],
            Vm,
            "The CPU's model; `host` with KVM and `max` with TCG without it.",
        )
        .also(&["cpu"]),
        Key::text(
            "cpu_model_flags",
            Vm,
            "Flags added to the model, `+avx2,-vmx`.",
        ),
    ],
};

pub(super) const MEMORY: Section = Section {
    title: "Memory",
    doc: "The machine's RAM.",
    keys: &[
        Key::size("mem", SizeUnit::M, Vm, "How much memory the machine has.")
            .or("512")
            .also(&["memory", "ram"]),
        Key::size("maxmem", SizeUnit::M, Vm, "How much it may get by hotplug.")
            .also(&["maxmem_mem"]),
        Key::count("slots", Vm, "Slots for hot-plugged memory.")
            .or("0")
            .also(&["slots_mem"]),
        Key::bool(
            "hugepage",
            Vm,
            "Main memory is made of the host's huge pages, which count against those that are free.",
        )
        .or("no"),
    ],
};

pub(super) const BOOT: Section = Section {
    title: "Firmware and boot",
    doc: "A guest with `kernel` is booted directly, without a boot loader. Paths that are not absolute are below the data directory.",
    keys: &[
        Key::path("kernel", Vm, "Kernel image booted directly (`-kernel`)."),
        Key::path("initrd", Vm, "Initial RAM disk booted with it."),
        Key::text(
            "kernel_params",
            Vm,
            "The command line of `kernel`; words added to that of a guest of ours.",
        ),
        Key::bool(
            "kernel_as_shipped",
            Vm,
            "Boot a guest of ours from the kernel image its distribution ships: slower, but the guest can wake up from a suspension to RAM.",
        )
        .or("no"),
        Key::one_of(
            "firmware",
            &["seabios", "ovmf"],
            Vm,
            "The firmware: QEMU's own BIOS, or UEFI. A test whose OVMF is not installed is SKIPped.",
        )
        .or("seabios"),
        Key::path(
            "ovmf_code",
            Vm,
            "File of OVMF's code; that of the host's package without it.",
        ),
        Key::path(
            "ovmf_vars",
            Vm,
            "Template of OVMF's variables, of which every machine gets a copy; the one beside the code without it.",
        ),
    ],
};
