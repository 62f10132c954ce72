//! Small JSON files that can be made again.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

/// Keeps a value. Whoever reads meanwhile sees the old file or the new one, never half of it.
pub(crate) fn store<T: Serialize>(file: &Path, value: &T) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut new = BufWriter::new(tempfile::NamedTempFile::new_in(directory)?);
    serde_json::to_writer(&mut new, value)?;
    new.flush()?;
    let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
    new.persist(file)?;
    Ok(())
}
