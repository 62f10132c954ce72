//! The machine itself: type, processor, memory and firmware.

use super::Section;
use crate::key::Where::{MemDev, NumaNode, Run, Test, Vm};
use crate::key::{Key, SizeUnit, Where};

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
            .or("yes")
            .also(&["vm_start"]),
        Key::bool(
            "kill_vm",
            Vm,
            "Kill the machine after the test instead of keeping it for the next.",
        )
        .or("yes"),
        Key::bool(
            "kill_vm_gracefully",
            Vm,
            "Let the guest shut down before the machine is killed.",
        )
        .or("no"),
        Key::seconds(
            "kill_timeout",
            Vm,
            "How long a guest may take to shut down before it is killed.",
        )
        .or("60")
        .also(&["kill_vm_timeout"]),
        Key::bool(
            "paused_after_start_vm",
            Vm,
            "Start the machine without running it (`-S`).",
        )
        .or("no"),
        Key::path("qemu_binary", Run, "The QEMU to test.").also(&["qemu_bin", "qemu"]),
        Key::path(
            "qemu_dst_binary",
            Run,
            "The QEMU a migration goes to; `qemu_binary` without it.",
        )
        .also(&["qemu_dst_bin", "dst_qemu"]),
        Key::path(
            "qemu_img_binary",
            Run,
            "The `qemu-img` to use; the one next to `qemu_binary` without it.",
        )
        .also(&["qemu_img"]),
        Key::path("qemu_io_binary", Run, "The `qemu-io` to use."),
        Key::path(
            "qemu_data_dir",
            Run,
            "Where QEMU finds its firmware (`-L`).",
        ),
        Key::open(
            "machine_type",
            &["q35", "pc", "i440fx", "microvm", "virt"],
            Vm,
            "The board: a family or a versioned type such as `pc-q35-9.2`. `i440fx` is `pc`.",
        )
        .or("q35")
        .also(&["machine"]),
        Key::text(
            "machine_type_extra_params",
            Vm,
            "More properties of `-machine`, such as `hpet=off`.",
        ),
        Key::one_of(
            "vm_accelerator",
            &["auto", "kvm", "tcg"],
            Vm,
            "What runs the guest's code. `auto` is KVM where it really runs a guest, else TCG.",
        )
        .or("auto")
        .also(&["accel", "accelerator", "enable_kvm", "disable_kvm"]),
        Key::open(
            "vm_arch_name",
            &["x86_64", "aarch64", "riscv64", "s390x", "ppc64le"],
            Vm,
            "The guest's architecture.",
        )
        .or("x86_64")
        .also(&["arch"]),
        Key::text(
            "extra_params",
            Vm,
            "More QEMU options, as on a command line.",
        )
        .also(&["qemu_extra_params"]),
        Key::text(
            "qemu_command_prefix",
            Vm,
            "Command QEMU is run under, such as `strace -f`.",
        ),
        Key::one_of(
            "qemu_sandbox",
            &["on", "off", "auto"],
            Vm,
            "QEMU's seccomp sandbox; `auto` uses it where the binary has it.",
        )
        .or("auto"),
        Key::bool(
            "malloc_perturb",
            Vm,
            "Let QEMU's allocator fill memory, to bring out uses of stale memory.",
        )
        .or("no")
        .also(&["use_malloc_perturb"]),
        Key::bool(
            "defaults",
            Vm,
            "Let QEMU add its default devices (no `-nodefaults`).",
        )
        .or("no"),
        Key::text("uuid", Vm, "The machine's UUID."),
        Key::one_of(
            "display",
            &["none", "vnc", "spice", "egl-headless"],
            Vm,
            "Where the screen goes.",
        )
        .or("none"),
        Key::open(
            "vga",
            &["none", "std", "virtio", "qxl", "cirrus"],
            Vm,
            "The graphics card.",
        )
        .or("none"),
        Key::objects("monitors", Where::Monitor, Vm, "The machine's monitors.").or("qmp1"),
        Key::text(
            "main_monitor",
            Vm,
            "The monitor that is used; the first of `monitors` without it.",
        ),
        Key::one_of(
            "monitor_type",
            &["qmp", "human"],
            Where::Monitor,
            "The language of the monitor.",
        )
        .or("qmp"),
        Key::seconds(
            "monitor_timeout",
            Where::Monitor,
            "How long the monitor may take to answer.",
        )
        .or("30"),
        Key::one_of(
            "rtc_base",
            &["utc", "localtime"],
            Vm,
            "What the guest's clock starts from.",
        )
        .or("utc"),
        Key::one_of(
            "rtc_clock",
            &["host", "rt", "vm"],
            Vm,
            "What drives the guest's clock.",
        )
        .or("host"),
        Key::one_of(
            "rtc_drift",
            &["none", "slew"],
            Vm,
            "What becomes of lost ticks.",
        )
        .or("none"),
        Key::bool(
            "pcie_extra_root_ports",
            Vm,
            "Give every hot-pluggable device a root port of its own.",
        )
        .or("yes"),
        Key::count(
            "pcie_free_ports",
            Vm,
            "How many empty PCIe root ports a q35 machine has for hotplug.",
        )
        .or("4")
        .also(&["pcie_extra_root_port"]),
        Key::seconds(
            "vm_create_timeout",
            Vm,
            "How long QEMU may take to open its monitor.",
        )
        .or("30"),
    ],
};

pub(super) const CPU: Section = Section {
    title: "Processors",
    doc: "`smp` alone is enough; what is left out of the topology is worked out from the rest.",
    keys: &[
        Key::integer("smp", 1, 4096, Vm, "How many CPUs the machine has.")
            .or("2")
            .also(&["vcpus", "cpus"]),
        Key::integer(
            "vcpu_maxcpus",
            0,
            4096,
            Vm,
            "How many CPUs it may get by hotplug; 0 is `smp`.",
        )
        .also(&["maxcpus"]),
        Key::integer("vcpu_sockets", 0, 4096, Vm, "Sockets; 0 is worked out."),
        Key::integer(
            "vcpu_dies",
            0,
            4096,
            Vm,
            "Dies per socket; 0 is worked out.",
        ),
        Key::integer(
            "vcpu_clusters",
            0,
            4096,
            Vm,
            "Clusters per die; 0 is worked out.",
        ),
        Key::integer(
            "vcpu_cores",
            0,
            4096,
            Vm,
            "Cores per die or cluster; 0 is worked out.",
        ),
        Key::integer(
            "vcpu_threads",
            0,
            4096,
            Vm,
            "Threads per core; 0 is worked out.",
        ),
        Key::open(
            "cpu_model",
            &["max", "host", "qemu64", "Nehalem", "Haswell", "EPYC"],
            Vm,
            "The CPU's model; `host` with KVM and `max` with TCG without it.",
        )
        .also(&["cpu"]),
        Key::list(
            "cpu_model_flags",
            Vm,
            "Flags added to the model, `+avx2,-vmx`.",
        ),
        Key::text("cpu_vendor", Vm, "The vendor the CPU claims to be from."),
    ],
};

pub(super) const MEMORY: Section = Section {
    title: "Memory",
    doc: "The machine's RAM, its backing, and memory devices.",
    keys: &[
        Key::size("mem", SizeUnit::M, Vm, "How much memory the machine has.")
            .or("512")
            .also(&["memory", "ram"]),
        Key::size("maxmem", SizeUnit::M, Vm, "How much it may get by hotplug.")
            .also(&["maxmem_mem"]),
        Key::count("slots", Vm, "Slots for hot-plugged memory.")
            .or("0")
            .also(&["slots_mem"]),
        Key::open(
            "vm_mem_backend",
            &[
                "memory-backend-ram",
                "memory-backend-file",
                "memory-backend-memfd",
            ],
            Vm,
            "The backend of the machine's RAM.",
        ),
        Key::path(
            "vm_mem_backend_path",
            Vm,
            "The file or directory of `memory-backend-file`.",
        ),
        Key::bool(
            "vm_mem_share",
            Vm,
            "Share the machine's RAM with other processes.",
        )
        .or("no"),
        Key::bool("vm_mem_prealloc", Vm, "Allocate all RAM at the start.").or("no"),
        Key::bool("hugepage", Vm, "Back the RAM by huge pages.").or("no"),
        Key::path("hugepage_path", Vm, "Where hugetlbfs is mounted.").or("/dev/hugepages"),
        Key::objects(
            "mem_devs",
            MemDev,
            Vm,
            "Memory devices plugged from the start.",
        ),
        Key::size(
            "size_mem",
            SizeUnit::M,
            MemDev,
            "Size of the memory device.",
        ),
        Key::one_of(
            "vm_memdev_model",
            &["dimm", "nvdimm", "virtio-mem", "virtio-pmem"],
            MemDev,
            "Kind of memory device.",
        )
        .or("dimm"),
        Key::count(
            "node_memory",
            MemDev,
            "NUMA node the memory device belongs to.",
        )
        .or("0"),
        Key::objects(
            "guest_numa_nodes",
            NumaNode,
            Vm,
            "The machine's NUMA nodes.",
        ),
        Key::size("numa_mem", SizeUnit::M, NumaNode, "Memory of the node."),
        Key::text("numa_cpus", NumaNode, "CPUs of the node, `0-1,4`."),
        Key::count("numa_nodeid", NumaNode, "Number of the node."),
    ],
};

pub(super) const BOOT: Section = Section {
    title: "Firmware and boot",
    doc: "A guest with `kernel` is booted directly, without a boot loader.",
    keys: &[
        Key::path("kernel", Vm, "Kernel image booted directly (`-kernel`)."),
        Key::path("initrd", Vm, "Initial RAM disk booted with it."),
        Key::text("kernel_params", Vm, "The kernel's command line."),
        Key::text(
            "kernel_params_add",
            Vm,
            "Words added to the kernel's command line.",
        )
        .also(&["kernel_extra_params_add"]),
        Key::text(
            "boot_order",
            Vm,
            "Order of boot devices, as `-boot order=` has it.",
        ),
        Key::text(
            "boot_once",
            Vm,
            "Order of boot devices of the first boot only.",
        ),
        Key::bool("boot_menu", Vm, "Show the firmware's boot menu.").or("no"),
        Key::duration(
            "boot_splash_time",
            crate::TimeUnit::Ms,
            Vm,
            "How long the boot menu shows.",
        ),
        Key::bool(
            "boot_strict",
            Vm,
            "Boot only from devices that have a `bootindex`.",
        )
        .or("no"),
        Key::one_of(
            "firmware",
            &["seabios", "ovmf", "none"],
            Vm,
            "The firmware.",
        )
        .or("seabios"),
        Key::path("bios_path", Vm, "File of the firmware (`-bios`)."),
        Key::path("ovmf_code", Vm, "File of OVMF's code."),
        Key::path(
            "ovmf_vars",
            Vm,
            "Template of OVMF's variables; every machine gets a copy.",
        ),
        Key::bool("secure_boot", Vm, "Boot with Secure Boot on.").or("no"),
        Key::one_of(
            "iommu",
            &["none", "intel", "virtio", "amd"],
            Vm,
            "The machine's IOMMU.",
        )
        .or("none")
        .also(&["intel_iommu", "virtio_iommu"]),
    ],
};
