//! What a guest is made from: a kernel with its modules, and busybox. From this host where it has them, from the
//! distribution's packages otherwise.

use crate::apt::{self, Apt, Deb, sha256_of_file};
use crate::fetch::fetch;
use crate::kernel;
use crate::manifest::{Component, Origin};
use crate::module::ModuleTree;
use crate::recipe::Recipe;
use crate::{Error, Progress, Result, lock};
use std::fs;
use std::path::{Path, PathBuf};

const BUSYBOX_PACKAGE: &str = "busybox-static";

/// Files on disk that a guest is made from.
#[derive(Debug)]
pub(crate) struct Ingredients {
    pub kernel: KernelFiles,
    pub busybox: PathBuf,
    /// Where each came from, kernel first.
    pub components: Vec<Component>,
}

/// A kernel as distributions lay it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelFiles {
    pub image: PathBuf,
    /// `lib/modules/<release>`.
    pub modules: PathBuf,
    pub release: String,
    /// Its timer's interrupts in a second, `CONFIG_HZ`, where the configuration is there and says so.
    pub timer_hz: Option<u32>,
}

/// Finds or fetches everything; packages are unpacked below `scratch`.
pub(crate) fn gather(
    recipe: &Recipe,
    apt: &Apt,
    root: &Path,
    scratch: &Path,
    progress: &dyn Fn(Progress),
) -> Result<Ingredients> {
    let mut components = Vec::new();
    let host_kernel = host_kernel(root, recipe.host_kernel_needs);
    let host_busybox = host_busybox(root);

    let kernel_names = if host_kernel.is_none() {
        recipe.kernel_packages
    } else {
        &[]
    };
    let busybox_names: &[&str] = if host_busybox.is_none() {
        &[BUSYBOX_PACKAGE]
    } else {
        &[]
    };
    let packages = apt.packages_dir();
    fs::create_dir_all(packages).map_err(Error::io("create", packages))?;
    // Another run may be making another guest, and replace or remove packages of ours.
    let lock = lock::take(&packages.join("lock"), progress)?;
    let debs = fetch(apt, kernel_names, busybox_names, progress)?;
    if !debs.is_empty() {
        progress(Progress::Unpacking);
    }
    for deb in &debs {
        apt::unpack(&deb.path, scratch)?;
    }
    drop(lock);
    let from_package = |prefix: &str| {
        debs.iter()
            .filter(|deb| deb.package.name.starts_with(prefix))
            .map(component_of_package)
            .collect::<Vec<_>>()
    };

    let kernel = match host_kernel {
        Some(kernel) => {
            components.push(component_of_host_file("kernel", &kernel.image)?);
            kernel
        }
        None => {
            components.extend(from_package("linux-"));
            packaged_kernel(scratch)?
        }
    };
    let busybox = match host_busybox {
        Some(busybox) => {
            components.push(component_of_host_file("busybox", &busybox)?);
            busybox
        }
        None => {
            components.extend(from_package(BUSYBOX_PACKAGE));
            first_existing(scratch, &["bin/busybox", "usr/bin/busybox"], "busybox")?
        }
    };
    Ok(Ingredients {
        kernel,
        busybox,
        components,
    })
}

/// The kernel this host runs, if its files are there, readable, and fit for a guest.
fn host_kernel(root: &Path, drivers: &[&str]) -> Option<KernelFiles> {
    let release = rustix::system::uname().release().to_str().ok()?.to_owned();
    kernel_of_release(root, release, drivers)
}

/// The configuration must be there too: it tells a distribution's kernel from one built without a serial console.
fn kernel_of_release(root: &Path, release: String, drivers: &[&str]) -> Option<KernelFiles> {
    const NEEDED: [&str; 4] = [
        "CONFIG_SERIAL_8250_CONSOLE=y",
        "CONFIG_DEVTMPFS=y",
        "CONFIG_BLK_DEV_INITRD=y",
        "CONFIG_UNIX98_PTYS=y",
    ];

    let image = root.join("boot").join(format!("vmlinuz-{release}"));
    let modules = root.join("lib/modules").join(&release);
    fs::File::open(&image).ok()?;
    let config = fs::read_to_string(root.join("boot").join(format!("config-{release}"))).ok()?;
    let speaks = NEEDED
        .iter()
        .all(|wanted| config.lines().any(|line| line == *wanted));
    let tree = ModuleTree::scan(&modules).ok()?;
    let drives = drivers.iter().all(|driver| tree.has(driver));
    (speaks && drives).then_some(KernelFiles {
        image,
        modules,
        release,
        timer_hz: timer_hz(&config),
    })
}

fn timer_hz(config: &str) -> Option<u32> {
    let mut lines = config.lines();
    lines.find_map(|line| line.strip_prefix("CONFIG_HZ=")?.parse().ok())
}

fn host_busybox(root: &Path) -> Option<PathBuf> {
    ["bin/busybox", "usr/bin/busybox", "usr/bin/busybox-static"]
        .iter()
        .map(|path| root.join(path))
        .find(|path| fs::read(path).is_ok_and(|bytes| kernel::is_static_executable(&bytes)))
}

fn packaged_kernel(unpacked: &Path) -> Result<KernelFiles> {
    let boot = unpacked.join("boot");
    let images = fs::read_dir(&boot).map_err(Error::io("read", &boot))?;
    let release = images
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_prefix("vmlinuz-")
                .map(str::to_owned)
        })
        .max()
        .ok_or_else(|| Error::Incomplete {
            origin: boot.clone(),
            what: "kernel image".to_owned(),
        })?;
    let modules = first_existing(
        unpacked,
        &[
            &format!("lib/modules/{release}"),
            &format!("usr/lib/modules/{release}"),
        ],
        "kernel modules",
    )?;
    let config = fs::read_to_string(boot.join(format!("config-{release}")));
    Ok(KernelFiles {
        image: boot.join(format!("vmlinuz-{release}")),
        modules,
        timer_hz: config.ok().and_then(|config| timer_hz(&config)),
        release,
    })
}

fn first_existing(below: &Path, paths: &[&str], what: &str) -> Result<PathBuf> {
    paths
        .iter()
        .map(|path| below.join(path))
        .find(|path| path.exists())
        .ok_or_else(|| Error::Incomplete {
            origin: below.to_owned(),
            what: what.to_owned(),
        })
}

fn component_of_package(deb: &Deb) -> Component {
    let package = &deb.package;
    Component {
        name: package.name.clone(),
        origin: Origin::Package {
            architecture: package.architecture.clone(),
        },
        version: package.version.clone(),
        sha256: package.sha256.clone(),
    }
}

fn component_of_host_file(name: &str, path: &Path) -> Result<Component> {
    let metadata = fs::metadata(path).map_err(Error::io("read", path))?;
    Ok(Component {
        name: name.to_owned(),
        origin: Origin::of_host_file(path, &metadata),
        version: path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: sha256_of_file(path)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(config: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().join("lib/modules/6.1.0-test");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(root.path().join("boot")).unwrap();
        fs::write(modules.join("modules.builtin"), "kernel/virtio_pci.ko\n").unwrap();
        fs::create_dir(modules.join("kernel")).unwrap();
        fs::write(modules.join("kernel/e1000.ko.xz"), "").unwrap();
        fs::write(root.path().join("boot/vmlinuz-6.1.0-test"), "kernel").unwrap();
        if let Some(config) = config {
            fs::write(root.path().join("boot/config-6.1.0-test"), config).unwrap();
        }
        root
    }

    const STOCK: &str = "CONFIG_UNIX98_PTYS=y\nCONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_DEVTMPFS=y\n# a comment\nCONFIG_BLK_DEV_INITRD=y\n";

    #[test]
    fn the_hosts_kernel_is_taken_only_when_it_can_be_a_guests() {
        let find_with = |root: &tempfile::TempDir, drivers: &[&str]| {
            kernel_of_release(root.path(), "6.1.0-test".to_owned(), drivers)
        };
        let find = |root: &tempfile::TempDir| find_with(root, &["virtio_pci", "e1000"]);
        let stock = host(Some(STOCK));
        assert_eq!(
            find(&stock).unwrap().image,
            stock.path().join("boot/vmlinuz-6.1.0-test")
        );
        assert_eq!(find(&stock).unwrap().timer_hz, None, "it does not say");
        let hz = host(Some(&format!(
            "# CONFIG_HZ_100 is not set\nCONFIG_HZ=250\n{STOCK}"
        )));
        assert_eq!(find(&hz).unwrap().timer_hz, Some(250));
        assert_eq!(find(&host(None)), None, "nobody knows what it can do");
        assert_eq!(
            find(&host(Some(
                &STOCK.replace("8250_CONSOLE=y", "8250_CONSOLE=m")
            ))),
            None,
            "it would be mute"
        );
        assert_eq!(find_with(&stock, &["ahci"]), None, "it lacks a driver");
        fs::remove_dir_all(stock.path().join("lib")).unwrap();
        assert_eq!(find(&stock), None, "it would have no drivers");
    }

    #[test]
    fn a_packaged_kernel_is_found_in_either_place_for_modules() {
        for place in ["lib", "usr/lib"] {
            let unpacked = tempfile::tempdir().unwrap();
            fs::create_dir_all(unpacked.path().join("boot")).unwrap();
            fs::write(unpacked.path().join("boot/vmlinuz-6.12.3"), "").unwrap();
            let modules = unpacked.path().join(place).join("modules/6.12.3");
            fs::create_dir_all(&modules).unwrap();
            let kernel = packaged_kernel(unpacked.path()).unwrap();
            assert_eq!(
                (kernel.release.as_str(), kernel.modules),
                ("6.12.3", modules)
            );
        }
    }

    #[test]
    fn an_unpacked_package_without_a_kernel_says_what_is_missing() {
        let unpacked = tempfile::tempdir().unwrap();
        fs::create_dir(unpacked.path().join("boot")).unwrap();
        let error = packaged_kernel(unpacked.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("boot holds no kernel image"),
            "{error}"
        );
    }
}
