//! `org.virt-test.files`.

use std::time::Duration;

use crate::call::{Call, limit, number};
use crate::failure::Failure;
use crate::generated::files::*;
use crate::generated::session;
use crate::methods::session::{decoded, encoded};

/// Base time for a copy unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

/// The largest file that is put into a reply.
const LARGEST: usize = 8 << 20;

impl Call<'_> {
    pub(crate) async fn files_push(&self, it: PushCall) -> Result<PushReply, Failure> {
        let base = limit(it.timeout, LIMIT)?;
        let (path, _gone_after) = match (it.path, it.content) {
            (Some(path), None) => (self.path(&path), None),
            (None, Some(content)) => {
                let content = decoded("content", content, encoding(it.encoding))?;
                let directory = self.test.scratch("files")?;
                let path = directory.path().join("content");
                let written = tokio::fs::write(&path, content).await;
                written.map_err(|error| Failure::host("write a file to be pushed", &error))?;
                (path, Some(directory))
            }
            _ => {
                return Err(Failure::Parameter(
                    "path".to_owned(),
                    "either path or content is to be given".to_owned(),
                ));
            }
        };
        let open = self
            .session(it.vm.as_deref(), it.session.as_deref(), true)
            .await?
            .1;
        let mut session = open.hold().await;
        let copied = session.copy_to(base, &path, &it.guest).await?;
        Ok(PushReply {
            size: number(copied.bytes),
            sha256: copied.sha256,
        })
    }

    pub(crate) async fn files_pull(&self, it: PullCall) -> Result<PullReply, Failure> {
        let base = limit(it.timeout, LIMIT)?;
        let (path, content) = match it.path {
            Some(path) => (self.path(&path), None),
            None => {
                let directory = self.test.scratch("files")?;
                (directory.path().join("content"), Some(directory))
            }
        };
        let open = self
            .session(it.vm.as_deref(), it.session.as_deref(), true)
            .await?
            .1;
        let copied = {
            let mut session = open.hold().await;
            session.copy_from(base, &it.guest, &path).await?
        };
        let content = match content {
            None => None,
            Some(_) if copied.bytes as usize > LARGEST => {
                let message = format!(
                    "{} is longer than {} MiB (hint: name a path it is to be copied to)",
                    it.guest,
                    LARGEST >> 20
                );
                return Err(Failure::invalid(message).at(it.guest));
            }
            Some(_directory) => {
                let bytes = tokio::fs::read(&path).await;
                let bytes = bytes.map_err(|error| Failure::host("read a pulled file", &error))?;
                Some(contents(&it.guest, &bytes, encoding(it.encoding))?)
            }
        };
        Ok(PullReply {
            size: number(copied.bytes),
            sha256: copied.sha256,
            content,
        })
    }
}

fn contents(name: &str, bytes: &[u8], encoding: session::Encoding) -> Result<String, Failure> {
    if encoding == session::Encoding::Text && std::str::from_utf8(bytes).is_err() {
        let message = format!("{name} is no UTF-8 (hint: ask for encoding base64)");
        return Err(Failure::invalid(message).at(name));
    }
    Ok(encoded(bytes, encoding))
}

fn encoding(given: Option<Encoding>) -> session::Encoding {
    match given {
        Some(Encoding::Base64) => session::Encoding::Base64,
        _ => session::Encoding::Text,
    }
}
