//! From lines to the graph of [`Program`].

use crate::error::{ConfigError, ConfigErrors, ErrorKind};
use crate::filter::{self, FilterError};
use crate::lexer::{
    self, Assign, LexError, LexProblem, Line, Lines, Operator, Shape, Token, TokenKind,
};
use crate::limits::Limits;
use crate::loader::Loader;
use crate::program::{
    BodyId, Filter, FilterId, Item, Loc, NodeId, Program, RESERVED, Source, Statement,
};
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

/// The head of a `variants` block.
#[derive(Default)]
struct Head<'s> {
    var: Option<StrId>,
    /// For each `[default=…]` its tokens' texts, and where it stands.
    defaults: Vec<Vec<String>>,
    line: Option<Line<'s>>,
}

/// A mistake in a line, positions in the line's text.
struct Mistake {
    kind: ErrorKind,
    start: usize,
    end: usize,
    message: String,
    hint: Option<String>,
}

impl Mistake {
    fn new(kind: ErrorKind, start: usize, end: usize, message: impl Into<String>) -> Self {
        Self {
            kind,
            start,
            end,
            message: message.into(),
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<FilterError> for Mistake {
    fn from(e: FilterError) -> Self {
        Self {
            kind: ErrorKind::Filter,
            start: e.start,
            end: e.end,
            message: e.message,
            hint: e.hint.map(str::to_owned),
        }
    }
}

impl From<LexError> for Mistake {
    fn from(e: LexError) -> Self {
        let (message, hint) = match e.problem {
            LexProblem::Character(c) => (
                format!("unexpected character `{c}`"),
                "only an assigned value may hold any character; names are letters, digits, `_` and `-`",
            ),
            LexProblem::Operator => (
                "unknown operator".to_owned(),
                "the operators are = += <= ~= ?= ?+= ?<=",
            ),
            LexProblem::OpenQuote => ("the quote is not closed".to_owned(), "add a `\"`"),
        };
        Mistake::new(ErrorKind::Syntax, e.start, e.end, message).hint(hint)
    }
}

type Checked<T> = Result<T, Mistake>;

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

    fn push(&mut self, body: BodyId, loc: Loc, item: Item) {
        self.program.bodies[body.index()].push(Statement { loc, item });
    }

    fn skip_block(&mut self, reading: &mut Reading<'_>, indent: usize) {
        while reading.lines.deeper_than(indent as isize).is_some() {}
    }

    fn assignment(
        &mut self,
        line: &Line<'_>,
        assign: Assign,
        loc: Loc,
        body: BodyId,
    ) -> Checked<()> {
        let text = &line.text;
        let key = lexer::trim_end(&text[..assign.op_start]);
        let value = lexer::trim_start(&text[assign.op_end..]);
        if assign.op == Operator::Set && is_lost_condition(key, value) {
            let open = key.rfind('(').unwrap_or(0);
            return Err(Mistake::new(
                ErrorKind::Syntax,
                open,
                text.len(),
                "`(variable=name)` cannot stand in a condition: its `=` would make the line an assignment",
            )
            .hint("write the name alone, without the variable, as in `name:`"));
        }
        if RESERVED.contains(&key) {
            return Ok(());
        }
        let value = self.program.value(unquote(value));
        let item = if assign.op.matches_keys() {
            Item::Match(assign.op, self.program.pattern(key), value)
        } else {
            let key = self.program.key(key);
            match assign.op {
                Operator::Append => Item::Append(key, value),
                Operator::Prepend => Item::Prepend(key, value),
                Operator::Default => Item::Default(key, value),
                _ => Item::Set(key, value),
            }
        };
        self.push(body, loc, item);
        Ok(())
    }

    /// The filter in the rest of a line.
    fn filter(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        from: usize,
        loc: Loc,
    ) -> Checked<FilterId> {
        lexer::tokens(&line.text, from, false, &mut reading.tokens)?;
        self.filter_of(&line.text, &reading.tokens, loc)
    }

    fn filter_of(&mut self, text: &str, tokens: &[Token], loc: Loc) -> Checked<FilterId> {
        let parsed = filter::parse(&mut self.program, text, tokens)?;
        let (start, end) = match tokens {
            [first, .., last, _] => (first.start, last.end),
            [only, _] => (only.start, only.end),
            _ => (0, 0),
        };
        let text = self.program.strings.intern(&text[start..end]);
        let id = FilterId(self.program.filters.len() as u32);
        self.program.filters.push(Filter {
            words: parsed.words,
            loc,
            text,
        });
        Ok(id)
    }

    /// The single name after `del` or `suffix`. Only `del` may be followed by white space and a comment.
    fn one_name(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        from: usize,
        strict: bool,
    ) -> Checked<String> {
        lexer::tokens(&line.text, from, false, &mut reading.tokens)?;
        let mut tokens = reading
            .tokens
            .iter()
            .filter(|token| strict || token.kind != TokenKind::White);
        let mut expect = |kind: TokenKind| match tokens.next() {
            Some(token) if token.kind == kind => Ok(*token),
            Some(token) => Err(Mistake::new(
                ErrorKind::Syntax,
                token.start,
                token.end,
                format!(
                    "expected {}, found {}",
                    kind.describe(),
                    token.kind.describe()
                ),
            )
            .hint("exactly one name of letters, digits, `_` and `-` may stand here")),
            None => Err(Mistake::new(ErrorKind::Syntax, 0, 0, "expected a name")),
        };
        let name = expect(TokenKind::Word)?;
        expect(TokenKind::End)?;
        Ok(line.text[name.start..name.end].to_owned())
    }

    fn include(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        rest: usize,
        loc: Loc,
        block: Block,
    ) -> Checked<Block> {
        let written = &line.text[rest..];
        let fail = |kind, message: String| Mistake::new(kind, rest, line.text.len(), message);
        let mut path = self.expand_home(written);
        if let Some(dir) = reading.dir
            && !self.loader.is_absolute(&path)
        {
            path.insert_str(0, dir);
        }
        if self.open_files.contains(&normal(&path)) {
            return Err(fail(
                ErrorKind::IncludeCycle,
                format!("`{path}` is being read already: it would include itself without end"),
            )
            .hint("remove one of the include lines of the circle"));
        }
        self.includes += 1;
        let limits = self.limits;
        if self.open_files.len() >= limits.include_depth || self.includes > limits.includes {
            return Err(fail(
                ErrorKind::Limit,
                format!(
                    "too many includes: at most {} in each other and {} in all",
                    limits.include_depth, limits.includes
                ),
            ));
        }
        match self.loader.load(&path) {
            Ok(bytes) => Ok(self.parse_bytes(&path, bytes, Some(loc), block)),
            Err(error) => {
                let reason = reason(&error);
                let mistake = fail(
                    ErrorKind::MissingInclude,
                    format!("cannot include `{written}`: {reason} (searched at `{path}`)"),
                );
                Err(if written.starts_with(['"', '\'']) {
                    mistake.hint("a path is written without quotes")
                } else if reading.dir.is_some() {
                    mistake.hint("the path is relative to the directory of the including file")
                } else {
                    mistake.hint("the path is relative to the working directory")
                })
            }
        }
    }

    fn expand_home(&self, path: &str) -> String {
        let rest = path.strip_prefix('~');
        match (rest, self.loader.home()) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.trim_end_matches('/'))
            }
            _ => path.to_owned(),
        }
    }

    /// `filter:` or `!filter:`, then a statement on the same line or a deeper block, or both.
    fn condition<'s>(
        &mut self,
        reading: &mut Reading<'s>,
        line: &Line<'s>,
        loc: Loc,
        body: BodyId,
        depth: usize,
    ) -> Checked<()> {
        lexer::tokens(&line.text, 0, true, &mut reading.tokens)?;
        let negated = reading.tokens[0].kind == TokenKind::Bang;
        let last = reading.tokens[reading.tokens.len() - 1];
        let mut tokens: Vec<Token> = reading
            .tokens
            .iter()
            .skip(usize::from(negated))
            .filter(|token| token.kind != TokenKind::White)
            .copied()
            .collect();
        let starts_well = (negated || tokens[0].kind == TokenKind::Word)
            && !tokens
                .iter()
                .any(|token| matches!(token.kind, TokenKind::Operator(_)));
        if last.kind != TokenKind::Colon || !starts_well {
            return Err(not_a_statement(line, &tokens));
        }
        if let Some(token) = tokens.last_mut() {
            token.kind = TokenKind::End;
            token.end = token.start;
        }
        if depth >= self.limits.nesting {
            self.skip_block(reading, line.indent);
            return Err(self.too_deep(line));
        }
        let filter = self.filter_of(&line.text, &tokens, loc);
        let rest = lexer::trim_start(&line.text[last.end..]);
        if rest.starts_with('#') {
            return Err(Mistake::new(
                ErrorKind::Syntax,
                line.text.len() - rest.len(),
                line.text.len(),
                "a comment cannot stand after a condition's colon",
            )
            .hint("move the comment to a line of its own"));
        }
        reading.lines.push_back(Line {
            text: Cow::Owned(rest.to_owned()),
            indent: line.indent + 1,
            number: line.number,
            raw: line.raw,
            start: line.start + line.text.len() - rest.len(),
        });
        let inner = self.program.body();
        let inner_block = Block {
            node: None,
            body: inner,
        };
        self.block(reading, inner_block, line.indent as isize, depth + 1);
        let item = Item::Cond {
            filter: filter?,
            negated,
            body: inner,
        };
        self.push(body, loc, item);
        Ok(())
    }

    fn too_deep(&self, line: &Line<'_>) -> Mistake {
        Mistake::new(
            ErrorKind::Limit,
            0,
            line.text.len(),
            format!(
                "more than {} blocks stand inside each other",
                self.limits.nesting
            ),
        )
        .hint("check the indentation: a deeper line belongs to the line above it")
    }

    /// `variants NAME [meta=…]:`. Mistakes are reported here, so that the block's items are read all the same.
    fn head<'s>(
        &mut self,
        reading: &mut Reading<'s>,
        line: &Line<'s>,
        from: usize,
        block: Block,
    ) -> Head<'s> {
        let mut head = Head {
            line: Some(line.clone()),
            ..Head::default()
        };
        let mut result = self.read_head(reading, line, from, &mut head);
        if block.node.is_none() && result.is_ok() {
            result = Err(Mistake::new(
                ErrorKind::Structure,
                0,
                line.text.len(),
                "`variants` is not possible inside a conditional block",
            )
            .hint("declare the variants outside and filter them with `only` or `no` in the block"));
        }
        if let Err(mistake) = result {
            self.mistake(reading.source, line, mistake);
        }
        head
    }

    fn read_head(
        &mut self,
        reading: &mut Reading<'_>,
        line: &Line<'_>,
        from: usize,
        head: &mut Head<'_>,
    ) -> Checked<()> {
        use TokenKind as K;
        let text = &line.text;
        lexer::tokens(text, from, false, &mut reading.tokens)?;
        let tokens: Vec<Token> = reading
            .tokens
            .iter()
            .filter(|token| token.kind != K::White)
            .copied()
            .collect();
        let set = K::Operator(Operator::Set);
        let unexpected = |token: &Token, expected: &str| {
            Mistake::new(
                ErrorKind::Syntax,
                token.start,
                token.end,
                format!("expected {expected}, found {}", token.kind.describe()),
            )
            .hint("a block starts `variants:`, `variants name:` or `variants name [default=x]:`")
        };
        let mut i = 0;
        if tokens[i].kind == K::Word {
            head.var = Some(
                self.program
                    .strings
                    .intern(&text[tokens[i].start..tokens[i].end]),
            );
            i += 1;
        }
        while tokens[i].kind == K::OpenBracket {
            let meta = tokens[i + 1];
            if meta.kind != K::Word {
                return Err(unexpected(&meta, "a name"));
            }
            let is_default = &text[meta.start..meta.end] == "default";
            let after = tokens[i + 2];
            i += 3;
            match after.kind {
                K::CloseBracket if !is_default => {}
                K::CloseBracket => {
                    return Err(unexpected(&after, "`=` and the default variant's name"));
                }
                kind if kind == set => {
                    let end = tokens[i..]
                        .iter()
                        .position(|token| matches!(token.kind, K::CloseBracket | K::End))
                        .map_or(tokens.len() - 1, |at| at + i);
                    if tokens[end].kind == K::End {
                        return Err(unexpected(&tokens[end], "`]`"));
                    }
                    if is_default {
                        head.defaults.push(texts(text, &tokens[i..end]));
                    }
                    i = end + 1;
                }
                _ => return Err(unexpected(&after, "`=` or `]`")),
            }
        }
        if tokens[i].kind != K::Colon {
            return Err(unexpected(
                &tokens[i],
                if i == 0 {
                    "a name, `[` or `:`"
                } else {
                    "`[` or `:`"
                },
            ));
        }
        if tokens[i + 1].kind != K::End {
            return Err(unexpected(&tokens[i + 1], "the end of the line"));
        }
        Ok(())
    }

    /// The items of a `variants` block, of which `first` is the first. Returns the group's node.
    fn items<'s>(
        &mut self,
        reading: &mut Reading<'s>,
        before: Block,
        mut head: Head<'s>,
        first: Line<'s>,
        depth: usize,
    ) -> Block {
        let loc = Loc {
            source: reading.source,
            line: first.number,
        };
        let group = self.program.node(reading.map_key, loc);
        // Without a node the block is a condition's and has been refused; its items are read for their mistakes.
        let before = before.node.unwrap_or(group);
        let head_line = head.line.take();
        let head_indent = head_line.as_ref().map_or(0, |line| line.indent);
        let item_indent = first.indent;
        let mut has_default = false;
        let mut next = Some(first);
        while let Some(line) = next {
            let loc = Loc {
                source: reading.source,
                line: line.number,
            };
            if lexer::shape(&line.text) != Shape::Item {
                self.mistake(reading.source, &line, expected_item(&line));
                self.skip_block(reading, line.indent);
            } else if depth >= self.limits.nesting {
                let mistake = self.too_deep(&line);
                self.mistake(reading.source, &line, mistake);
                self.skip_block(reading, line.indent);
            } else {
                let item = self.item(reading, before, &mut head, &line, loc, item_indent, depth);
                let node = &mut self.program.nodes[item.index()];
                node.default = !node.in_shortname && !has_default;
                has_default |= node.default;
                if before != group {
                    self.program.nodes[group.index()].children.push(item);
                }
            }
            next = reading.lines.deeper_than(head_indent as isize);
        }
        if let (Some(missing), Some(line)) = (head.defaults.first(), head_line) {
            let name = missing.concat();
            let brackets = line.text.find('[').unwrap_or(0);
            let in_brackets = line.text[brackets..].find(&format!("={name}"));
            let start = in_brackets.map_or(0, |at| brackets + at + 1);
            let mistake = Mistake::new(
                ErrorKind::MissingDefault,
                start,
                start + name.len(),
                format!("the default variant `{name}` is not among the variants of this block"),
            );
            let mistake = match self.nearest(group, &name) {
                Some(near) => mistake.hint(format!("did you mean `{near}`?")),
                None => mistake,
            };
            self.mistake(reading.source, &line, mistake);
        }
        Block {
            node: Some(group),
            body: self.program.nodes[group.index()].body,
        }
    }

    /// One item; whether it is marked as default is left in `in_shortname`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the item, where it stands, and what its block knows"
    )]
    fn item(
        &mut self,
        reading: &mut Reading<'_>,
        before: NodeId,
        head: &mut Head<'_>,
        line: &Line<'_>,
        loc: Loc,
        item_indent: usize,
        depth: usize,
    ) -> NodeId {
        let read = self.read_item(reading, line);
        let item = match read {
            Ok(item) => item,
            Err(mistake) => {
                self.mistake(reading.source, line, mistake);
                ItemHead::default()
            }
        };
        let node = self.program.node(reading.map_key, loc);
        self.program.nodes[node.index()].children.push(before);
        let body = self.program.nodes[node.index()].body;
        if let Some(var) = head.var {
            let var = self.program.text(var).to_owned();
            if !RESERVED.contains(&var.as_str()) {
                let key = self.program.key(&var);
                let value = self.program.strings.intern(&item.names.join("."));
                let value = crate::program::Value::Plain(value);
                self.push(body, loc, Item::Set(key, value));
            }
        }
        let block = Block {
            node: Some(node),
            body,
        };
        let block = self.block(reading, block, item_indent as isize, depth + 1);
        let named = block.node.unwrap_or(node);
        let labels = item
            .names
            .iter()
            .map(|name| self.program.label(head.var, name))
            .collect();
        let dep = item
            .dep
            .iter()
            .map(|text| self.program.strings.intern(text))
            .collect();
        let mut is_default = item.default;
        // Removing while going through skips the entry after each match, as it always did.
        let mut i = 0;
        while i < head.defaults.len() {
            let same =
                !item.raw.is_empty() && head.defaults[i].iter().zip(&item.raw).all(|(a, b)| a == b);
            if same {
                is_default = true;
                head.defaults.remove(i);
            }
            i += 1;
        }
        let node = &mut self.program.nodes[named.index()];
        node.labels = labels;
        node.dep = dep;
        node.var = head.var;
        node.in_shortname = !is_default;
        node.file = reading.map_key;
        node.loc = loc;
        named
    }

    /// `- [@]name{.name}: [filter]`.
    fn read_item(&mut self, reading: &mut Reading<'_>, line: &Line<'_>) -> Checked<ItemHead> {
        use TokenKind as K;
        let text = &line.text;
        lexer::tokens(text, 1, false, &mut reading.tokens)?;
        let tokens = &reading.tokens;
        let mut i = usize::from(tokens[0].kind == K::White);
        let mut item = ItemHead::default();
        if tokens[i].kind == K::At {
            item.default = true;
            i += 1;
        }
        let name_start = i;
        while matches!(tokens[i].kind, K::Word | K::Dot) {
            i += 1;
        }
        let name = &tokens[name_start..i];
        let token = tokens[i];
        let good_start = item.default || name.first().is_some_and(|t| t.kind == K::Word);
        if token.kind != K::Colon || !good_start {
            let bad = if token.kind != K::Colon || name.is_empty() {
                token
            } else {
                name[0]
            };
            let mistake = Mistake::new(
                ErrorKind::Syntax,
                bad.start,
                bad.end,
                if name.is_empty() {
                    format!("expected a variant's name, found {}", bad.kind.describe())
                } else {
                    format!(
                        "expected `:` after the variant's name, found {}",
                        bad.kind.describe()
                    )
                },
            );
            return Err(
                mistake.hint("a variant is written `- name:` or, as the default, `- @name:`")
            );
        }
        item.raw = texts(text, name);
        item.names = name
            .iter()
            .filter(|token| token.kind == K::Word)
            .map(|token| text[token.start..token.end].to_owned())
            .collect();
        if item.names.is_empty() {
            return Err(Mistake::new(
                ErrorKind::Syntax,
                token.start,
                token.end,
                "the variant has no name",
            ));
        }
        let mut rest = i + 1;
        while tokens[rest].kind == K::White {
            rest += 1;
        }
        item.dep = filter::block_texts(text, &tokens[rest..])?;
        Ok(item)
    }

    /// The variant of a block whose name is most like `name`.
    fn nearest(&self, group: NodeId, name: &str) -> Option<String> {
        let names = self.program.nodes[group.index()].children.iter().map(|&c| {
            let labels = &self.program.nodes[c.index()].labels;
            let texts: Vec<_> = labels
                .iter()
                .map(|l| self.program.text(self.program.labels[l.index()].name))
                .collect();
            texts.join(".")
        });
        crate::suggest::nearest(name, names)
    }
}

/// The head of an item.
#[derive(Default)]
struct ItemHead {
    default: bool,
    names: Vec<String>,
    /// The name's tokens, dots included.
    raw: Vec<String>,
    dep: Vec<String>,
}

fn texts(text: &str, tokens: &[Token]) -> Vec<String> {
    tokens
        .iter()
        .map(|token| text[token.start..token.end].to_owned())
        .collect()
}

/// Where in the raw line the character at `at` of the text is.
fn raw_offset(line: &Line<'_>, at: usize) -> usize {
    if !line.raw[line.start.min(line.raw.len())..].contains('\t') {
        return (line.start + at).min(line.raw.len());
    }
    // Tabs were expanded from column 0 of the line on: walk both.
    let mut column = 0;
    let text_column = line.indent + line.text[..at.min(line.text.len())].chars().count();
    for (i, c) in line.raw.char_indices() {
        if column >= text_column {
            return i;
        }
        column += if c == '\t' { 8 - column % 8 } else { 1 };
    }
    line.raw.len()
}

/// Removes one pair of equal quotes around a value.
fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            if rest.is_empty() {
                return "";
            }
            if let Some(inner) = rest.strip_suffix(quote) {
                return inner;
            }
        }
    }
    value
}

/// `(variable = name)…:` read as an assignment to `(variable`.
fn is_lost_condition(key: &str, value: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    let Some((before, variable)) = key.rsplit_once('(') else {
        return false;
    };
    let Some((name, after)) = value.split_once(')') else {
        return false;
    };
    let filter_like = |text: &str| {
        text.chars()
            .all(|c| c.is_alphanumeric() || " _-.,!()=\"".contains(c))
    };
    word(variable.trim())
        && word(name.trim().trim_matches('"'))
        && filter_like(before)
        && after.split_once(':').is_some_and(|(f, _)| filter_like(f))
}

fn expected_item(line: &Line<'_>) -> Mistake {
    Mistake::new(
        ErrorKind::Structure,
        0,
        line.text.len(),
        "expected a variant of the `variants` block above",
    )
    .hint("a variant is written `- name:`; what belongs to it is indented deeper than its `-`")
}

fn stray_item(line: &Line<'_>) -> Mistake {
    Mistake::new(
        ErrorKind::Structure,
        0,
        line.text.len(),
        "a variant stands outside a `variants` block",
    )
    .hint("put `variants:` above and indent the `- name:` lines deeper than it")
}

fn not_a_statement(line: &Line<'_>, tokens: &[Token]) -> Mistake {
    let text: &str = &line.text;
    let colon_operator = tokens
        .windows(2)
        .any(|w| matches!(w[0].kind, TokenKind::Operator(_)) && w[1].kind == TokenKind::Colon);
    let end = tokens.last().map_or(text.len(), |token| token.start);
    let mistake = Mistake::new(
        ErrorKind::Syntax,
        0,
        end.max(1),
        "expected an assignment (`key = value`) or a condition (`filter:`)",
    );
    let word = text.split(lexer::is_space).next().unwrap_or(text);
    let keywords = ["variants", "only", "no", "join", "suffix", "del", "include"];
    if colon_operator {
        return mistake.hint("put a space between the operator and the colon");
    }
    if keywords.contains(&word) {
        return mistake.hint(format!("`{word}` needs something after it"));
    }
    match crate::suggest::nearest(word, keywords.iter().map(|k| (*k).to_owned())) {
        Some(keyword) => mistake.hint(format!("did you mean `{keyword}`?")),
        None => mistake.hint("an assignment has an operator, a condition ends in `:`"),
    }
}

/// Why a file cannot be read, without the operating system's numbers where there is a plain word.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        _ => error.to_string(),
    }
}

/// A path without `.` and `x/..`, to recognise files that are open already.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts
                .last()
                .is_some_and(|last| !last.is_empty() && *last != "..") =>
            {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
