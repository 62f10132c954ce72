//! The formats of disk images.

use std::fmt;
use std::str::FromStr;

/// The format of a disk image, by QEMU's driver name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageFormat {
    /// The disk's bytes as they are.
    Raw,
    /// QEMU's own format.
    Qcow2,
    /// QEMU's own format for a while.
    Qed,
    /// VMware's.
    Vmdk,
    /// VirtualBox's.
    Vdi,
    /// Hyper-V's.
    Vhdx,
    /// Virtual PC's, also called VHD.
    Vpc,
    /// Encrypted.
    Luks,
}

impl ImageFormat {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Raw, "raw"),
        (Self::Qcow2, "qcow2"),
        (Self::Qed, "qed"),
        (Self::Vmdk, "vmdk"),
        (Self::Vdi, "vdi"),
        (Self::Vhdx, "vhdx"),
        (Self::Vpc, "vpc"),
        (Self::Luks, "luks"),
    ];

    /// QEMU's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(format, _)| *format == self)
            .map_or("raw", |(_, name)| name)
    }

    /// Whether an image of this format can be an overlay.
    #[must_use]
    pub fn takes_backing(self) -> bool {
        matches!(self, Self::Qcow2 | Self::Qed | Self::Vmdk)
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A format no image of ours has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown image format {0:?}")]
pub struct UnknownFormat(pub String);

impl FromStr for ImageFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(format, _)| *format)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_qemus_names() {
        for (format, name) in ImageFormat::ALL {
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(format.to_string(), name);
        }
        assert_eq!(
            "qcow3".parse::<ImageFormat>(),
            Err(UnknownFormat("qcow3".to_owned()))
        );
    }
}
