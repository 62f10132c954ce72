//! Which packages are wanted exactly, and where they come from: the system's package lists, lists of our own, or an earlier run.

use crate::apt::{Apt, Deb, Lists, Package};
use crate::{Error, Progress, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The packages' files: by the system's lists, else by lists of our own, else what an earlier run left.
pub(crate) fn fetch(
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
    let mut wanted = Vec::new();
    for name in others {
        let package = known
            .iter()
            .find(|package| package.name == *name)
            .ok_or_else(|| unknown(&[name]))?;
        wanted.push(package.clone());
    }
    add_libraries(&mut wanted, |names| apt.show(lists, names))?;
    packages.extend(wanted);
    Ok(packages)
}

/// Adds the libraries that packages depend on, and those these depend on.
fn add_libraries(
    packages: &mut Vec<Package>,
    show: impl Fn(&[&str]) -> Result<Vec<Package>>,
) -> Result<()> {
    let is_library = |name: &str| name.starts_with("lib") || name.starts_with("zlib");
    let mut asked = BTreeSet::new();
    loop {
        let dependencies = packages.iter().flat_map(|package| &package.depends);
        let new: Vec<String> = dependencies
            .map(|dependency| dependency.name.clone())
            .filter(|name| is_library(name) && asked.insert(name.clone()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        packages.extend(show(&new)?);
    }
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
        let new = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(self.apt.packages_dir())
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

    #[test]
    fn libraries_come_with_what_they_need_and_no_other_dependencies() {
        let package = |name: &str, depends: &[&str]| Package {
            name: name.to_owned(),
            depends: depends
                .iter()
                .map(|name| Dependency {
                    name: (*name).to_owned(),
                    version: None,
                })
                .collect(),
            ..Package::default()
        };
        let all = [
            package("libc6", &["libcrypt1"]),
            package("libcrypt1", &["libc6"]),
            package("adduser", &["libadd"]),
        ];
        let mut packages = vec![package("server", &["libc6", "adduser", "libvirtual-name"])];
        add_libraries(&mut packages, |names| {
            let known = all
                .iter()
                .filter(|known| names.contains(&known.name.as_str()));
            Ok(known.cloned().collect())
        })
        .unwrap();
        let names: Vec<&str> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["server", "libc6", "libcrypt1"]);
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
