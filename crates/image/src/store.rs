//! The guests made so far, and the making of them.

use crate::apt::{self, Apt};
use crate::ingredients::{self, Ingredients};
use crate::initramfs::{self, Contents};
use crate::kernel::{self, KernelKind};
use crate::manifest::{self, Component, Manifest, Origin};
use crate::module::{ModuleTree, Selection};
use crate::recipe::{RECIPE_VERSION, RECIPES, REQUIRED, Recipe, recipe};
use crate::tiny::TinyGuest;
use crate::{Error, Result, command, lock};
use rustix::fs::RenameFlags;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// The guest's init, built with this program.
static INIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tiny-init"));
const INIT_SHA256: &str = env!("TINY_INIT_SHA256");

const KERNEL: &str = "vmlinux";
const SHIPPED: &str = "vmlinuz";
const INITRD: &str = "initrd";
const MANIFEST: &str = "manifest.json";
const CURRENT: &str = "current";
const BUILDING: &str = ".building-";

/// How long a replaced guest is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What the making of a guest is doing; its text suits a live line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another run is making the same guest.
    WaitingForOtherRun,
    /// Asking the package manager what there is.
    LookingForPackages,
    /// The system's lists do not help: fetching our own.
    FetchingPackageLists,
    /// Downloading.
    Downloading {
        /// The packages' names.
        packages: Vec<String>,
    },
    /// Unpacking packages.
    Unpacking,
    /// Taking the kernel out of its image, choosing drivers, writing the initramfs.
    Assembling,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitingForOtherRun => f.write_str("waiting for another run that makes a guest"),
            Self::LookingForPackages => f.write_str("looking for packages"),
            Self::FetchingPackageLists => f.write_str("fetching package lists"),
            Self::Downloading { packages } => write!(f, "downloading {}", packages.join(", ")),
            Self::Unpacking => f.write_str("unpacking packages"),
            Self::Assembling => f.write_str("putting kernel, drivers and init together"),
        }
    }
}

/// When to make a guest that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// When this program would make it otherwise.
    IfStale,
    /// Always; the packages are looked up again, so a newer kernel is taken.
    Always,
}

/// A guest, and whether it had to be made.
#[derive(Clone, Debug)]
pub struct Ensured {
    /// The guest.
    pub guest: TinyGuest,
    /// How long making it took; nothing if it was there.
    pub built: Option<Duration>,
}

/// One line of `virt-test guest list`.
#[derive(Clone, Debug)]
pub struct GuestStatus {
    /// How the guest is made.
    pub recipe: &'static Recipe,
    /// The guest, if it is ready to boot.
    pub ready: Option<TinyGuest>,
}

/// The guests below a data directory: `guests/<name>/<key>/{vmlinux,vmlinuz,initrd,manifest.json}`, with `guests/<name>/current` naming
/// the newest, and downloaded packages in `packages`.
#[derive(Clone, Debug)]
pub struct GuestStore {
    data: PathBuf,
    root: PathBuf,
}

impl GuestStore {
    /// A store below this directory, which need not exist yet.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            root: PathBuf::from("/"),
        }
    }

    /// All guests there could be, and those there are.
    ///
    /// # Errors
    /// When a guest's files cannot be read for another reason than that they are not there.
    pub fn list(&self) -> Result<Vec<GuestStatus>> {
        RECIPES
            .iter()
            .map(|recipe| {
                Ok(GuestStatus {
                    recipe,
                    ready: self.find_current(recipe)?,
                })
            })
            .collect()
    }

    /// The guest, if it is ready to boot and this program would make it the same.
    ///
    /// A look at five files and no more: whether the distribution has a newer kernel is asked only when a guest is made.
    ///
    /// # Errors
    /// When there is no such guest, or its files cannot be read for another reason than that they are not there.
    pub fn find(&self, name: &str) -> Result<Option<TinyGuest>> {
        self.find_current(known_recipe(name)?)
    }

    /// The guest, made if need be. This blocks for seconds when it has to download and build.
    ///
    /// # Errors
    /// When there is no such guest, or it cannot be made; [`Error::hint`] says what would help.
    pub fn ensure(
        &self,
        name: &str,
        rebuild: Rebuild,
        progress: &dyn Fn(Progress),
    ) -> Result<Ensured> {
        let recipe = known_recipe(name)?;
        let home = self.home(recipe);
        if rebuild == Rebuild::IfStale
            && let Some(guest) = self.find_current(recipe)?
        {
            return Ok(Ensured { guest, built: None });
        }
        fs::create_dir_all(&home).map_err(Error::io("create", &home))?;
        let _lock = lock::take(&home.join("lock"), progress)?;
        // Whoever held the lock may have made it.
        if rebuild == Rebuild::IfStale
            && let Some(guest) = self.find_current(recipe)?
        {
            return Ok(Ensured { guest, built: None });
        }
        remove_leftovers(&home)?;
        check_room(&home, recipe.room)?;
        let started = Instant::now();
        let guest = self.build(recipe, &home, started, progress)?;
        Ok(Ensured {
            guest,
            built: Some(started.elapsed()),
        })
    }

    /// Where downloaded packages are kept.
    pub(crate) fn packages(&self) -> PathBuf {
        self.data.join("packages")
    }

    fn home(&self, recipe: &Recipe) -> PathBuf {
        self.data.join("guests").join(recipe.name)
    }

    /// The newest guest if this program would make it so, else one made so before: versions of this program that take turns need not
    /// make theirs anew each time.
    fn find_current(&self, recipe: &Recipe) -> Result<Option<TinyGuest>> {
        let home = self.home(recipe);
        let current = home.join(CURRENT);
        let newest = existing(fs::read_link(&current)).map_err(Error::io("read", &current))?;
        let Some(newest) = newest else {
            return Ok(None);
        };
        if let Some(guest) = usable(recipe, &home.join(&newest))? {
            return Ok(Some(guest));
        }
        for entry in fs::read_dir(&home).map_err(Error::io("read", &home))? {
            let entry = entry.map_err(Error::io("read", &home))?;
            let is_guest = entry.file_type().is_ok_and(|kind| kind.is_dir())
                && !entry.file_name().to_string_lossy().starts_with(BUILDING);
            if is_guest && let Some(guest) = usable(recipe, &entry.path())? {
                return Ok(Some(guest));
            }
        }
        Ok(None)
    }

    fn build(
        &self,
        recipe: &Recipe,
        home: &Path,
        started: Instant,
        progress: &dyn Fn(Progress),
    ) -> Result<TinyGuest> {
        let building = tempfile::Builder::new()
            .prefix(BUILDING)
            .tempdir_in(home)
            .map_err(Error::io("create a directory in", home))?;
        let scratch = building.path().join("unpacked");
        let apt = Apt::new(self.packages());
        let ingredients = ingredients::gather(recipe, &apt, &self.root, &scratch, progress)?;
        progress(Progress::Assembling);

        let made = building.path().join("made");
        fs::create_dir(&made).map_err(Error::io("create", &made))?;
        let image = &ingredients.kernel.image;
        let shipped = fs::read(image).map_err(Error::io("read", image))?;
        write(&made.join(SHIPPED), &shipped)?;
        let (kernel, kernel_kind) = quickest_kernel(image, &shipped)?;
        write(&made.join(KERNEL), &kernel)?;
        let drivers = choose_drivers(recipe, &ingredients)?;
        let initrd = initrd(recipe, &ingredients, &drivers)?;
        write(&made.join(INITRD), &initrd)?;

        let mut components = ingredients.components;
        components.push(Component {
            name: "tiny-init".to_owned(),
            origin: Origin::Program,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sha256: INIT_SHA256.to_owned(),
        });
        let recipe_fingerprint = recipe_fingerprint(recipe);
        let manifest = Manifest {
            format: manifest::FORMAT,
            guest: recipe.name.to_owned(),
            key: key(&recipe_fingerprint, &components),
            recipe: recipe_fingerprint,
            components,
            kernel_release: ingredients.kernel.release,
            timer_hz: ingredients.kernel.timer_hz,
            kernel_kind,
            kernel_size: kernel.len() as u64,
            shipped_kernel_size: shipped.len() as u64,
            initrd_size: initrd.len() as u64,
            modules: drivers
                .modules
                .iter()
                .map(|module| module.name.clone())
                .collect(),
            builtin: drivers.builtin,
            absent: drivers.absent,
            build_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let guest = publish(home, &made, manifest)?;
        prune(home, &guest.manifest.key);
        Ok(guest)
    }
}

/// The guest of a directory, if it is whole and this program would make it the same.
fn usable(recipe: &Recipe, directory: &Path) -> Result<Option<TinyGuest>> {
    let path = directory.join(MANIFEST);
    let Some(text) = existing(fs::read_to_string(&path)).map_err(Error::io("read", &path))? else {
        return Ok(None);
    };
    // A manifest of another version of this program means that the guest has to be made again, not that anything is wrong.
    let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else {
        return Ok(None);
    };
    let guest = TinyGuest {
        kernel: directory.join(KERNEL),
        shipped_kernel: directory.join(SHIPPED),
        initrd: directory.join(INITRD),
        manifest,
    };
    let whole =
        |path: &Path, size: u64| path.metadata().is_ok_and(|metadata| metadata.len() == size);
    let usable = guest.manifest.format == manifest::FORMAT
        && guest.manifest.recipe == recipe_fingerprint(recipe)
        && whole(&guest.kernel, guest.manifest.kernel_size)
        && whole(&guest.shipped_kernel, guest.manifest.shipped_kernel_size)
        && whole(&guest.initrd, guest.manifest.initrd_size)
        && guest
            .manifest
            .components
            .iter()
            .all(|component| component.origin.is_unchanged());
    if usable {
        // When it was last used: what nobody uses is removed some day. A time that cannot be set makes it look older, no more.
        let used = fs::File::options().append(true).open(&path);
        let _ = used.and_then(|file| file.set_modified(SystemTime::now()));
    }
    Ok(usable.then_some(guest))
}

fn known_recipe(name: &str) -> Result<&'static Recipe> {
    recipe(name).ok_or_else(|| Error::UnknownGuest {
        name: name.to_owned(),
        known: RECIPES
            .iter()
            .map(|recipe| recipe.name.to_owned())
            .collect(),
    })
}

/// Identifies all that this program itself puts into a guest.
fn recipe_fingerprint(recipe: &Recipe) -> String {
    let mut hasher = Sha256::new();
    let Recipe {
        name,
        kernel_packages,
        host_kernel_needs,
        modules,
        ..
    } = recipe;
    hasher.update(format!(
        "{RECIPE_VERSION}\0{INIT_SHA256}\0{name}\0{kernel_packages:?}\0{host_kernel_needs:?}\0{modules:?}"
    ));
    apt::hex(&hasher.finalize())
}

/// Identifies all that went into a guest.
fn key(recipe_fingerprint: &str, components: &[Component]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(recipe_fingerprint);
    for component in components {
        hasher.update(format!(
            "\0{}\0{}\0{}",
            component.name, component.version, component.sha256
        ));
    }
    apt::hex(&hasher.finalize())
}

/// The kernel that boots fastest: the ELF image where PVH can boot it, the image as shipped otherwise.
fn quickest_kernel<'a>(image: &Path, shipped: &'a [u8]) -> Result<(Cow<'a, [u8]>, KernelKind)> {
    match kernel::vmlinux(shipped) {
        Ok(elf) if kernel::has_pvh_entry(&elf) => Ok((elf.into(), KernelKind::Pvh)),
        Ok(_) => Ok((shipped.into(), KernelKind::BzImage)),
        Err(kernel::BzImageError::UnknownCompression(start)) => {
            tracing::warn!(image = %image.display(), ?start, "unknown kernel compression: the guest will boot more slowly");
            Ok((shipped.into(), KernelKind::BzImage))
        }
        Err(error) => Err(Error::Kernel {
            path: image.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn choose_drivers(recipe: &Recipe, ingredients: &Ingredients) -> Result<Selection> {
    let drivers = ModuleTree::scan(&ingredients.kernel.modules)?.select(recipe.wanted())?;
    match REQUIRED.iter().find(|name| !drivers.has(name)) {
        Some(missing) => Err(Error::NoDriver {
            release: ingredients.kernel.release.clone(),
            module: (*missing).to_owned(),
        }),
        None => Ok(drivers),
    }
}

fn initrd(recipe: &Recipe, ingredients: &Ingredients, drivers: &Selection) -> Result<Vec<u8>> {
    let applets = command::run(
        Command::new(&ingredients.busybox).arg("--list-full"),
        "list busybox's commands",
    )?;
    let builtin = ingredients.kernel.modules.join("modules.builtin");
    Ok(initramfs::build(&Contents {
        guest: recipe.name,
        release: &ingredients.kernel.release,
        init: INIT,
        busybox: &fs::read(&ingredients.busybox)
            .map_err(Error::io("read", &ingredients.busybox))?,
        applets: &applets.lines().map(str::to_owned).collect::<Vec<_>>(),
        drivers,
        modules_builtin: &fs::read(&builtin).map_err(Error::io("read", &builtin))?,
    }))
}

/// Puts a finished guest in its place and makes it the current one; both steps happen wholly or not at all.
fn publish(home: &Path, made: &Path, manifest: Manifest) -> Result<TinyGuest> {
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Error::io("write", made.join(MANIFEST))(error.into()))?;
    write(&made.join(MANIFEST), &text)?;

    let directory = home.join(&manifest.key);
    let placed = match rustix::fs::renameat_with(
        rustix::fs::CWD,
        made,
        rustix::fs::CWD,
        &directory,
        RenameFlags::NOREPLACE,
    ) {
        // The same guest made again: the old one goes away with the building directory.
        Err(rustix::io::Errno::EXIST) => rustix::fs::renameat_with(
            rustix::fs::CWD,
            made,
            rustix::fs::CWD,
            &directory,
            RenameFlags::EXCHANGE,
        ),
        other => other,
    };
    placed.map_err(|error| Error::io("create", &directory)(error.into()))?;

    let link = home.join(format!("{BUILDING}{CURRENT}"));
    std::os::unix::fs::symlink(&manifest.key, &link).map_err(Error::io("create", &link))?;
    let current = home.join(CURRENT);
    fs::rename(&link, &current).map_err(Error::io("replace", &current))?;
    Ok(TinyGuest {
        kernel: directory.join(KERNEL),
        shipped_kernel: directory.join(SHIPPED),
        initrd: directory.join(INITRD),
        manifest,
    })
}

/// Removes what builds that were killed left; only whoever holds the lock may.
fn remove_leftovers(home: &Path) -> Result<()> {
    for entry in fs::read_dir(home).map_err(Error::io("read", home))? {
        let path = entry.map_err(Error::io("read", home))?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(BUILDING))
        {
            let removed = if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Removes guests that newer ones have replaced, but for the last used of them and those used within a day: a run that goes on may
/// still boot them.
fn prune(home: &Path, current: &str) {
    let Ok(entries) = fs::read_dir(home) else {
        return;
    };
    let mut replaced: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let used = entry.path().join(MANIFEST).metadata();
            let used = used.and_then(|metadata| metadata.modified()).ok()?;
            (entry.file_name() != current && !entry.path().is_symlink())
                .then_some((used, entry.path()))
        })
        .collect();
    replaced.sort();
    replaced.pop();
    let now = SystemTime::now();
    for (used, path) in replaced {
        if now.duration_since(used).is_ok_and(|unused| unused > KEPT) {
            // Where it cannot be removed it only takes space.
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn check_room(path: &Path, needed: u64) -> Result<()> {
    let found = rustix::fs::statvfs(path)
        .map_err(|error| Error::io("look at the space of", path)(error.into()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free < needed {
        return Err(Error::NoRoom {
            path: path.to_owned(),
            free,
            needed,
        });
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(Error::io("write", path))
}

/// Tells "not there" from "cannot be read".
fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_used_replaced_guest_is_kept_and_those_of_a_day_and_older_ones_go() {
        let home = tempfile::tempdir().unwrap();
        for (key, hours) in [("current", 0), ("first", 2), ("day", 23), ("older", 25)] {
            let directory = home.path().join(format!("{key}-key"));
            fs::create_dir(&directory).unwrap();
            let manifest = fs::File::create(directory.join(MANIFEST)).unwrap();
            let made = std::time::SystemTime::now() - Duration::from_secs(3600 * hours);
            manifest.set_modified(made).unwrap();
        }
        std::os::unix::fs::symlink("current-key", home.path().join(CURRENT)).unwrap();
        fs::write(home.path().join("lock"), "").unwrap();
        prune(home.path(), "current-key");
        let entries = fs::read_dir(home.path()).unwrap();
        let mut left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(
            left,
            ["current", "current-key", "day-key", "first-key", "lock"]
        );
        let day = home.path().join("day-key").join(MANIFEST);
        fs::remove_dir_all(home.path().join("first-key")).unwrap();
        let long_ago = SystemTime::now() - 2 * KEPT;
        let manifest = fs::File::options().append(true).open(day).unwrap();
        manifest.set_modified(long_ago).unwrap();
        prune(home.path(), "current-key");
        assert!(home.path().join("day-key").exists());
    }

    #[test]
    fn too_little_room_is_told_before_anything_is_downloaded() {
        let home = tempfile::tempdir().unwrap();
        check_room(home.path(), 1).unwrap();
        let error = check_room(home.path(), u64::MAX).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(" MB free, and making the guest takes up to "),
            "{error}"
        );
    }

    #[test]
    fn the_key_changes_with_anything_that_goes_in() {
        let component = |version: &str| Component {
            name: "busybox-static".to_owned(),
            origin: Origin::Program,
            version: version.to_owned(),
            sha256: "abc".to_owned(),
        };
        let base = key("recipe", &[component("1")]);
        assert_eq!(base, key("recipe", &[component("1")]));
        assert_ne!(base, key("recipe", &[component("2")]));
        assert_ne!(base, key("another recipe", &[component("1")]));
        assert_ne!(base, key("recipe", &[component("1"), component("1")]));
        assert_ne!(
            recipe_fingerprint(&RECIPES[0]),
            recipe_fingerprint(&RECIPES[1])
        );
    }
}
