//! Where a configuration comes from: a file, standard input, or what we ship.

use cartesian::{Config, ConfigErrors, Loader, Parser};

use crate::cli::{CommandError, Context};

/// The name of standard input in messages; the language's name for text that is in no file.
pub(crate) const STDIN: &str = "<stdin>";

/// A configuration that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    File(String),
    Stdin(String),
    Shipped,
}

impl Input {
    /// What `file` means: `-` is standard input, nothing is what we ship.
    pub(crate) fn open(
        file: Option<&str>,
        context: &mut Context<'_>,
    ) -> Result<Self, CommandError> {
        match file {
            Some("-") => {
                let mut text = Vec::new();
                context
                    .stdin
                    .read_to_end(&mut text)
                    .map_err(|source| CommandError::Io {
                        what: "read standard input".to_owned(),
                        source,
                    })?;
                let text = String::from_utf8(text).map_err(|_| {
                    CommandError::usage("failed to read standard input: it is not UTF-8", None)
                })?;
                Ok(Self::Stdin(text))
            }
            Some(path) => Ok(Self::File(path.to_owned())),
            None if context.shipped.is_some() => Ok(Self::Shipped),
            None => Err(CommandError::usage(
                "no configuration was named",
                Some("name a file, or `-` for standard input".to_owned()),
            )),
        }
    }

    /// What reads its files.
    pub(crate) fn loader<'c>(&self, context: &Context<'c>) -> &'c dyn Loader {
        match (self, context.shipped) {
            (Self::Shipped, Some((loader, _))) => loader,
            _ => context.files,
        }
    }

    /// The path and the text of its first file.
    pub(crate) fn root(&self, context: &Context<'_>) -> Result<(String, String), CommandError> {
        let path = match (self, context.shipped) {
            (Self::Stdin(text), _) => return Ok((STDIN.to_owned(), text.clone())),
            (Self::File(path), _) => path,
            (Self::Shipped, shipped) => shipped.map_or("", |(_, root)| root),
        };
        let bytes = self
            .loader(context)
            .load(path)
            .map_err(|source| CommandError::Io {
                what: format!("read {path}"),
                source,
            })?;
        Ok((
            path.to_owned(),
            String::from_utf8_lossy(&bytes).into_owned(),
        ))
    }

    /// The configuration with `extra` lines at its end.
    pub(crate) fn parse(
        &self,
        extra: &[String],
        context: &Context<'_>,
    ) -> Result<Config, ConfigErrors> {
        let mut parser = Parser::new(self.loader(context));
        match (self, context.shipped) {
            (Self::File(path), _) => parser.file(path),
            (Self::Stdin(text), _) => parser.text(STDIN, text),
            (Self::Shipped, Some((_, root))) => parser.file(root),
            (Self::Shipped, None) => &mut parser,
        };
        for line in extra {
            parser.line("--extra", line);
        }
        parser.finish()
    }
}

/// Whether the file `path` with this `text` parses.
pub(crate) fn errors(path: &str, text: &str, loader: &dyn Loader) -> Result<(), ConfigErrors> {
    let overlay = Overlay { path, text, loader };
    let mut parser = Parser::new(&overlay);
    parser.file(path);
    parser.finish().map(drop)
}

/// One file's text in place of what the loader has for it.
struct Overlay<'t> {
    path: &'t str,
    text: &'t str,
    loader: &'t dyn Loader,
}

impl Loader for Overlay<'_> {
    fn load(&self, path: &str) -> std::io::Result<Vec<u8>> {
        if path == self.path {
            Ok(self.text.as_bytes().to_vec())
        } else {
            self.loader.load(path)
        }
    }

    fn is_absolute(&self, path: &str) -> bool {
        self.loader.is_absolute(path)
    }

    fn home(&self) -> Option<String> {
        self.loader.home()
    }
}
