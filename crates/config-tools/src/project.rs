//! A configuration file and everything it includes, as text.

use std::collections::HashMap;
use std::sync::Arc;

use cartesian::Loader;

use crate::index::{Entry, FileIndex, Span};

/// One file of a project.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) index: FileIndex,
    /// Where each line starts, and the end of the text.
    starts: Vec<usize>,
}

impl SourceFile {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut starts = vec![0];
        for line in text.split_inclusive('\n') {
            starts.push(starts.last().copied().unwrap_or(0) + line.len());
        }
        Self {
            path: path.into(),
            index: FileIndex::new(&text),
            text,
            starts,
        }
    }

    /// The text of a line, counted from 0.
    pub(crate) fn line(&self, number: usize) -> &str {
        match self.starts.get(number..number + 2) {
            Some(&[start, end]) => self.text[start..end].trim_end_matches(['\n', '\r']),
            _ => "",
        }
    }
}

/// A place in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// Position of the file in [`Project::files`].
    pub(crate) file: usize,
    pub(crate) span: Span,
}

/// All files a root file reaches, each once, the root first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    pub(crate) files: Vec<Arc<SourceFile>>,
    by_path: HashMap<String, usize>,
}

/// More inclusions than any honest configuration has; what is beyond is not looked at.
const MOST_FILES: usize = 10_000;

impl Project {
    /// Reads what `root` reaches through `loader`. Files that cannot be read are left out; the
    /// parser reports them.
    pub(crate) fn load(root: SourceFile, loader: &dyn Loader) -> Self {
        let mut project = Self::default();
        project.add(root);
        let mut next = 0;
        while next < project.files.len() && project.files.len() < MOST_FILES {
            let file = Arc::clone(&project.files[next]);
            next += 1;
            for node in &file.index.nodes {
                let Entry::Include { path } = &node.entry else {
                    continue;
                };
                let path = resolve(&file.path, path, loader);
                if project.by_path.contains_key(&path) {
                    continue;
                }
                if let Ok(bytes) = loader.load(&path) {
                    project.add(SourceFile::new(path, String::from_utf8_lossy(&bytes)));
                }
            }
        }
        project
    }

    fn add(&mut self, file: SourceFile) {
        self.by_path.insert(file.path.clone(), self.files.len());
        self.files.push(Arc::new(file));
    }

    /// Adds the files of `other` that are not here yet.
    pub(crate) fn merge(&mut self, other: &Self) {
        for file in &other.files {
            if !self.by_path.contains_key(&file.path) {
                self.by_path.insert(file.path.clone(), self.files.len());
                self.files.push(Arc::clone(file));
            }
        }
    }

    /// The file that `include` names from `from`, by position, if it could be read.
    pub(crate) fn included(&self, from: &str, include: &str, loader: &dyn Loader) -> Option<usize> {
        self.by_path.get(&resolve(from, include, loader)).copied()
    }

    /// Every statement, with the file it stands in.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (usize, &crate::index::Node)> {
        self.files
            .iter()
            .enumerate()
            .flat_map(|(file, source)| source.index.nodes.iter().map(move |node| (file, node)))
    }
}

/// The path of the file that `include` names from the file `from`.
pub(crate) fn resolve(from: &str, include: &str, loader: &dyn Loader) -> String {
    if let Some(rest) = include.strip_prefix('~')
        && (rest.is_empty() || rest.starts_with('/'))
        && let Some(home) = loader.home()
    {
        return format!("{home}{rest}");
    }
    match from.rsplit_once('/') {
        _ if loader.is_absolute(include) => include.to_owned(),
        Some((directory, _)) => format!("{directory}/{include}"),
        None => include.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cartesian::MemoryLoader;

    use super::*;

    #[test]
    fn every_file_is_read_once_and_cycles_end() {
        let loader = MemoryLoader::new()
            .with("cfg/a.cfg", "include sub/b.cfg\ninclude gone.cfg")
            .with("cfg/sub/b.cfg", "include ../top.cfg\ninclude ../a.cfg")
            .with("cfg/sub/../a.cfg", "include sub/b.cfg");
        let root = SourceFile::new("cfg/top.cfg", "include a.cfg\ninclude sub/b.cfg");
        let project = Project::load(root, &loader);
        let paths: Vec<_> = project
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        assert_eq!(paths[..3], ["cfg/top.cfg", "cfg/a.cfg", "cfg/sub/b.cfg"]);
        assert!(project.files.len() < 10);
    }

    #[test]
    fn includes_are_relative_to_the_file_they_stand_in() {
        let loader = MemoryLoader::new();
        assert_eq!(resolve("cfg/a.cfg", "b.cfg", &loader), "cfg/b.cfg");
        assert_eq!(resolve("a.cfg", "b.cfg", &loader), "b.cfg");
        assert_eq!(resolve("cfg/a.cfg", "/b.cfg", &loader), "/b.cfg");
    }
}
