//! From lines to the graph of [`Program`].

mod mistake;
mod statements;
mod variants;

use self::mistake::{Mistake, expected_item, raw_offset, reason, stray_item};
use self::statements::normal;
use self::variants::Head;
use crate::error::{ConfigError, ConfigErrors, ErrorKind};
use crate::lexer::{self, Line, Lines, Shape, Token};
use crate::limits::Limits;
use crate::loader::Loader;
use crate::program::{BodyId, Item, Loc, NodeId, Program, RESERVED, Source, Statement};
use crate::strings::StrId;
use std::borrow::Cow;

/// The name that text without a file has in the name maps.
const STRING_SOURCE: &str = "<string>";

/// Reads configuration text: files, then any number of further lines.
///
/// All mistakes are collected; [`Parser::finish`] reports them.
///
/// ```
/// use cartesian::{MemoryLoader, Parser};
///
/// let files = MemoryLoader::new().with("t.cfg", "variants:\n  - a:\n  - b:\n");
/// let mut parser = Parser::new(&files);
/// parser.file("t.cfg");
/// parser.line("--tests b", "only b");
/// let config = parser.finish()?;
/// let names: Vec<_> = config.names(&Default::default()).collect::<Result<_, _>>()?;
/// assert_eq!(names[0].name, "b");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Parser<L> {
    loader: L,
    limits: Limits,
    program: Program,
    errors: Vec<ConfigError>,
    open_files: Vec<String>,
    includes: usize,
    text_bytes: usize,
}

/// What is being read.
struct Reading<'s> {
    lines: Lines<'s>,
    source: u32,
    map_key: StrId,
    /// The directory includes are relative to; none for text that is not a file.
    dir: Option<&'s str>,
    tokens: Vec<Token>,
}

/// The block being filled: a node's, which `variants` may replace by another, or a condition's.
#[derive(Clone, Copy)]
struct Block {
    node: Option<NodeId>,
    body: BodyId,
}

impl<L: Loader> Parser<L> {
    /// A parser of nothing yet, with the default [`Limits`].
    pub fn new(loader: L) -> Self {
        Self::with_limits(loader, Limits::default())
    }

    /// A parser with limits of its own.
    pub fn with_limits(loader: L, limits: Limits) -> Self {
        Self {
            loader,
            limits,
            program: Program::new(),
            errors: Vec::new(),
            open_files: Vec::new(),
            includes: 0,
            text_bytes: 0,
        }
    }

    /// A parser that goes on where another has finished.
    pub(crate) fn on(loader: L, program: Program) -> Self {
        Self {
            program,
            ..Self::new(loader)
        }
    }

    /// Reads a file and what it includes.
    pub fn file(&mut self, path: &str) -> &mut Self {
        match self.loader.load(path) {
            Ok(bytes) => {
                let block = self.top();
                let block = self.parse_bytes(path, bytes, None, block);
                self.set_top(block);
            }
            Err(error) => self.errors.push(ConfigError {
                kind: ErrorKind::MissingInclude,
                source_name: path.to_owned(),
                line: 1,
                column: 1,
                line_text: String::new(),
                span: 0..0,
                message: format!("cannot read `{path}`: {}", reason(&error)),
                hint: None,
                included_from: Vec::new(),
            }),
        }
        self
    }

    /// Reads text that is in no file; `origin` says in errors and explanations where it came from, such as `--tests`.
    /// Its includes are relative to the loader's working directory.
    pub fn text(&mut self, origin: &str, text: &str) -> &mut Self {
        let map_key = self.program.strings.intern(STRING_SOURCE);
        let source = self.source(origin, None);
        if !self.take_bytes(text.len()) {
            return self;
        }
        let mut reading = Reading {
            lines: Lines::new(text),
            source,
            map_key,
            dir: None,
            tokens: Vec::new(),
        };
        let block = self.top();
        let block = self.block(&mut reading, block, -1, 0);
        self.set_top(block);
        self
    }

    /// Reads one more line, as if it stood after everything read so far. The same as [`Self::text`].
    pub fn line(&mut self, origin: &str, line: &str) -> &mut Self {
        self.text(origin, line)
    }

    /// The configuration, unless there are mistakes.
    ///
    /// # Errors
    ///
    /// All the mistakes found.
    pub fn finish(self) -> Result<crate::Config, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(crate::Config::new(self.program, self.limits))
        } else {
            Err(ConfigErrors::new(self.errors))
        }
    }

    fn top(&self) -> Block {
        let node = self.program.top;
        Block {
            node: Some(node),
            body: self.program.nodes[node.index()].body,
        }
    }

    fn set_top(&mut self, block: Block) {
        if let Some(node) = block.node {
            self.program.top = node;
        }
    }

    fn source(&mut self, name: &str, included_from: Option<Loc>) -> u32 {
        self.program.sources.push(Source {
            name: name.to_owned(),
            included_from,
        });
        self.program.sources.len() as u32 - 1
    }

    /// Counts text against the limit.
    fn take_bytes(&mut self, bytes: usize) -> bool {
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if self.text_bytes <= self.limits.text_bytes {
            return true;
        }
        let limit = self.limits.text_bytes;
        let source = self.program.sources.len() as u32 - 1;
        let line = Line {
            text: Cow::Borrowed(""),
            indent: 0,
            number: 1,
            raw: "",
            start: 0,
        };
        let message = format!("the configuration is larger than {limit} bytes");
        self.mistake(source, &line, Mistake::new(ErrorKind::Limit, 0, 0, message));
        false
    }

    fn parse_bytes(
        &mut self,
        path: &str,
        bytes: Vec<u8>,
        from: Option<Loc>,
        block: Block,
    ) -> Block {
        let base = path.rsplit('/').next().unwrap_or(path);
        let map_key = self.program.strings.intern(base);
        let source = self.source(path, from);
        if !self.take_bytes(bytes.len()) {
            return block;
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                self.not_utf8(source, &error);
                return block;
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut reading = Reading {
            lines: Lines::new(text),
            source,
            map_key,
            dir: Some(path.rfind('/').map_or("", |end| &path[..end + 1])),
            tokens: Vec::new(),
        };
        self.open_files.push(normal(path));
        let block = self.block(&mut reading, block, -1, 0);
        self.open_files.pop();
        block
    }

    fn not_utf8(&mut self, source: u32, error: &std::string::FromUtf8Error) {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let line_start = bytes[..at]
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |i| i + 1);
        let number = bytes[..at].iter().filter(|&&b| b == b'\n').count() as u32 + 1;
        let line_end = bytes[at..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(bytes.len(), |i| at + i);
        let before = String::from_utf8_lossy(&bytes[line_start..at]);
        let shown = String::from_utf8_lossy(&bytes[line_start..line_end]).into_owned();
        let line = Line {
            text: Cow::Borrowed(&shown),
            indent: 0,
            number,
            raw: &shown,
            start: 0,
        };
        let mistake = Mistake::new(
            ErrorKind::Encoding,
            before.len(),
            before.len() + 3,
            format!("byte 0x{:02x} is not UTF-8", bytes[at]),
        );
        self.mistake(source, &line, mistake.hint("save the file as UTF-8"));
    }

    fn gave_up(&self) -> bool {
        self.errors.len() >= self.limits.errors
    }

    fn mistake(&mut self, source: u32, line: &Line<'_>, mistake: Mistake) {
        if self.gave_up() {
            return;
        }
        let raw_offset = |at: usize| raw_offset(line, at);
        let span = raw_offset(mistake.start)..raw_offset(mistake.end.max(mistake.start + 1));
        let mut included_from = Vec::new();
        let mut from = self.program.sources[source as usize].included_from;
        while let Some(loc) = from {
            included_from.push(self.program.place(loc));
            from = self.program.sources[loc.source as usize].included_from;
        }
        self.errors.push(ConfigError {
            kind: mistake.kind,
            source_name: self.program.sources[source as usize].name.clone(),
            line: line.number as usize,
            column: line.raw[..span.start.min(line.raw.len())].chars().count() + 1,
            line_text: line.raw.to_owned(),
            span,
            message: mistake.message,
            hint: mistake.hint,
            included_from,
        });
    }

    /// Reads all lines deeper than `outer` into `block`; returns the block that follows from it.
    fn block<'s>(
        &mut self,
        reading: &mut Reading<'s>,
        mut block: Block,
        outer: isize,
        depth: usize,
    ) -> Block {
        let mut head: Option<Head<'s>> = None;
        let mut suffix: Option<Statement> = None;
        while let Some(line) = reading.lines.deeper_than(outer) {
            if self.gave_up() {
                break;
            }
            let loc = Loc {
                source: reading.source,
                line: line.number,
            };
            let shape = lexer::shape(&line.text);
            if let Some(open) = head.take() {
                if shape == Shape::Item {
                    block = self.items(reading, block, open, line, depth);
                    continue;
                }
                self.mistake(reading.source, &line, expected_item(&line));
            }
            let result = match shape {
                Shape::Assign(assign) => self.assignment(&line, assign, loc, block.body),
                Shape::Only { rest } => self
                    .filter(reading, &line, rest, loc)
                    .map(|filter| self.push(block.body, loc, Item::Only(filter))),
                Shape::No { rest } => self
                    .filter(reading, &line, rest, loc)
                    .map(|filter| self.push(block.body, loc, Item::No(filter))),
                Shape::Join { rest } => self
                    .filter(reading, &line, rest, loc)
                    .map(|filter| self.push(block.body, loc, Item::Join(filter))),
                Shape::Suffix { rest } => self.one_name(reading, &line, rest, true).map(|name| {
                    let item = Item::Suffix(self.program.strings.intern(&name));
                    suffix = Some(Statement { loc, item });
                }),
                Shape::Del { rest } => self.one_name(reading, &line, rest, false).map(|name| {
                    if !RESERVED.contains(&name.as_str()) {
                        let key = self.program.key(&name);
                        self.push(block.body, loc, Item::Del(key));
                    }
                }),
                Shape::Include { rest } => self
                    .include(reading, &line, rest, loc, block)
                    .map(|next| block = next),
                Shape::Variants { rest } => {
                    head = Some(self.head(reading, &line, rest, block));
                    Ok(())
                }
                Shape::Item => {
                    let mistake = stray_item(&line);
                    self.skip_block(reading, line.indent);
                    Err(mistake)
                }
                Shape::Other => self.condition(reading, &line, loc, block.body, depth),
            };
            if let Err(mistake) = result {
                self.mistake(reading.source, &line, mistake);
            }
        }
        if let Some(statement) = suffix {
            self.program.bodies[block.body.index()].push(statement);
        }
        block
    }
}
