//! What a program needs to be run in a guest that has no libraries of its own.

use crate::{Error, Result};
use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// What an ELF file says it cannot do without (the dynamic section of the System V ABI).
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    /// The program that loads it, by its path.
    interpreter: Option<String>,
    /// Libraries by their names.
    libraries: Vec<String>,
}

fn needs(image: &[u8]) -> object::read::Result<Needs> {
    let header = FileHeader64::<Endianness>::parse(image)?;
    let endian = header.endian()?;
    let mut needs = Needs::default();
    for segment in header.program_headers(endian, image)? {
        if let Some(path) = segment.interpreter(endian, image)? {
            needs.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let sections = header.sections(endian, image)?;
    if let Some((entries, strings)) = sections.dynamic(endian, image)? {
        let strings = sections.strings(endian, image, strings)?;
        for entry in entries
            .iter()
            .filter(|entry| entry.tag(endian) == elf::DT_NEEDED)
        {
            let name = entry.string(endian, strings)?;
            needs
                .libraries
                .push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(needs)
}

/// A program with all that is loaded with it, found below a directory of unpacked packages: paths in the guest, without a
/// leading slash, and contents. Libraries lie in `/lib`, where every loader looks.
pub(crate) fn with_libraries(
    program: &Path,
    path: &str,
    unpacked: &Path,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let found = files_by_name(unpacked)?;
    let mut files = BTreeMap::new();
    let mut waiting = VecDeque::from([(path.to_owned(), program.to_owned())]);
    while let Some((path, file)) = waiting.pop_front() {
        if files.contains_key(&path) {
            continue;
        }
        let image = fs::read(&file).map_err(Error::io("read", &file))?;
        let needs = needs(&image).map_err(|error| Error::Program {
            path: file.clone(),
            reason: error.to_string(),
        })?;
        let interpreter = needs.interpreter.iter().map(String::as_str);
        let interpreter = interpreter.map(|path| path.trim_start_matches('/').to_owned());
        // The loader is a library of libraries too, but comes as what loads the program.
        let libraries = needs
            .libraries
            .iter()
            .filter(|name| !name.starts_with("ld-"));
        let libraries = libraries.map(|name| format!("lib/{name}"));
        for path in interpreter.chain(libraries) {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let file = found.get(name).ok_or_else(|| Error::Incomplete {
                origin: unpacked.to_owned(),
                what: format!("library {name}"),
            })?;
            waiting.push_back((path, file.clone()));
        }
        files.insert(path, image);
    }
    Ok(files)
}

/// Every file below a directory, by its name; links that lead out of it left out.
fn files_by_name(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).map_err(Error::io("read", &directory))? {
            let entry = entry.map_err(Error::io("read", &directory))?;
            let kind = entry.file_type().map_err(Error::io("read", &directory))?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if !fs::read_link(entry.path()).is_ok_and(|target| target.is_absolute()) {
                let name = entry.file_name().to_string_lossy().into_owned();
                found.insert(name, entry.path());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_comes_with_its_loader_and_the_libraries_of_its_libraries() {
        // This test is such a program itself, and the host's libraries are the packages'.
        let program = std::env::current_exe().unwrap();
        let needs = needs(&fs::read(&program).unwrap()).unwrap();
        let loader = needs.interpreter.unwrap();
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"));
        let directory = ["/lib/x86_64-linux-gnu", "/lib64", "/usr/lib"]
            .into_iter()
            .find(|directory| Path::new(directory).join("libc.so.6").exists())
            .unwrap();
        let host = tempfile::tempdir().unwrap();
        let loader_name = loader.rsplit('/').next().unwrap();
        let names = needs.libraries.iter().map(String::as_str);
        for name in names.chain([loader_name, "libc.so.6"]) {
            fs::copy(Path::new(directory).join(name), host.path().join(name)).unwrap();
        }
        let files = with_libraries(&program, "bin/test", host.path()).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert!(names.contains(&"bin/test") && names.contains(&"lib/libc.so.6"));
        assert!(names.contains(&loader.trim_start_matches('/')), "{names:?}");

        let empty = tempfile::tempdir().unwrap();
        let error = with_libraries(&program, "bin/test", empty.path()).unwrap_err();
        assert!(error.to_string().contains("holds no library"), "{error}");
    }
}
