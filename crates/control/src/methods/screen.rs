//! Screen and keys of `org.virt-test.vm`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use machine::Need;
use serde_json::json;

use crate::call::{Call, limit, number};
use crate::failure::Failure;
use crate::generated::vm::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

impl Call<'_> {
    pub(crate) async fn vm_screendump(
        &self,
        it: ScreendumpCall,
    ) -> Result<ScreendumpReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let format = Need::Argument {
            command: "screendump".to_owned(),
            argument: "format".to_owned(),
        };
        let knows_png = vm.capabilities().require(&format).is_ok();
        let file = it.file.unwrap_or_else(|| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let end = if knows_png { "png" } else { "ppm" };
            format!("{}-screen-{}.{end}", it.vm, now.as_millis())
        });
        let file = self.path(&file);
        let mut arguments = json!({"filename": file});
        if knows_png && file.extension().is_some_and(|end| end == "png") {
            arguments["format"] = json!("png");
        }
        let dumped = vm.qmp().execute("screendump", arguments).await;
        dumped.map_err(|error| {
            let failure = Failure::from(error).at(it.vm);
            failure.hint(Some("a machine has a graphics card with vga = std"))
        })?;
        let (width, height) = size(&file)
            .map_err(|error| Failure::host(&format!("read {}", file.display()), &error))?;
        Ok(ScreendumpReply {
            file: file.display().to_string(),
            width: number(width),
            height: number(height),
        })
    }

    pub(crate) async fn vm_send_key(&self, it: SendKeyCall) -> Result<SendKeyReply, Failure> {
        let keys = it
            .keys
            .iter()
            .map(|key| json!({"type": "qcode", "data": key}));
        let mut arguments = json!({"keys": keys.collect::<Vec<_>>()});
        if it.hold.is_some() {
            let hold = limit(it.hold, std::time::Duration::ZERO)?;
            arguments["hold-time"] = json!(u64::try_from(hold.as_millis()).unwrap_or(u64::MAX));
        }
        let pressed = self.vm(&it.vm)?.qmp().execute("send-key", arguments).await;
        pressed.map_err(|error| Failure::from(error).at(it.vm))?;
        Ok(SendKeyReply {})
    }
}

/// Width and height of a picture: a PNG, whose first chunk has them, or a binary PPM, whose header is text.
fn size(file: &Path) -> io::Result<(u32, u32)> {
    let mut reader = BufReader::new(File::open(file)?);
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "neither PNG nor PPM");
    if reader.fill_buf()?.starts_with(PNG) {
        let mut head = [0; 24];
        reader.read_exact(&mut head)?;
        let number =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        return Ok((number(16), number(20)));
    }
    let mut head = Vec::new();
    reader.take(64).read_to_end(&mut head)?;
    // The pixels that follow need not be text.
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_whitespace();
    let (Some("P6"), Some(width), Some(height)) = (words.next(), words.next(), words.next()) else {
        return Err(strange());
    };
    let number = |word: &str| word.parse().map_err(|_| strange());
    Ok((number(width)?, number(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of(bytes: &[u8]) -> Option<(u32, u32)> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("picture");
        std::fs::write(&file, bytes).unwrap();
        size(&file).ok()
    }

    #[test]
    fn pictures_say_how_large_they_are() {
        assert_eq!(size_of(b"P6\n720 400\n255\n\xff\xfe\xfd"), Some((720, 400)));
        let png = [PNG, b"\0\0\0\x0dIHDR\0\0\x02\xd0\0\0\x01\x90\x08\x02"].concat();
        assert_eq!(size_of(&png), Some((720, 400)));
        assert_eq!(size_of(b""), None);
        assert_eq!(size_of(b"P5\n1 1\n255\n\0"), None);
        assert_eq!(size_of(b"GIF89a"), None);
    }
}
