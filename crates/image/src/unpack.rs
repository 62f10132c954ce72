//! Unpacking what distributions compress kernels and modules with.

use std::io::{self, Read};

/// The magic number of LZ4's legacy frame, which Linux uses (LZ4 frame format, "Legacy frame").
const LZ4_LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// Every block of a legacy frame but the last unpacks to this much.
const LZ4_LEGACY_BLOCK: usize = 8 << 20;
/// No kernel is near this: a wrong size field must not take all memory.
const LIMIT: u64 = 1 << 30;

/// How a blob is compressed, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Xz,
    Lzma,
    Zstd,
    Lz4Legacy,
}

impl Compression {
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        let known: [(&[u8], Self); 5] = [
            (&[0x1f, 0x8b], Self::Gzip),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], Self::Xz),
            (&[0x5d, 0, 0], Self::Lzma),
            (&[0x28, 0xb5, 0x2f, 0xfd], Self::Zstd),
            (&LZ4_LEGACY, Self::Lz4Legacy),
        ];
        known
            .iter()
            .find(|(magic, _)| data.starts_with(magic))
            .map(|&(_, compression)| compression)
    }

    /// Unpacks one stream; what follows it (Linux appends the unpacked size) is left alone.
    pub(crate) fn unpack(self, data: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => read_all(flate2::bufread::GzDecoder::new(data)),
            Self::Xz => read_all(lzma_rust2::XzReader::new(data, false)),
            Self::Lzma => read_all(lzma_rust2::LzmaReader::new_mem_limit(data, u32::MAX, None)?),
            Self::Zstd => {
                read_all(ruzstd::decoding::StreamingDecoder::new(data).map_err(io::Error::other)?)
            }
            Self::Lz4Legacy => unpack_lz4_legacy(&data[LZ4_LEGACY.len()..]),
        }
    }
}

fn read_all(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let read = reader.take(LIMIT).read_to_end(&mut unpacked)?;
    if read as u64 == LIMIT {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it unpacks to more than 1 GiB",
        ));
    }
    Ok(unpacked)
}

/// A legacy frame has no end mark: a block that is shorter than the others, or the end of the data, ends it.
fn unpack_lz4_legacy(mut blocks: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    while let Some((size, rest)) = blocks.split_first_chunk::<4>() {
        let size = u32::from_le_bytes(*size) as usize;
        let Some(block) = rest.get(..size) else {
            // Linux appends the unpacked size as 4 bytes, which looks like a block header with nothing behind it.
            if rest.is_empty() && !unpacked.is_empty() {
                break;
            }
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "an LZ4 block is cut short",
            ));
        };
        let block =
            lz4_flex::block::decompress(block, LZ4_LEGACY_BLOCK).map_err(io::Error::other)?;
        unpacked.extend_from_slice(&block);
        if block.len() < LZ4_LEGACY_BLOCK {
            break;
        }
        blocks = &rest[size..];
    }
    Ok(unpacked)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    pub(crate) const ALL: [Compression; 5] = [
        Compression::Gzip,
        Compression::Xz,
        Compression::Lzma,
        Compression::Zstd,
        Compression::Lz4Legacy,
    ];

    pub(crate) fn pack(compression: Compression, data: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut writer =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Compression::Xz => {
                let mut writer =
                    lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1))
                        .unwrap();
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Compression::Lzma => {
                let options = lzma_rust2::LzmaOptions::with_preset(1);
                let mut writer =
                    lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Compression::Zstd => {
                ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
            }
            Compression::Lz4Legacy => {
                let mut packed = LZ4_LEGACY.to_vec();
                for block in data.chunks(LZ4_LEGACY_BLOCK) {
                    let block = lz4_flex::block::compress(block);
                    packed.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
                    packed.extend_from_slice(&block);
                }
                packed
            }
        }
    }

    /// Not constant, longer than one LZ4 block, and not a multiple of it.
    fn sample() -> Vec<u8> {
        (0..LZ4_LEGACY_BLOCK + 12_345)
            .map(|i| (i / 7 % 251) as u8)
            .collect()
    }

    #[test]
    fn every_compression_is_recognised_and_undone() {
        let data = sample();
        for compression in ALL {
            let packed = pack(compression, &data);
            assert_eq!(Compression::of(&packed), Some(compression));
            assert!(
                compression.unpack(&packed).unwrap() == data,
                "{compression:?}"
            );
        }
    }

    #[test]
    fn the_size_linux_appends_is_not_taken_for_data() {
        // A whole number of blocks is the hard case for LZ4: nothing but the end of data says that it is over.
        let data = &sample()[..LZ4_LEGACY_BLOCK];
        for compression in ALL {
            let mut packed = pack(compression, data);
            packed.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
            assert!(
                compression.unpack(&packed).unwrap() == data,
                "{compression:?}"
            );
        }
    }

    #[test]
    fn a_cut_stream_is_an_error_not_a_short_answer() {
        let data = sample();
        for compression in ALL {
            let packed = pack(compression, &data);
            assert!(
                compression.unpack(&packed[..packed.len() / 2]).is_err(),
                "{compression:?}"
            );
        }
    }
}
