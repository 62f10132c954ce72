//! What a guest is made from: a kernel with its modules, and busybox. From this host where it has them, from the
//! distribution's packages otherwise.

use crate::apt::{self, Apt, Deb, Lists, Package, sha256_of_file};
use crate::kernel;
use crate::manifest::{Component, Origin};
use crate::recipe::Recipe;
use crate::{Error, Progress, Result};
use std::collections::{BTreeMap, BTreeSet};
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
    let host_kernel = if recipe.host_kernel {
        host_kernel(root)
    } else {
        None
    };
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
    let debs = fetch(apt, kernel_names, busybox_names, progress)?;
    if !debs.is_empty() {
        progress(Progress::Unpacking);
    }
    for deb in &debs {
        apt::unpack(&deb.path, scratch)?;
    }
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
///
/// The configuration must be there too: it tells a distribution's kernel from one built without a serial console.
fn host_kernel(root: &Path) -> Option<KernelFiles> {
    let release = rustix::system::uname().release().to_str().ok()?.to_owned();
    kernel_of_release(root, release)
}

fn kernel_of_release(root: &Path, release: String) -> Option<KernelFiles> {
    const NEEDED: [&str; 4] = [
        "CONFIG_SERIAL_8250_CONSOLE=y",
        "CONFIG_DEVTMPFS=y",
        "CONFIG_BLK_DEV_INITRD=y",
        "CONFIG_UNIX98_PTYS=y",
    ];

    let image = root.join("boot").join(format!("vmlinuz-{release}"));
    let modules = root.join("lib/modules").join(&release);
    fs::File::open(&image).ok()?;
    fs::metadata(modules.join("modules.builtin")).ok()?;
    let config = fs::read_to_string(root.join("boot").join(format!("config-{release}"))).ok()?;
    let fit = NEEDED
        .iter()
        .all(|wanted| config.lines().any(|line| line == *wanted));
    fit.then_some(KernelFiles {
        image,
        modules,
        release,
    })
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
    Ok(KernelFiles {
        image: boot.join(format!("vmlinuz-{release}")),
        modules,
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

/// The packages' files: by the system's lists, else by lists of our own, else what an earlier run left.
fn fetch(
    apt: &Apt,
    kernels: &[&str],
    others: &[&str],
    progress: &dyn Fn(Progress),
) -> Result<Vec<Deb>> {
    if kernels.is_empty() && others.is_empty() {
        return Ok(Vec::new());
    }
    let remembered = Remembered::new(apt, kernels, others);
    let attempt = |lists| {
        let packages = resolve(apt, lists, kernels, others)?;
        let download = packages
            .iter()
            .filter(|package| !apt.has(package))
            .map(|package| package.name.clone());
        let download: Vec<String> = download.collect();
        if !download.is_empty() {
            progress(Progress::Downloading { packages: download });
        }
        apt.download(lists, &packages)
    };

    progress(Progress::LookingForPackages);
    let first = match attempt(Lists::System) {
        Ok(debs) => {
            remembered.write(&debs)?;
            return Ok(debs);
        }
        Err(error) => error,
    };
    tracing::debug!(%first, "the system's package lists do not help");
    progress(Progress::FetchingPackageLists);
    let updated = apt.update();
    match (attempt(Lists::Own), updated) {
        (Ok(debs), _) => {
            remembered.write(&debs)?;
            Ok(debs)
        }
        (Err(error), updated) => remembered.read().ok_or_else(|| match (first, updated) {
            (error @ Error::Spawn { .. }, _) => error,
            (_, Err(update)) => {
                let names = kernels
                    .iter()
                    .take(1)
                    .chain(others)
                    .map(|&name| name.to_owned())
                    .collect();
                Apt::download_error(names, update)
            }
            _ => error,
        }),
    }
}

/// From names to exact packages: the first known kernel's image, the packages with its modules, and the others.
fn resolve(apt: &Apt, lists: Lists, kernels: &[&str], others: &[&str]) -> Result<Vec<Package>> {
    let names: Vec<&str> = kernels.iter().chain(others).copied().collect();
    let known = apt.show(lists, &names)?;
    let unknown = |names: &[&str]| Error::NoPackage {
        candidates: names.iter().map(|&name| name.to_owned()).collect(),
    };

    let mut packages = Vec::new();
    if !kernels.is_empty() {
        let image = known
            .iter()
            .filter(|package| kernels.contains(&package.name.as_str()))
            .find_map(|package| {
                package
                    .depends
                    .iter()
                    .find(|dependency| dependency.name.starts_with("linux-image-"))
            })
            .ok_or_else(|| unknown(kernels))?;
        let pinned = match &image.version {
            Some(version) => format!("{}={version}", image.name),
            None => image.name.clone(),
        };
        let image = apt
            .show(lists, &[&pinned])?
            .into_iter()
            .next()
            .ok_or_else(|| unknown(&[&pinned]))?;
        // Ubuntu keeps the modules in packages of their own.
        for modules in image
            .depends
            .iter()
            .filter(|dependency| dependency.name.starts_with("linux-modules-"))
        {
            packages.extend(apt.show(lists, &[&modules.name])?.into_iter().next());
        }
        packages.insert(0, image);
    }
    for name in others {
        let package = known
            .iter()
            .find(|package| package.name == *name)
            .ok_or_else(|| unknown(&[name]))?;
        packages.push(package.clone());
    }
    Ok(packages)
}

/// Which packages a question led to last time, so that the same question has an answer without a network.
struct Remembered<'a> {
    apt: &'a Apt,
    path: PathBuf,
    question: String,
}

impl<'a> Remembered<'a> {
    fn new(apt: &'a Apt, kernels: &[&str], others: &[&str]) -> Self {
        let question = kernels
            .iter()
            .chain(others)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            apt,
            path: apt.packages_dir().join("resolved.json"),
            question,
        }
    }

    fn all(&self) -> BTreeMap<String, Vec<Package>> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn read(&self) -> Option<Vec<Deb>> {
        let packages = self.all().remove(&self.question)?;
        let all_here = packages.iter().all(|package| self.apt.has(package));
        all_here.then(|| {
            tracing::warn!("no network or no package lists: using the packages downloaded earlier");
            packages
                .into_iter()
                .map(|package| Deb {
                    path: self.apt.path_of(&package),
                    package,
                })
                .collect()
        })
    }

    fn write(&self, debs: &[Deb]) -> Result<()> {
        let mut all = self.all();
        let before = all.get(&self.question).cloned().unwrap_or_default();
        all.insert(
            self.question.clone(),
            debs.iter().map(|deb| deb.package.clone()).collect(),
        );
        let text = serde_json::to_string_pretty(&all).unwrap_or_default();
        // Another run may read it: it sees the old text or the new one.
        let new = tempfile::NamedTempFile::new_in(self.apt.packages_dir())
            .map_err(Error::io("create a file in", self.apt.packages_dir()))?;
        fs::write(new.path(), text).map_err(Error::io("write", &self.path))?;
        new.persist(&self.path)
            .map_err(|error| Error::io("write", &self.path)(error.error))?;
        let kept: BTreeSet<String> = all.values().flatten().map(Package::file_name).collect();
        for package in before
            .iter()
            .filter(|package| !kept.contains(&package.file_name()))
        {
            // What a newer package has replaced only takes space; where it cannot be removed nothing is lost.
            let _ = fs::remove_file(self.apt.path_of(package));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::Dependency;

    fn host(config: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().join("lib/modules/6.1.0-test");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(root.path().join("boot")).unwrap();
        fs::write(modules.join("modules.builtin"), "").unwrap();
        fs::write(root.path().join("boot/vmlinuz-6.1.0-test"), "kernel").unwrap();
        if let Some(config) = config {
            fs::write(root.path().join("boot/config-6.1.0-test"), config).unwrap();
        }
        root
    }

    const STOCK: &str = "CONFIG_UNIX98_PTYS=y\nCONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_DEVTMPFS=y\n# a comment\nCONFIG_BLK_DEV_INITRD=y\n";

    #[test]
    fn the_hosts_kernel_is_taken_only_when_it_can_be_a_guests() {
        let find =
            |root: &tempfile::TempDir| kernel_of_release(root.path(), "6.1.0-test".to_owned());
        let stock = host(Some(STOCK));
        assert_eq!(
            find(&stock).unwrap().image,
            stock.path().join("boot/vmlinuz-6.1.0-test")
        );
        assert_eq!(find(&host(None)), None, "nobody knows what it can do");
        assert_eq!(
            find(&host(Some(
                &STOCK.replace("8250_CONSOLE=y", "8250_CONSOLE=m")
            ))),
            None,
            "it would be mute"
        );
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

    #[test]
    fn packages_of_the_same_question_are_remembered_and_replaced_ones_removed() {
        let packages = tempfile::tempdir().unwrap();
        let apt = Apt::new(packages.path().to_owned());
        let deb = |name: &str, version: &str| {
            let package = Package {
                name: name.to_owned(),
                version: version.to_owned(),
                architecture: "amd64".to_owned(),
                depends: vec![Dependency {
                    name: "other".to_owned(),
                    version: None,
                }],
                ..Package::default()
            };
            let path = apt.path_of(&package);
            fs::write(&path, "").unwrap();
            Deb { package, path }
        };
        let remembered = Remembered::new(&apt, &["linux"], &["busybox"]);
        assert!(remembered.read().is_none());

        let (old, busybox) = (deb("linux", "1"), deb("busybox", "1"));
        remembered.write(&[old.clone(), busybox.clone()]).unwrap();
        remembered.write(&[old.clone(), busybox.clone()]).unwrap();
        assert!(old.path.exists() && busybox.path.exists());
        assert_eq!(remembered.read().unwrap().len(), 2);

        let other = Remembered::new(&apt, &[], &["busybox"]);
        other.write(std::slice::from_ref(&busybox)).unwrap();
        let new = deb("linux", "2");
        remembered
            .write(&[new.clone(), deb("busybox", "2")])
            .unwrap();
        assert!(!old.path.exists() && new.path.exists());
        assert!(
            busybox.path.exists(),
            "the other question's answer still needs it"
        );

        fs::remove_file(&new.path).unwrap();
        assert!(
            remembered.read().is_none(),
            "an answer with a package missing is none"
        );
    }
}
