//! The guest's file system: our init, busybox, and the drivers.

use crate::cpio::{Archive, Node};
use crate::module::Selection;
use crate::recipe::RECIPE_VERSION;
use std::collections::{BTreeMap, BTreeSet};

/// What the archive is made from.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    pub guest: &'a str,
    pub release: &'a str,
    pub init: &'a [u8],
    pub busybox: &'a [u8],
    /// Where busybox's commands belong, as `busybox --list-full` prints them.
    pub applets: &'a [String],
    pub drivers: &'a Selection,
    /// The distribution's list of what is built in, for `modprobe`.
    pub modules_builtin: &'a [u8],
}

/// Files by path, so that the archive's order does not depend on how it was put together.
#[derive(Default)]
pub(crate) struct Tree(BTreeMap<String, (u32, Node)>);

impl Tree {
    pub(crate) fn directory(&mut self, path: &str, permissions: u32) {
        self.add_parents(path);
        self.0
            .insert(path.to_owned(), (permissions, Node::Directory));
    }

    pub(crate) fn file(&mut self, path: &str, permissions: u32, data: impl Into<Vec<u8>>) {
        self.add(path, permissions, Node::File(data.into()));
    }

    fn add(&mut self, path: &str, permissions: u32, node: Node) {
        self.add_parents(path);
        self.0.insert(path.to_owned(), (permissions, node));
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut archive = Archive::default();
        // Sorting puts a directory before what is in it.
        for (path, (permissions, node)) in &self.0 {
            archive.add(path, *permissions, node);
        }
        archive.finish()
    }

    fn add_parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.0
                .entry(path[..at].to_owned())
                .or_insert((0o755, Node::Directory));
        }
    }
}

/// The archive, the same bytes for the same contents.
pub(crate) fn build(contents: &Contents) -> Vec<u8> {
    let mut tree = Tree::default();
    add_system(&mut tree, contents);
    add_busybox(&mut tree, contents);
    add_drivers(&mut tree, contents);
    tree.file("init", 0o755, contents.init);
    tree.add("bin/tiny-load", 0o777, Node::Symlink("/init".to_owned()));
    tree.archive()
}

fn add_system(tree: &mut Tree, contents: &Contents) {
    for directory in ["dev", "etc", "mnt", "proc", "run", "sys", "var/log"] {
        tree.directory(directory, 0o755);
    }
    tree.directory("root", 0o700);
    tree.directory("tmp", 0o1777);
    tree.add("var/run", 0o777, Node::Symlink("/run".to_owned()));
    tree.add(
        "dev/console",
        0o600,
        Node::CharDevice { major: 5, minor: 1 },
    );
    tree.add("dev/null", 0o666, Node::CharDevice { major: 1, minor: 3 });
    tree.add(
        "dev/ttyS0",
        0o600,
        Node::CharDevice {
            major: 4,
            minor: 64,
        },
    );

    tree.file(
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    );
    tree.file(
        "etc/group",
        0o644,
        "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    );
    tree.file(
        "etc/shadow",
        0o600,
        "root::20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
    );
    tree.file("etc/hostname", 0o644, "tiny\n");
    tree.file(
        "etc/hosts",
        0o644,
        "127.0.0.1 localhost tiny\n::1 localhost\n",
    );
    let os_release = format!(
        "NAME=\"virt-test tiny guest\"\nID=virt-test-tiny\nVERSION_ID={RECIPE_VERSION}\nVARIANT_ID={}\nPRETTY_NAME=\"virt-test tiny guest {RECIPE_VERSION}\"\n",
        contents.guest
    );
    tree.file("etc/os-release", 0o644, os_release);
}

fn add_busybox(tree: &mut Tree, contents: &Contents) {
    tree.file("bin/busybox", 0o755, contents.busybox);
    let mut linked = BTreeSet::from(["busybox"]);
    for path in contents.applets {
        let Some(name) = path.rsplit('/').next().filter(|name| !name.is_empty()) else {
            continue;
        };
        // Ours is the only init, and one command needs to be found in one place only.
        if name == "init" || name == "linuxrc" || !linked.insert(name) {
            continue;
        }
        let directory = if path.contains("sbin/") {
            "sbin"
        } else {
            "bin"
        };
        tree.add(
            &format!("{directory}/{name}"),
            0o777,
            Node::Symlink("/bin/busybox".to_owned()),
        );
    }
    // Scripts and people expect the commands where distributions have them.
    tree.add("usr/bin", 0o777, Node::Symlink("/bin".to_owned()));
    tree.add("usr/sbin", 0o777, Node::Symlink("/sbin".to_owned()));
}

fn add_drivers(tree: &mut Tree, contents: &Contents) {
    let root = format!("lib/modules/{}", contents.release);
    for module in &contents.drivers.modules {
        tree.file(
            &format!("{root}/{}", module.path),
            0o644,
            module.bytes.as_slice(),
        );
    }
    tree.file(
        &format!("{root}/modules.dep"),
        0o644,
        contents.drivers.modules_dep(),
    );
    tree.file(
        &format!("{root}/modules.alias"),
        0o644,
        contents.drivers.modules_alias(),
    );
    tree.file(
        &format!("{root}/modules.builtin"),
        0o644,
        contents.modules_builtin,
    );
    tree.file(
        "etc/modules",
        0o644,
        contents.drivers.load_list(contents.release),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;

    fn built(applets: &[&str]) -> Vec<u8> {
        let module = Module {
            name: "virtio_pci".to_owned(),
            path: "kernel/drivers/virtio/virtio_pci.ko".to_owned(),
            needs: Vec::new(),
            aliases: vec!["pci:v00001AF4d*".to_owned()],
            bytes: b"module bytes".to_vec(),
        };
        let drivers = Selection {
            modules: vec![module],
            ..Selection::default()
        };
        build(&Contents {
            guest: "tiny",
            release: "6.1",
            init: b"init bytes",
            busybox: b"busybox bytes",
            applets: &applets
                .iter()
                .map(|&path| path.to_owned())
                .collect::<Vec<_>>(),
            drivers: &drivers,
            modules_builtin: b"",
        })
    }

    /// The entries' paths and data, read by the format's rules.
    fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        loop {
            let field = |index: usize| {
                let start = at + 6 + index * 8;
                usize::from_str_radix(std::str::from_utf8(&archive[start..start + 8]).unwrap(), 16)
                    .unwrap()
            };
            assert_eq!(&archive[at..at + 6], b"070701");
            let (size, name_size) = (field(6), field(11));
            let name =
                String::from_utf8(archive[at + 110..at + 110 + name_size - 1].to_vec()).unwrap();
            let data = (at + 110 + name_size).next_multiple_of(4);
            if name == "TRAILER!!!" {
                return entries;
            }
            entries.push((name, archive[data..data + size].to_vec()));
            at = (data + size).next_multiple_of(4);
        }
    }

    #[test]
    fn every_directory_comes_before_what_is_in_it() {
        let entries = entries(&built(&["bin/ls", "usr/sbin/chroot"]));
        let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        for (index, name) in names.iter().enumerate() {
            if let Some((parent, _)) = name.rsplit_once('/') {
                assert!(names[..index].contains(&parent), "{name} before {parent}");
            }
        }
    }

    #[test]
    fn commands_are_links_to_busybox_but_init_is_ours() {
        let entries = entries(&built(&[
            "bin/ls",
            "sbin/init",
            "usr/sbin/chroot",
            "usr/bin/ls",
            "linuxrc",
        ]));
        let data = |name: &str| {
            entries
                .iter()
                .find(|(entry, _)| entry == name)
                .map(|(_, data)| data.as_slice())
        };
        assert_eq!(data("init"), Some(b"init bytes".as_slice()));
        assert_eq!(data("bin/ls"), Some(b"/bin/busybox".as_slice()));
        assert_eq!(data("sbin/chroot"), Some(b"/bin/busybox".as_slice()));
        assert_eq!(data("sbin/init"), None);
        assert_eq!(data("bin/linuxrc"), None);
    }

    #[test]
    fn drivers_lie_where_the_load_list_says() {
        let entries = entries(&built(&[]));
        let list = &entries
            .iter()
            .find(|(name, _)| name == "etc/modules")
            .unwrap()
            .1;
        let path = std::str::from_utf8(list)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        assert!(
            entries
                .iter()
                .any(|(name, data)| format!("/{name}") == path && data == b"module bytes")
        );
    }

    #[test]
    fn the_same_contents_give_the_same_bytes_in_any_order() {
        assert_eq!(built(&["bin/ls", "bin/cat"]), built(&["bin/cat", "bin/ls"]));
    }
}
