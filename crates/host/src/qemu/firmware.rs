//! Where the firmware is that QEMU loads into its machines.
//!
//! A binary knows the directories it was built for. One unpacked elsewhere (a distribution's package without installing it, a build moved)
//! would silently take another release's firmware from there, or find none; it must be told by `-L`.

use std::path::{Path, PathBuf};

/// What usual x86 machines load: BIOS, option ROMs for direct kernel boot, VGA and network cards.
const X86: [&str; 8] = [
    "bios-256k.bin",
    "kvmvapic.bin",
    "linuxboot_dma.bin",
    "multiboot_dma.bin",
    "pvh.bin",
    "vgabios-stdvga.bin",
    "vgabios-virtio.bin",
    "efi-virtio.rom",
];

/// Where distributions put firmware, below the prefix of an installation.
const BELOW_PREFIX: [&str; 6] = [
    "share/qemu",
    "share/seabios",
    "share/qemu-kvm",
    "lib/ipxe/qemu",
    "share/ipxe/qemu",
    "share/ipxe",
];

/// Prefixes of the distribution's own firmware.
const PREFIXES: [&str; 2] = ["/usr", "/usr/local"];

/// What to tell a QEMU about firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Firmware {
    /// Directories for `-L`, which are searched before the built-in ones.
    pub directories: Vec<PathBuf>,
    /// Files that are nowhere.
    pub missing: Vec<String>,
}

/// The files that machines of this architecture need.
pub(super) fn needed(target: &str) -> &'static [&'static str] {
    match target {
        "x86_64" | "i386" => &X86,
        _ => &[],
    }
}

/// Chooses directories so that each needed file is found, those beside the binary first. `built_in` is what `-L help` lists.
pub(super) fn choose(
    binary: &Path,
    built_in: &[PathBuf],
    needed: &[&str],
    is_file: impl Fn(&Path) -> bool,
) -> Firmware {
    let prefix = binary.parent().and_then(Path::parent);
    let beside = prefix
        .into_iter()
        .flat_map(|prefix| BELOW_PREFIX.map(|below| prefix.join(below)));
    // An uninstalled build keeps its firmware in a directory beside the binary.
    let build = binary.parent().into_iter().flat_map(|parent| {
        ["pc-bios", "qemu-bundle/usr/local/share/qemu"].map(|name| parent.join(name))
    });
    let elsewhere = PREFIXES
        .iter()
        .flat_map(|prefix| BELOW_PREFIX.map(|below| Path::new(prefix).join(below)));

    let relocated = prefix.is_some_and(|prefix| {
        !built_in
            .iter()
            .any(|directory| normal(directory).starts_with(prefix))
    });
    let holds = |directory: &Path, file: &str| is_file(&directory.join(file));
    let mut firmware = Firmware::default();
    if relocated {
        let own = beside.clone().chain(build.clone());
        firmware.directories = own
            .filter(|directory| needed.iter().any(|file| holds(directory, file)))
            .collect();
    }
    for file in needed {
        let mut known = firmware.directories.iter().chain(built_in);
        if known.any(|directory| holds(directory, file)) {
            continue;
        }
        match beside
            .clone()
            .chain(build.clone())
            .chain(elsewhere.clone())
            .find(|directory| holds(directory, file))
        {
            Some(directory) => firmware.directories.push(directory),
            None => firmware.missing.push((*file).to_owned()),
        }
    }
    firmware
}

/// Without `..`: QEMU prints `/usr/bin/../share/qemu`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, part| {
        if part == std::path::Component::ParentDir {
            normal.pop();
        } else {
            normal.push(part);
        }
        normal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(binary: &str, built_in: &[&str], files: &[&str], needed: &[&str]) -> Firmware {
        let built_in: Vec<PathBuf> = built_in.iter().map(PathBuf::from).collect();
        choose(Path::new(binary), &built_in, needed, |path| {
            files.iter().any(|file| Path::new(file) == normal(path))
        })
    }

    #[test]
    fn an_installed_qemu_needs_to_be_told_nothing() {
        let built_in = ["/usr/bin/../share/qemu", "/usr/bin/../share/seabios"];
        let files = [
            "/usr/share/qemu/pvh.bin",
            "/usr/share/seabios/bios-256k.bin",
        ];
        let firmware = chosen(
            "/usr/bin/qemu-system-x86_64",
            &built_in,
            &files,
            &["pvh.bin", "bios-256k.bin"],
        );
        assert_eq!(firmware, Firmware::default());
    }

    #[test]
    fn a_relocated_qemu_takes_its_own_firmware_before_the_distributions() {
        let built_in = ["/usr/share/qemu", "/usr/share/seabios"];
        let files = [
            "/usr/share/qemu/pvh.bin",
            "/opt/q/usr/share/qemu/pvh.bin",
            "/usr/share/seabios/bios-256k.bin",
        ];
        let firmware = chosen(
            "/opt/q/usr/bin/qemu-system-x86_64",
            &built_in,
            &files,
            &["pvh.bin", "bios-256k.bin"],
        );
        assert_eq!(firmware.directories, [Path::new("/opt/q/usr/share/qemu")]);
        assert!(firmware.missing.is_empty());
    }

    #[test]
    fn firmware_that_its_own_directories_lack_is_looked_for_in_the_distributions() {
        let files = [
            "/opt/q/share/qemu/pvh.bin",
            "/usr/share/seabios/bios-256k.bin",
        ];
        let needed = ["pvh.bin", "bios-256k.bin", "efi-virtio.rom"];
        let firmware = chosen(
            "/opt/q/bin/qemu-system-x86_64",
            &["/opt/q/share/qemu"],
            &files,
            &needed,
        );
        assert_eq!(firmware.directories, [Path::new("/usr/share/seabios")]);
        assert_eq!(firmware.missing, ["efi-virtio.rom"]);
    }

    #[test]
    fn other_architectures_are_not_judged() {
        assert!(needed("s390x").is_empty());
        assert!(!needed("x86_64").is_empty());
    }
}
