//! What a kernel module says about itself, and the signature behind it.

use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, SectionHeader as _};

/// What a module says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModInfo {
    /// Modules to load before it, by name.
    pub depends: Vec<String>,
    /// Modules that should be loaded before it where they exist.
    pub soft_depends: Vec<String>,
    /// Device patterns (`pci:v00001AF4d*…`) and other names (`fs-9p`) it answers to.
    pub aliases: Vec<String>,
}

impl ModInfo {
    /// Reads the `.modinfo` section: NUL-terminated `key=value` strings.
    pub(crate) fn read(module: &[u8]) -> object::read::Result<Self> {
        let header = FileHeader64::<Endianness>::parse(module)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, module)?;
        let mut info = Self::default();
        let Some((_, section)) = sections.section_by_name(endian, b".modinfo") else {
            return Ok(info);
        };
        for entry in section.data(endian, module)?.split(|&byte| byte == 0) {
            let Some((key, value)) = std::str::from_utf8(entry)
                .ok()
                .and_then(|entry| entry.split_once('='))
            else {
                continue;
            };
            match key {
                "depends" => info.depends.extend(
                    value
                        .split(',')
                        .filter(|name| !name.is_empty())
                        .map(canonical),
                ),
                "softdep" => info.soft_depends.extend(
                    value
                        .split_whitespace()
                        .skip_while(|&word| word != "pre:")
                        .skip(1)
                        .take_while(|&word| word != "post:")
                        .map(canonical),
                ),
                "alias" => info.aliases.push(value.to_owned()),
                _ => {}
            }
        }
        Ok(info)
    }
}

/// Module names take `-` and `_` for the same thing; files use either, so this is the one to compare by.
pub(crate) fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// A module less its signature, which the guest's kernel would check at a cost of about 20 ms a module under TCG. The package it
/// comes from has been checked already; the kernel notes that it has unsigned modules (taint `E`) and takes them.
///
/// The layout is that of `struct module_signature` in Linux's `include/linux/module_signature.h`.
pub(crate) fn without_signature(module: &[u8]) -> &[u8] {
    const MARK: &[u8] = b"~Module signature appended~\n";
    const INFO: usize = 12;

    let signed = module.strip_suffix(MARK).and_then(|rest| {
        let (_, length) = rest.split_last_chunk::<4>()?;
        let signature = u32::from_be_bytes(*length) as usize;
        rest.len().checked_sub(INFO.checked_add(signature)?)
    });
    signed.map_or(module, |end| &module[..end])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A relocatable ELF file with nothing but a `.modinfo` section and the section names.
    pub(crate) fn module(info: &str) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let info = info.replace('\n', "\0");
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[16] = 1; // relocatable
        bytes[18] = 62; // x86-64
        bytes[20] = 1;
        bytes[52] = 64;
        bytes[58] = 64; // section header size
        bytes[60] = 3;
        bytes[62] = 2; // section names' section
        let info_at = bytes.len();
        bytes.extend_from_slice(info.as_bytes());
        let names_at = bytes.len();
        bytes.extend_from_slice(names);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let headers_at = bytes.len() as u64;
        bytes[40..48].copy_from_slice(&headers_at.to_le_bytes());
        let mut section = |name: u32, kind: u32, at: usize, size: usize| {
            let mut header = [0; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[4..8].copy_from_slice(&kind.to_le_bytes());
            header[24..32].copy_from_slice(&(at as u64).to_le_bytes());
            header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
            bytes.extend_from_slice(&header);
        };
        section(0, 0, 0, 0);
        section(1, 1, info_at, info.len());
        section(10, 3, names_at, names.len());
        bytes
    }

    #[test]
    fn modinfo_tells_needs_soft_needs_and_aliases() {
        let info = "license=GPL\nalias=pci:v1d*\ndepends=virtio,virtio-ring\nalias=fs-9p\nsoftdep=pre: crc32c-x post: late\n";
        let info = ModInfo::read(&module(info)).unwrap();
        assert_eq!(info.depends, ["virtio", "virtio_ring"]);
        assert_eq!(info.soft_depends, ["crc32c_x"]);
        assert_eq!(info.aliases, ["pci:v1d*", "fs-9p"]);
        assert_eq!(
            ModInfo::read(&module("depends=\n")).unwrap(),
            ModInfo::default()
        );
        assert!(ModInfo::read(b"not a module").is_err());
    }

    #[test]
    fn a_signature_is_cut_off_and_nothing_else() {
        let signed = |length: u32| {
            let mut bytes = b"module bytes SIGNATURE".to_vec();
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(b"~Module signature appended~\n");
            bytes
        };
        assert_eq!(without_signature(&signed(9)), b"module bytes ");
        assert_eq!(without_signature(b"module bytes "), b"module bytes ");
        let longer_than_the_file = signed(u32::MAX);
        assert_eq!(
            without_signature(&longer_than_the_file),
            longer_than_the_file
        );
    }
}
