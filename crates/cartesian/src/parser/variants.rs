//! `variants` blocks.

use super::mistake::{Checked, Mistake, expected_item};
use super::{Block, Parser, Reading};
use crate::error::ErrorKind;
use crate::filter;
use crate::lexer::{self, Line, Operator, Shape, Token, TokenKind};
use crate::loader::Loader;
use crate::program::{Item, Loc, NodeId, RESERVED};
use crate::strings::StrId;

/// The head of a `variants` block.
#[derive(Default)]
pub(super) struct Head<'s> {
    var: Option<StrId>,
    /// For each `[default=…]` its tokens' texts, and where it stands.
    defaults: Vec<Vec<String>>,
    line: Option<Line<'s>>,
}

impl<L: Loader> Parser<L> {
    /// `variants NAME [meta=…]:`. Mistakes are reported here, so that the block's items are read all the same.
    pub(super) fn head<'s>(
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
    pub(super) fn items<'s>(
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
