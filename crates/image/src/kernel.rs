//! From the kernel image a distribution ships to the one that boots fastest.

use crate::unpack::Compression;
use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _};
use serde::{Deserialize, Serialize};

/// How QEMU starts a kernel given with `-kernel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelKind {
    /// An uncompressed ELF image with a PVH entry point: nothing is unpacked in the guest, about a second saved under TCG.
    Pvh,
    /// The Linux boot protocol's bzImage, which unpacks itself.
    BzImage,
}

/// Why an image is not a bzImage whose payload can be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BzImageError {
    #[error("it has no Linux boot header")]
    NoHeader,
    #[error("its boot protocol is {}.{}, older than 2.08, and does not say where the kernel is", .0 >> 8, .0 & 0xff)]
    OldProtocol(u16),
    #[error("its payload reaches beyond the end of the file")]
    Truncated,
    #[error("its payload is compressed in an unknown way (it starts with {0:02x?})")]
    UnknownCompression(Vec<u8>),
    #[error("its payload does not unpack: {0}")]
    Unpack(String),
}

/// The ELF image inside a bzImage.
///
/// Offsets are those of "The Linux/x86 Boot Protocol" in the kernel's documentation, section "The real-mode kernel header".
pub(crate) fn vmlinux(bzimage: &[u8]) -> Result<Vec<u8>, BzImageError> {
    const SETUP_SECTS: usize = 0x1f1;
    const MAGIC: usize = 0x202;
    const VERSION: usize = 0x206;
    const PAYLOAD_OFFSET: usize = 0x248;
    const PAYLOAD_LENGTH: usize = 0x24c;

    if bzimage.get(MAGIC..MAGIC + 4) != Some(b"HdrS") || bzimage.len() < PAYLOAD_LENGTH + 4 {
        return Err(BzImageError::NoHeader);
    }
    let u32_at = |at: usize| {
        bzimage[at..]
            .first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize
    };
    let version = u16::from_le_bytes([bzimage[VERSION], bzimage[VERSION + 1]]);
    if version < 0x0208 {
        return Err(BzImageError::OldProtocol(version));
    }
    // Zero means four, for historical reasons; the boot sector comes on top.
    let setup_sectors = match bzimage[SETUP_SECTS] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (setup_sectors + 1) * 512 + u32_at(PAYLOAD_OFFSET);
    let payload = start
        .checked_add(u32_at(PAYLOAD_LENGTH))
        .and_then(|end| bzimage.get(start..end))
        .ok_or(BzImageError::Truncated)?;
    if payload.starts_with(&elf::ELFMAG) {
        return Ok(payload.to_vec());
    }
    Compression::of(payload)
        .ok_or_else(|| BzImageError::UnknownCompression(payload.iter().take(6).copied().collect()))?
        .unpack(payload)
        .map_err(|error| BzImageError::Unpack(error.to_string()))
}

/// Whether an ELF image has the note that makes QEMU boot it by PVH.
///
/// The note is `XEN_ELFNOTE_PHYS32_ENTRY` of Xen's `public/elfnote.h`.
pub(crate) fn has_pvh_entry(image: &[u8]) -> bool {
    const XEN_ELFNOTE_PHYS32_ENTRY: elf::NoteType = elf::NoteType(18);

    let notes = || -> object::read::Result<bool> {
        let header = FileHeader64::<Endianness>::parse(image)?;
        let endian = header.endian()?;
        for segment in header.program_headers(endian, image)? {
            let Some(mut notes) = segment.notes(endian, image)? else {
                continue;
            };
            while let Some(note) = notes.next()? {
                if note.name() == b"Xen" && note.n_type(endian) == XEN_ELFNOTE_PHYS32_ENTRY {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    notes().unwrap_or(false)
}

/// Whether these bytes are a program that needs no dynamic loader.
pub(crate) fn is_static_executable(image: &[u8]) -> bool {
    let segments = || -> object::read::Result<bool> {
        let header = FileHeader64::<Endianness>::parse(image)?;
        let endian = header.endian()?;
        Ok(header
            .program_headers(endian, image)?
            .iter()
            .all(|segment| segment.p_type(endian) != elf::PT_INTERP))
    };
    segments().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unpack::tests::{ALL, pack};

    /// A bzImage as far as the boot protocol's header goes, with two setup sectors and a gap before the payload.
    fn bzimage(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 3 * 512 + 0x40];
        image[0x1f1] = 2;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&0x40_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend_from_slice(payload);
        image.extend_from_slice(b"what follows the payload");
        image
    }

    /// An ELF image with one program header, which points at one note.
    fn elf_with_note(name: &[u8], kind: u32) -> Vec<u8> {
        let mut note = Vec::new();
        note.extend_from_slice(&u32::try_from(name.len()).unwrap().to_le_bytes());
        note.extend_from_slice(&4_u32.to_le_bytes());
        note.extend_from_slice(&kind.to_le_bytes());
        note.extend_from_slice(name);
        note.resize(note.len().next_multiple_of(4), 0);
        note.extend_from_slice(&0x0100_0000_u32.to_le_bytes());

        let mut image = vec![0; 64 + 56];
        image[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        image[16..18].copy_from_slice(&2_u16.to_le_bytes()); // executable
        image[18..20].copy_from_slice(&62_u16.to_le_bytes()); // x86-64
        image[20..24].copy_from_slice(&1_u32.to_le_bytes());
        image[32..40].copy_from_slice(&64_u64.to_le_bytes()); // program headers
        image[52..54].copy_from_slice(&64_u16.to_le_bytes());
        image[54..56].copy_from_slice(&56_u16.to_le_bytes());
        image[56..58].copy_from_slice(&1_u16.to_le_bytes());
        let header = &mut image[64..];
        header[..4].copy_from_slice(&4_u32.to_le_bytes()); // PT_NOTE
        header[8..16].copy_from_slice(&120_u64.to_le_bytes());
        header[32..40].copy_from_slice(&(note.len() as u64).to_le_bytes());
        header[48..56].copy_from_slice(&4_u64.to_le_bytes());
        image.extend_from_slice(&note);
        image
    }

    #[test]
    fn the_kernel_comes_out_of_a_bzimage_whatever_packed_it() {
        let kernel = elf_with_note(b"Xen\0", 18).repeat(1000);
        for compression in ALL {
            let mut payload = pack(compression, &kernel);
            payload.extend_from_slice(&u32::try_from(kernel.len()).unwrap().to_le_bytes());
            assert!(
                vmlinux(&bzimage(&payload)).unwrap() == kernel,
                "{compression:?}"
            );
        }
    }

    #[test]
    fn an_unpacked_payload_is_taken_as_it_is() {
        let kernel = elf_with_note(b"Xen\0", 18);
        assert_eq!(vmlinux(&bzimage(&kernel)).unwrap(), kernel);
    }

    #[test]
    fn what_is_no_bzimage_says_so() {
        assert_eq!(vmlinux(b"short"), Err(BzImageError::NoHeader));
        assert_eq!(vmlinux(&[0; 4096]), Err(BzImageError::NoHeader));

        let mut old = bzimage(b"x");
        old[0x206..0x208].copy_from_slice(&0x0207_u16.to_le_bytes());
        assert_eq!(vmlinux(&old), Err(BzImageError::OldProtocol(0x0207)));

        let mut long = bzimage(b"x");
        long[0x24c..0x250].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(vmlinux(&long), Err(BzImageError::Truncated));

        assert!(matches!(
            vmlinux(&bzimage(b"BZh91AY")),
            Err(BzImageError::UnknownCompression(_))
        ));
        assert!(matches!(
            vmlinux(&bzimage(&[0x1f, 0x8b, 8, 0, 0])),
            Err(BzImageError::Unpack(_))
        ));
    }

    #[test]
    fn only_the_xen_entry_note_means_pvh() {
        assert!(has_pvh_entry(&elf_with_note(b"Xen\0", 18)));
        assert!(!has_pvh_entry(&elf_with_note(b"Xen\0", 6)));
        assert!(!has_pvh_entry(&elf_with_note(b"GNU\0", 18)));
        assert!(!has_pvh_entry(b"\x7fELF"));
        assert!(!has_pvh_entry(b""));
    }
}
