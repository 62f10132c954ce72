//! The guests this crate can make.

/// Part of every guest's key: raise it when the same inputs should give another guest.
pub(crate) const RECIPE_VERSION: u32 = 2;

/// Without these the guest has no agent; any kernel that lacks them is refused.
pub(crate) const REQUIRED: [&str; 2] = ["virtio_pci", "virtio_console"];

/// What goes into a guest.
#[derive(Debug)]
pub struct Recipe {
    /// What users call it.
    pub name: &'static str,
    /// One line for `virt-test guest list`.
    pub description: &'static str,
    /// Packages whose first `linux-image-…` dependency is the kernel; the first that exists is taken.
    pub(crate) kernel_packages: &'static [&'static str],
    /// The drivers that make the host's own kernel do as well.
    pub(crate) host_kernel_needs: &'static [&'static str],
    /// Bytes that making it takes for a moment, packages included.
    pub(crate) room: u64,
    /// Drivers to take where the kernel has them as modules.
    pub(crate) modules: &'static [&'static [&'static str]],
}

/// All guests, the default one first.
pub static RECIPES: [Recipe; 2] = [
    Recipe {
        name: "tiny",
        description: "the distribution's cloud kernel and an init of ours; virtio, NVMe and IDE only, boots fastest",
        kernel_packages: &[
            "linux-image-cloud-amd64",
            "linux-image-amd64",
            "linux-image-virtual",
            "linux-image-generic",
        ],
        host_kernel_needs: &["virtio_pci", "virtio_console", "virtio_blk", "virtio_net"],
        room: 300_000_000,
        modules: &[VIRTIO, PLATFORM, DISKS, FILE_SYSTEMS],
    },
    Recipe {
        name: "tiny-generic",
        description: "the same with the general-purpose kernel: also e1000, AHCI, USB, watchdogs, 9p",
        kernel_packages: &["linux-image-amd64", "linux-image-generic"],
        host_kernel_needs: &[
            "virtio_pci",
            "virtio_console",
            "virtio_blk",
            "virtio_net",
            "ahci",
            "e1000",
            "usb_storage",
            "i6300esb",
            "9p",
        ],
        room: 700_000_000,
        modules: &[
            VIRTIO,
            PLATFORM,
            DISKS,
            FILE_SYSTEMS,
            EMULATED_DISKS,
            EMULATED_NICS,
            USB,
            EMULATED_PLATFORM,
        ],
    },
];

const VIRTIO: &[&str] = &[
    "virtio_pci",
    "virtio_mmio",
    "virtio_console",
    "virtio_blk",
    "virtio_net",
    "virtio_scsi",
    "virtio_balloon",
    "virtio_rng",
    "virtio_mem",
    "virtio_pmem",
    "nd_pmem",
    "virtio_input",
    "virtiofs",
    "vmw_vsock_virtio_transport",
];

const PLATFORM: &[&str] = &[
    "button",
    "evdev",
    "pvpanic_pci",
    "pvpanic_mmio",
    "pvpanic",
    "qemu_fw_cfg",
    "ptp_kvm",
    "softdog",
];

const DISKS: &[&str] = &[
    "sd_mod",
    "sr_mod",
    "sg",
    "nvme",
    "ata_piix",
    "ata_generic",
    "vmw_pvscsi",
    "loop",
];

const FILE_SYSTEMS: &[&str] = &[
    "ext4",
    "vfat",
    "isofs",
    "nls_ascii",
    "nls_cp437",
    "nls_iso8859_1",
    "nls_utf8",
    "crc32c_generic",
    "overlay",
];

const EMULATED_DISKS: &[&str] = &[
    "ahci",
    "sym53c8xx",
    "mptspi",
    "mptsas",
    "megaraid_sas",
    "am53c974",
    "floppy",
    "sdhci_pci",
    "mmc_block",
];

const EMULATED_NICS: &[&str] = &[
    "e1000", "e1000e", "igb", "igbvf", "8139cp", "8139too", "pcnet32", "ne2k_pci", "tulip",
    "vmxnet3",
];

const USB: &[&str] = &[
    "xhci_pci",
    "ehci_pci",
    "uhci_hcd",
    "ohci_pci",
    "usb_storage",
    "uas",
    "usbhid",
    "hid_generic",
    "cdc_ether",
    "rndis_host",
];

const EMULATED_PLATFORM: &[&str] = &[
    "i6300esb",
    "lpc_ich",
    "iTCO_wdt",
    "ib700wdt",
    "9p",
    "9pnet_virtio",
    "virtio_crypto",
    "tpm_tis",
    "tpm_crb",
    "i2c_i801",
    "psmouse",
];

/// The recipe of this name.
#[must_use]
pub fn recipe(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|recipe| recipe.name == name)
}

impl Recipe {
    /// Every wanted driver.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &'static str> {
        self.modules.iter().flat_map(|group| group.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_recipe_wants_what_is_required_and_nothing_twice() {
        for recipe in &RECIPES {
            let wanted: Vec<_> = recipe.wanted().collect();
            assert_eq!(
                wanted.iter().collect::<BTreeSet<_>>().len(),
                wanted.len(),
                "{}",
                recipe.name
            );
            assert!(
                REQUIRED.iter().all(|name| wanted.contains(name)),
                "{}",
                recipe.name
            );
        }
    }
}
