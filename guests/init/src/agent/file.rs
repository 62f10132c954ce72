//! `guest-file-*`: files of the guest, by handle.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::args::{Args, wrong_type};
use super::error::AgentError;

/// How much `guest-file-read` reads when not told (`QGA_READ_COUNT_DEFAULT`).
const READ_DEFAULT: i64 = 4 << 10;

/// The most `guest-file-read` reads at once (the schema's 48 MB).
const READ_MAX: i64 = 48 << 20;

/// The open files of one agent.
#[derive(Default)]
pub struct Files {
    next: i64,
    open: HashMap<i64, File>,
}

impl Files {
    pub fn open(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let path = args.string("path")?;
        let mode = args.string_opt("mode")?.unwrap_or_else(|| "r".to_string());
        args.finish()?;
        let options = options(&mode)
            .ok_or_else(|| AgentError::generic(format!("invalid file open mode '{mode}'")))?;
        let file = options.open(&path).map_err(|error| {
            AgentError::system(
                format!("failed to open file '{path}' (mode: '{mode}')"),
                &error,
            )
        })?;
        // Handles of qemu-ga start at 1000 and never come again.
        let handle = 1000 + self.next;
        self.next += 1;
        self.open.insert(handle, file);
        Ok(json!(handle))
    }

    pub fn close(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let handle = args.int("handle")?;
        args.finish()?;
        match self.open.remove(&handle) {
            Some(_) => Ok(json!({})),
            None => Err(unknown(handle)),
        }
    }

    pub fn read(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let handle = args.int("handle")?;
        let count = args.int_opt("count")?.unwrap_or(READ_DEFAULT);
        args.finish()?;
        let file = self.get(handle)?;
        if !(0..=READ_MAX).contains(&count) {
            return Err(invalid_count(count));
        }
        let mut data = Vec::new();
        file.take(count.unsigned_abs())
            .read_to_end(&mut data)
            .map_err(|error| AgentError::system("failed to read file", &error))?;
        let eof = (data.len() as u64) < count.unsigned_abs();
        Ok(json!({"count": data.len(), "buf-b64": BASE64.encode(data), "eof": eof}))
    }

    pub fn write(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let handle = args.int("handle")?;
        let text = args.string("buf-b64")?;
        let count = args.int_opt("count")?;
        args.finish()?;
        let file = self.get(handle)?;
        let data = BASE64.decode(text).map_err(|error| {
            AgentError::generic(format!("Base64 decoding of buf-b64 failed: {error}"))
        })?;
        let data = match count {
            None => &data[..],
            Some(count) => usize::try_from(count)
                .ok()
                .and_then(|count| data.get(..count))
                .ok_or_else(|| invalid_count(count))?,
        };
        file.write_all(data)
            .map_err(|error| AgentError::system("failed to write to file", &error))?;
        Ok(json!({"count": data.len(), "eof": false}))
    }

    pub fn seek(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let handle = args.int("handle")?;
        let offset = args.int("offset")?;
        let whence = args.take("whence");
        args.finish()?;
        let file = self.get(handle)?;
        let origin = match whence {
            Some(Value::String(word)) => word,
            Some(Value::Number(number)) => match number.as_i64() {
                Some(0) => "set".to_string(),
                Some(1) => "cur".to_string(),
                Some(2) => "end".to_string(),
                _ => number.to_string(),
            },
            Some(_) => return Err(wrong_type("whence", "integer or string")),
            None => return Err(super::args::missing("whence")),
        };
        let target = match origin.as_str() {
            "set" => u64::try_from(offset)
                .map(SeekFrom::Start)
                .map_err(|_| AgentError::invalid_parameter("offset"))?,
            "cur" => SeekFrom::Current(offset),
            "end" => SeekFrom::End(offset),
            _ => {
                return Err(AgentError::generic(format!("invalid whence code {origin}")));
            }
        };
        let position = file
            .seek(target)
            .map_err(|error| AgentError::system("failed to seek file", &error))?;
        Ok(json!({"position": position, "eof": false}))
    }

    pub fn flush(&mut self, mut args: Args) -> Result<Value, AgentError> {
        let handle = args.int("handle")?;
        args.finish()?;
        self.get(handle)?
            .flush()
            .map_err(|error: io::Error| AgentError::system("failed to flush file", &error))?;
        Ok(json!({}))
    }

    fn get(&mut self, handle: i64) -> Result<&mut File, AgentError> {
        self.open.get_mut(&handle).ok_or_else(|| unknown(handle))
    }
}

fn unknown(handle: i64) -> AgentError {
    AgentError::generic(format!("handle '{handle}' has not been found"))
}

fn invalid_count(count: i64) -> AgentError {
    AgentError::generic(format!("value '{count}' is invalid for argument count"))
}

/// The modes of `fopen(3)`, `b` being without meaning.
fn options(mode: &str) -> Option<OpenOptions> {
    let mut options = OpenOptions::new();
    match mode.replace('b', "").as_str() {
        "r" => options.read(true),
        "w" => options.write(true).create(true).truncate(true),
        "a" => options.append(true).create(true),
        "r+" => options.read(true).write(true),
        "w+" => options.read(true).write(true).create(true).truncate(true),
        "a+" => options.read(true).append(true).create(true),
        _ => return None,
    };
    Some(options)
}
