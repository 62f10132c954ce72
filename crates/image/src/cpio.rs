//! The archive the kernel unpacks as its first file system.

/// The kind of a file in an archive, with what is particular to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File(Vec<u8>),
    Symlink(String),
    CharDevice { major: u32, minor: u32 },
}

/// An archive in the "newc" format of `cpio(5)`, which the kernel reads (its documentation: "initramfs buffer format").
///
/// The bytes depend on nothing but the entries: times are zero, the owner is root, inode numbers count up.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Appends an entry; `path` has no leading slash, and directories come before what is in them.
    pub(crate) fn add(&mut self, path: &str, permissions: u32, node: &Node) {
        let (kind, data, device): (u32, &[u8], (u32, u32)) = match node {
            Node::Directory => (0o040_000, &[], (0, 0)),
            Node::File(data) => (0o100_000, data, (0, 0)),
            Node::Symlink(target) => (0o120_000, target.as_bytes(), (0, 0)),
            Node::CharDevice { major, minor } => (0o020_000, &[], (*major, *minor)),
        };
        self.append(path, kind | permissions, data, device);
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.append("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }

    fn append(&mut self, path: &str, mode: u32, data: &[u8], device: (u32, u32)) {
        let inode = self.entries;
        self.entries += 1;
        let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
        // inode, mode, uid, gid, links, time, size, device, special device, name size with its NUL, checksum
        let fields = [
            inode,
            mode,
            0,
            0,
            links,
            0,
            data.len() as u32,
            0,
            0,
            device.0,
            device.1,
            path.len() as u32 + 1,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_archive_has_exactly_these_bytes() {
        let mut archive = Archive::default();
        archive.add("dev", 0o755, &Node::Directory);
        archive.add("dev/null", 0o666, &Node::CharDevice { major: 1, minor: 3 });
        archive.add("a", 0o644, &Node::File(b"hello".to_vec()));
        archive.add("sh", 0o777, &Node::Symlink("a".to_owned()));
        let entry = |inode: &str, mode: &str, links: &str, size: &str, rdev: &str, name: &str| {
            let zero = "00000000";
            format!(
                "070701{inode}{mode}{zero}{zero}{links}{zero}{size}{zero}{zero}{rdev}{name}{zero}"
            )
        };
        let expected = [
            &entry(
                "00000000",
                "000041ed",
                "00000002",
                "00000000",
                "0000000000000000",
                "00000004",
            ),
            "dev\0\0\0", // 110 bytes of header + name, padded to a multiple of 4
            &entry(
                "00000001",
                "000021b6",
                "00000001",
                "00000000",
                "0000000100000003",
                "00000009",
            ),
            "dev/null\0\0",
            &entry(
                "00000002",
                "000081a4",
                "00000001",
                "00000005",
                "0000000000000000",
                "00000002",
            ),
            "a\0hello\0\0\0",
            &entry(
                "00000003",
                "0000a1ff",
                "00000001",
                "00000001",
                "0000000000000000",
                "00000003",
            ),
            "sh\0\0\0\0a\0\0\0",
            &entry(
                "00000004",
                "00000000",
                "00000001",
                "00000000",
                "0000000000000000",
                "0000000b",
            ),
            "TRAILER!!!\0\0\0\0",
        ]
        .concat();
        let bytes = archive.finish();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
