//! Kernel modules: what each needs, and in what order to load them for which devices.
//!
//! Distributions' packages carry no `modules.dep`: `depmod` writes it when they are installed. So this computes what `depmod`
//! computes, from the modules themselves.

use crate::modinfo::{ModInfo, canonical, without_signature};
use crate::unpack::Compression;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of one kernel, as found under `lib/modules/<release>`.
#[derive(Debug)]
pub(crate) struct ModuleTree {
    root: PathBuf,
    /// Path below `root`, by canonical name.
    paths: BTreeMap<String, PathBuf>,
    /// Canonical names of what is not a module because it is built in.
    builtin: BTreeSet<String>,
}

/// A module chosen for the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// Canonical name.
    pub name: String,
    /// Path below `lib/modules/<release>`, without a compression's suffix.
    pub path: String,
    /// The modules to load before it, in order.
    pub needs: Vec<String>,
    pub aliases: Vec<String>,
    /// The module itself, not compressed.
    pub bytes: Vec<u8>,
}

/// The answer to "which of these drivers does the kernel have?".
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// In an order in which all can be loaded.
    pub modules: Vec<Module>,
    /// Wanted, and part of the kernel image.
    pub builtin: Vec<String>,
    /// Wanted, and not there at all.
    pub absent: Vec<String>,
}

impl ModuleTree {
    /// Finds all modules below `root`, which is a `lib/modules/<release>`.
    pub(crate) fn scan(root: &Path) -> Result<Self> {
        let mut paths = BTreeMap::new();
        let mut directories = vec![PathBuf::from("kernel")];
        while let Some(directory) = directories.pop() {
            let full = root.join(&directory);
            for entry in fs::read_dir(&full).map_err(Error::io("read", &full))? {
                let entry = entry.map_err(Error::io("read", &full))?;
                let path = directory.join(entry.file_name());
                let kind = entry
                    .file_type()
                    .map_err(Error::io("read", root.join(&path)))?;
                if kind.is_dir() {
                    directories.push(path);
                } else if let Some(name) = module_name(&entry.file_name().to_string_lossy()) {
                    paths.insert(name, path);
                }
            }
        }
        let list = root.join("modules.builtin");
        let builtin = fs::read_to_string(&list).map_err(Error::io("read", &list))?;
        let builtin = builtin
            .lines()
            .filter_map(|line| module_name(line.rsplit('/').next()?))
            .collect();
        Ok(Self {
            root: root.to_owned(),
            paths,
            builtin,
        })
    }

    /// Whether the kernel has this driver, as a module or built in.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = canonical(name);
        self.paths.contains_key(&name) || self.builtin.contains(&name)
    }

    /// Picks `wanted` and all they need.
    pub(crate) fn select<'a>(
        &self,
        wanted: impl IntoIterator<Item = &'a str>,
    ) -> Result<Selection> {
        let mut selection = Selection::default();
        let mut done = BTreeSet::new();
        for name in wanted.into_iter().map(canonical) {
            if self.paths.contains_key(&name) {
                self.add(&name, &mut selection, &mut done)?;
            } else if self.builtin.contains(&name) {
                selection.builtin.push(name);
            } else {
                selection.absent.push(name);
            }
        }
        Ok(selection)
    }

    /// Adds a module after all it needs; the kernel's build refuses cycles, and `done` ends one all the same.
    fn add(
        &self,
        name: &str,
        selection: &mut Selection,
        done: &mut BTreeSet<String>,
    ) -> Result<()> {
        let Some(path) = self.paths.get(name) else {
            return Ok(());
        };
        if !done.insert(name.to_owned()) {
            return Ok(());
        }
        let bytes = read_module(&self.root.join(path))?;
        let info = ModInfo::read(&bytes).map_err(|error| Error::Module {
            path: self.root.join(path),
            reason: error.to_string(),
        })?;
        let mut needs: Vec<String> = Vec::new();
        for need in info
            .soft_depends
            .iter()
            .chain(&info.depends)
            .filter(|need| self.paths.contains_key(*need))
        {
            self.add(need, selection, done)?;
            let below = selection
                .modules
                .iter()
                .find(|module| module.name == *need)
                .map(|module| module.needs.clone());
            for need in below.unwrap_or_default().iter().chain([need]) {
                if !needs.contains(need) {
                    needs.push(need.clone());
                }
            }
        }
        selection.modules.push(Module {
            name: name.to_owned(),
            path: without_compression(&path.to_string_lossy()).to_owned(),
            needs,
            aliases: info.aliases,
            bytes,
        });
        Ok(())
    }
}

fn without_compression(path: &str) -> &str {
    [".gz", ".xz", ".zst"]
        .iter()
        .find_map(|suffix| path.strip_suffix(suffix))
        .unwrap_or(path)
}

fn module_name(file: &str) -> Option<String> {
    without_compression(file).strip_suffix(".ko").map(canonical)
}

fn read_module(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let mut bytes = match Compression::of(&bytes) {
        Some(compression) => compression.unpack(&bytes).map_err(|error| Error::Module {
            path: path.to_owned(),
            reason: error.to_string(),
        })?,
        None => bytes,
    };
    bytes.truncate(without_signature(&bytes).len());
    Ok(bytes)
}

impl Selection {
    /// The guest's `/etc/modules`: one module a line in loading order, then the patterns of the devices that want it.
    ///
    /// A module's line carries the patterns of all that need it, so a reader that loads what matches, in order, needs
    /// to know nothing of dependencies. Modules no device asks for are left to `modprobe`.
    pub(crate) fn load_list(&self, release: &str) -> String {
        let mut patterns: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for module in &self.modules {
            let own: BTreeSet<String> = module
                .aliases
                .iter()
                .filter(|alias| names_a_device(alias))
                .map(|alias| simple_glob(alias))
                .collect();
            for name in module.needs.iter().chain([&module.name]) {
                patterns
                    .entry(name)
                    .or_default()
                    .extend(own.iter().cloned());
            }
        }
        let mut list = String::new();
        for module in &self.modules {
            let Some(patterns) = patterns
                .get(module.name.as_str())
                .filter(|patterns| !patterns.is_empty())
            else {
                continue;
            };
            list.push_str(&format!("/lib/modules/{release}/{}", module.path));
            for pattern in patterns {
                list.push(' ');
                list.push_str(pattern);
            }
            list.push('\n');
        }
        list
    }

    /// `modules.dep` as `depmod` writes it: what a module needs, the first to load last.
    pub(crate) fn modules_dep(&self) -> String {
        let path_of: BTreeMap<&str, &str> = self
            .modules
            .iter()
            .map(|module| (module.name.as_str(), module.path.as_str()))
            .collect();
        let mut text = String::new();
        for module in &self.modules {
            text.push_str(&module.path);
            text.push(':');
            for need in module
                .needs
                .iter()
                .rev()
                .filter_map(|need| path_of.get(need.as_str()))
            {
                text.push(' ');
                text.push_str(need);
            }
            text.push('\n');
        }
        text
    }

    /// `modules.alias` as `depmod` writes it.
    pub(crate) fn modules_alias(&self) -> String {
        let mut text = String::new();
        for module in &self.modules {
            for alias in &module.aliases {
                text.push_str(&format!("alias {alias} {}\n", module.name));
            }
        }
        text
    }

    /// Whether the guest can drive a device that needs this module.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = canonical(name);
        self.builtin.contains(&name) || self.modules.iter().any(|module| module.name == name)
    }
}

/// Whether an alias is a device's `modalias` pattern. The CPU's and the board's are left out: they ask for cipher accelerators
/// and laptop quirks.
fn names_a_device(alias: &str) -> bool {
    let bus = alias
        .split(':')
        .next()
        .unwrap_or_default()
        .trim_end_matches('*');
    [
        "pci", "virtio", "acpi", "usb", "scsi", "hid", "input", "serio", "platform", "mmc", "pnp",
        "ide",
    ]
    .contains(&bus)
        && alias.contains(':')
}

/// A pattern with no sets of characters, so that a simple matcher will do: `[0-9]` becomes `?`, which matches a little more.
fn simple_glob(pattern: &str) -> String {
    let mut simple = String::with_capacity(pattern.len());
    let mut in_set = false;
    for character in pattern.chars() {
        match character {
            '[' if !in_set => in_set = true,
            ']' if in_set => {
                in_set = false;
                simple.push('?');
            }
            _ if in_set => {}
            // A device's modalias never holds a space, and the list separates patterns by one.
            character if character.is_whitespace() => simple.push('?'),
            character => simple.push(character),
        }
    }
    simple
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modinfo::tests::module;
    use crate::unpack::tests::{ALL, pack};

    fn tree(modules: &[(&str, &str)], builtin: &str) -> (tempfile::TempDir, ModuleTree) {
        let root = tempfile::tempdir().unwrap();
        for (path, info) in modules {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, module(info)).unwrap();
        }
        fs::write(root.path().join("modules.builtin"), builtin).unwrap();
        let tree = ModuleTree::scan(root.path()).unwrap();
        (root, tree)
    }

    fn names(selection: &Selection) -> Vec<&str> {
        selection
            .modules
            .iter()
            .map(|module| module.name.as_str())
            .collect()
    }

    #[test]
    fn what_a_module_needs_is_loaded_before_it_and_only_once() {
        let (_root, tree) = tree(
            &[
                ("kernel/top.ko", "depends=left,right\n"),
                ("kernel/a/left.ko", "depends=base-one\n"),
                (
                    "kernel/b/right.ko",
                    "depends=base-one\nsoftdep=pre: soft missing\n",
                ),
                ("kernel/b/base_one.ko", "depends=\n"),
                ("kernel/soft.ko", ""),
                ("kernel/unasked.ko", ""),
            ],
            "",
        );
        let selection = tree.select(["top", "left"]).unwrap();
        assert_eq!(
            names(&selection),
            ["base_one", "left", "soft", "right", "top"]
        );
        assert_eq!(
            selection.modules[4].needs,
            ["base_one", "left", "soft", "right"]
        );
        assert_eq!(
            selection.modules_dep().lines().last(),
            Some(
                "kernel/top.ko: kernel/b/right.ko kernel/soft.ko kernel/a/left.ko kernel/b/base_one.ko"
            )
        );
    }

    #[test]
    fn drivers_in_the_kernel_and_drivers_missing_are_told_apart() {
        let (_root, tree) = tree(
            &[("kernel/x-y.ko", "")],
            "kernel/drivers/nvme/host/nvme-core.ko\n",
        );
        let selection = tree.select(["x_y", "nvme_core", "e1000"]).unwrap();
        assert_eq!(names(&selection), ["x_y"]);
        assert_eq!(selection.builtin, ["nvme_core"]);
        assert_eq!(selection.absent, ["e1000"]);
        assert!(selection.has("x-y") && selection.has("nvme-core") && !selection.has("e1000"));
    }

    #[test]
    fn compressed_modules_are_unpacked_and_lose_the_suffix() {
        let plain = module("alias=virtio:d00000002v*\n");
        for compression in ALL {
            let suffix = match compression {
                crate::unpack::Compression::Gzip => ".gz",
                crate::unpack::Compression::Xz => ".xz",
                crate::unpack::Compression::Zstd => ".zst",
                _ => continue,
            };
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("kernel")).unwrap();
            fs::write(
                root.path().join(format!("kernel/blk.ko{suffix}")),
                pack(compression, &plain),
            )
            .unwrap();
            fs::write(root.path().join("modules.builtin"), "").unwrap();
            let selection = ModuleTree::scan(root.path())
                .unwrap()
                .select(["blk"])
                .unwrap();
            assert_eq!(selection.modules[0].path, "kernel/blk.ko");
            assert!(selection.modules[0].bytes == plain);
        }
    }

    #[test]
    fn the_load_list_gives_each_module_the_devices_of_all_that_need_it() {
        let (_root, tree) = tree(
            &[
                ("kernel/core.ko", ""),
                ("kernel/disk.ko", "depends=core\nalias=scsi:t-0x00*\n"),
                (
                    "kernel/usb.ko",
                    "depends=core\nalias=usb:v1d0[0-8]*\nalias=cpu:type:x86\n",
                ),
                ("kernel/fs.ko", "alias=fs-foo\n"),
            ],
            "",
        );
        let list = tree.select(["disk", "usb", "fs"]).unwrap().load_list("6.1");
        assert_eq!(
            list,
            "/lib/modules/6.1/kernel/core.ko scsi:t-0x00* usb:v1d0?*\n\
             /lib/modules/6.1/kernel/disk.ko scsi:t-0x00*\n\
             /lib/modules/6.1/kernel/usb.ko usb:v1d0?*\n"
        );
    }

    #[test]
    fn aliases_are_written_as_depmod_does() {
        let (_root, tree) = tree(
            &[("kernel/p9.ko", "alias=fs-9p\nalias=virtio:d00000009v*\n")],
            "",
        );
        assert_eq!(
            tree.select(["p9"]).unwrap().modules_alias(),
            "alias fs-9p p9\nalias virtio:d00000009v* p9\n"
        );
    }
}
