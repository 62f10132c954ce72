//! Which kernel modules to load, and when.
//!
//! The image's builder writes `/etc/modules`: one module a line in dependency order, the path below `/lib/modules`, then
//! globs of device aliases. A module without globs is loaded at boot; one with globs as soon as a device with such an
//! alias exists, so hardware that is not there costs nothing and hardware that is plugged later works.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Where the list is in the guest.
pub const LIST: &str = "/etc/modules";

const FOLDER: &str = "/lib/modules";

#[derive(Debug)]
struct Module {
    path: PathBuf,
    globs: Vec<String>,
    loaded: bool,
}

/// The modules of the image.
#[derive(Debug, Default)]
pub struct Modules {
    list: Vec<Module>,
}

impl Modules {
    /// Reads the text of the list.
    pub fn parse(text: &str) -> Self {
        let list = text
            .lines()
            .filter_map(|line| {
                let line = line.split('#').next().unwrap_or(line);
                let mut words = line.split_whitespace();
                let path = Path::new(FOLDER).join(words.next()?);
                let globs = words.map(str::to_string).collect();
                Some(Module {
                    path,
                    globs,
                    loaded: false,
                })
            })
            .collect();
        Modules { list }
    }

    /// Loads what is wanted whatever the hardware, or wanted by one of these aliases; hands failures to `complain`.
    pub fn load(&mut self, aliases: &[String], mut complain: impl FnMut(&Path, io::Error)) {
        for module in &mut self.list {
            if module.loaded || !module.wanted(aliases) {
                continue;
            }
            module.loaded = true;
            if let Err(error) = insert(&module.path) {
                complain(&module.path, error);
            }
        }
    }

    /// The aliases of the devices that exist now, of the buses some module waits for.
    pub fn scan_devices(&self) -> Vec<String> {
        let mut buses: Vec<&str> = self
            .list
            .iter()
            .flat_map(|module| &module.globs)
            .filter_map(|glob| Some(glob.split_once(':')?.0))
            .collect();
        buses.sort_unstable();
        buses.dedup();
        let folders = buses
            .into_iter()
            .filter_map(|bus| fs::read_dir(format!("/sys/bus/{bus}/devices")).ok());
        folders
            .flatten()
            .flatten()
            .filter_map(|device| fs::read_to_string(device.path().join("modalias")).ok())
            .map(|alias| alias.trim_end().to_string())
            .collect()
    }
}

impl Module {
    fn wanted(&self, aliases: &[String]) -> bool {
        self.globs.is_empty()
            || self
                .globs
                .iter()
                .any(|glob| aliases.iter().any(|alias| matches(glob, alias)))
    }
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
        let modules = Modules::parse("# list\n6.1/a.ko\n\n6.1/b.ko pci:x* virtio:y*  # why\n");
        assert_eq!(modules.list.len(), 2);
        assert_eq!(modules.list[0].path, Path::new("/lib/modules/6.1/a.ko"));
        assert!(modules.list[0].wanted(&[]));
        assert!(!modules.list[1].wanted(&["pci:z".to_string()]));
        assert!(modules.list[1].wanted(&["virtio:y1".to_string()]));
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
