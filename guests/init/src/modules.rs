//! Which kernel modules to load, and when.
//!
//! The image's builder writes `/etc/modules`: one module a line in dependency order, the path below `/lib/modules`, then
//! globs of device aliases. A module without globs is loaded at boot; one with globs as soon as a device with such an
//! alias exists, so hardware that is not there costs nothing and hardware that is plugged later works.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where the list is in the guest.
pub const LIST: &str = "/etc/modules";

const FOLDER: &str = "/lib/modules";

#[derive(Debug)]
struct Module {
    path: PathBuf,
    loaded: bool,
}

/// The modules of the image, as its list names them.
#[derive(Debug, Default)]
pub struct Modules<'t> {
    list: Vec<Module>,
    /// Wanted whatever the hardware.
    always: Vec<usize>,
    /// Globs and the modules they want, by bus: a list may hold thousands of globs, and most are of another bus.
    by_bus: HashMap<&'t str, Vec<(&'t str, usize)>>,
}

impl<'t> Modules<'t> {
    /// Reads the text of the list.
    pub fn parse(text: &'t str) -> Self {
        let mut modules = Modules::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or(line);
            let mut words = line.split_whitespace();
            let Some(path) = words.next() else {
                continue;
            };
            let module = modules.list.len();
            let mut always = true;
            for glob in words {
                always = false;
                let entry = modules.by_bus.entry(bus(glob)).or_default();
                entry.push((glob, module));
            }
            if always {
                modules.always.push(module);
            }
            modules.list.push(Module {
                path: Path::new(FOLDER).join(path),
                loaded: false,
            });
        }
        modules
    }

    /// Loads what is wanted whatever the hardware, or wanted by one of these aliases; hands failures to `complain`.
    pub fn load(&mut self, aliases: &[String], mut complain: impl FnMut(&Path, io::Error)) {
        for module in self.wanted(aliases) {
            let module = &mut self.list[module];
            module.loaded = true;
            if let Err(error) = insert(&module.path) {
                complain(&module.path, error);
            }
        }
    }

    /// The modules to load now, in the list's order.
    fn wanted(&self, aliases: &[String]) -> BTreeSet<usize> {
        let by_alias = aliases.iter().flat_map(|alias| {
            let globs = self.by_bus.get(bus(alias)).into_iter().flatten();
            globs.filter(|(glob, _)| matches(glob, alias))
        });
        by_alias
            .map(|(_, module)| *module)
            .chain(self.always.iter().copied())
            .filter(|module| !self.list[*module].loaded)
            .collect()
    }

    /// The aliases of the devices that exist now, of the buses some module waits for.
    pub fn scan_devices(&self) -> Vec<String> {
        self.by_bus
            .keys()
            .filter_map(|bus| fs::read_dir(format!("/sys/bus/{bus}/devices")).ok())
            .flatten()
            .flatten()
            .filter_map(|device| fs::read_to_string(device.path().join("modalias")).ok())
            .map(|alias| alias.trim_end().to_string())
            .collect()
    }
}

/// The bus an alias or a glob is about: the word it begins with, as `acpi` in `acpi*:LNXPWRBN:*`.
fn bus(alias: &str) -> &str {
    let end = alias.find([':', '*', '?']).unwrap_or(alias.len());
    &alias[..end]
}

fn insert(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    match nix::kmod::finit_module(&file, c"", nix::kmod::ModuleInitFlags::empty()) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a glob of `*` and `?` matches the whole text.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut at, mut here) = (0, 0);
    let mut retry = None;
    while here < text.len() {
        match glob.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, here));
            }
            Some(&byte) if byte == b'?' || byte == text[here] => {
                at += 1;
                here += 1;
            }
            _ => match retry {
                // The last star swallows one byte more.
                Some((after_star, taken)) => {
                    at = after_star;
                    here = taken + 1;
                    retry = Some((after_star, here));
                }
                None => return false,
            },
        }
    }
    glob[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_aliases() {
        let blk = "virtio:d00000002v00001AF4";
        assert!(matches("virtio:d00000002v*", blk));
        assert!(matches("virtio:*", blk));
        assert!(matches("*v0000????", blk));
        assert!(matches("*:d*v*4", blk));
        assert!(!matches("virtio:d00000003v*", blk));
        assert!(!matches("virtio:d00000002", blk));
        assert!(!matches("", blk));
    }

    #[test]
    fn a_module_is_wanted_always_or_by_an_alias() {
        let modules =
            Modules::parse("# list\n6.1/a.ko\n\n6.1/b.ko pci:x* virtio:y* acpi*:z:*  # why\n");
        assert_eq!(modules.list.len(), 2);
        assert_eq!(modules.list[0].path, Path::new("/lib/modules/6.1/a.ko"));
        let wanted = |alias: &str| Vec::from_iter(modules.wanted(&[alias.to_string()]));
        assert_eq!(wanted("pci:z"), [0]);
        assert_eq!(wanted("usb:x"), [0]);
        assert_eq!(wanted("virtio:y1"), [0, 1]);
        assert_eq!(wanted("acpi:z:"), [0, 1]);
    }

    #[test]
    fn a_module_that_cannot_be_loaded_is_told_once_and_does_not_stop_the_others() {
        let mut modules = Modules::parse("/nonexistent/a.ko\n/nonexistent/b.ko\n");
        let mut told = 0;
        modules.load(&[], |_, _| told += 1);
        modules.load(&[], |_, _| told += 1);
        assert_eq!(told, 2);
    }
}
