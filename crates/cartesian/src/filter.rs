//! Filters: `a.b..(v=c), d` is ((a followed by b) AND c of v) OR d.

use crate::lexer::{Token, TokenKind};
use crate::program::{BlockId, Program};

/// A filter's structure: OR of AND of adjacent labels, and the dotted text of every block.
#[derive(Debug, Default)]
pub(crate) struct ParsedFilter {
    pub words: Vec<Vec<BlockId>>,
}

/// Where and why a filter is malformed.
#[derive(Debug)]
pub(crate) struct FilterError {
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub hint: Option<&'static str>,
}

impl FilterError {
    fn new(token: Token, message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self {
            start: token.start,
            end: token.end,
            message: message.into(),
            hint,
        }
    }
}

/// A label of a filter: the variable if one is given, and the name.
type Term<'t> = (Option<&'t str>, &'t str);

/// Reads a filter from `tokens` (which end in [`TokenKind::End`]). White space means OR.
pub(crate) fn parse(
    program: &mut Program,
    text: &str,
    tokens: &[Token],
) -> Result<ParsedFilter, FilterError> {
    let terms = terms(text, tokens)?;
    let mut parsed = ParsedFilter::default();
    for word in terms {
        let mut blocks = Vec::with_capacity(word.len());
        for block in word {
            let atoms = block.iter().map(|&(var, name)| program.atom(var, name));
            let atoms = atoms.collect();
            blocks.push(program.block(atoms));
        }
        parsed.words.push(blocks);
    }
    Ok(parsed)
}

/// The dotted text of every block, as dependencies spell them.
pub(crate) fn block_texts(text: &str, tokens: &[Token]) -> Result<Vec<String>, FilterError> {
    let words = terms(text, tokens)?;
    let spell = |&(var, name): &Term<'_>| match var {
        None => name.to_owned(),
        Some(var) => format!("({var}={name})"),
    };
    Ok(words
        .iter()
        .flatten()
        .map(|block| block.iter().map(spell).collect::<Vec<_>>().join("."))
        .collect())
}

const TOO_MANY_DOTS: &str = "`a.b` means b right after a, `a..b` means both in any order";

fn terms<'t>(text: &'t str, tokens: &[Token]) -> Result<Vec<Vec<Vec<Term<'t>>>>, FilterError> {
    use TokenKind as K;
    let mut words = Vec::new();
    let mut word: Vec<Vec<Term<'t>>> = Vec::new();
    let mut block: Vec<Term<'t>> = Vec::new();
    // How many dots stand since the last label; one at the start of a word.
    let mut dots = 1;
    let mut i = 0;
    loop {
        let token = tokens[i];
        let kind = token.kind;
        match kind {
            K::End => break,
            K::Word | K::OpenParen => {
                let term = if kind == K::Word {
                    (None, &text[token.start..token.end])
                } else {
                    parenthesised(text, tokens, &mut i)?
                };
                match dots {
                    1 => {}
                    2 if block.is_empty() => return Err(unexpected(token, K::Dot)),
                    2 => word.push(std::mem::take(&mut block)),
                    0 => {
                        return Err(FilterError::new(
                            token,
                            "expected `.`, `..` or `,` between two names",
                            Some("use `,` for OR, `..` for AND, `.` for one right after the other"),
                        ));
                    }
                    _ => {
                        return Err(FilterError::new(
                            token,
                            "too many dots between two names",
                            Some(TOO_MANY_DOTS),
                        ));
                    }
                }
                block.push(term);
                dots = 0;
            }
            K::Dot => {
                if block.is_empty() {
                    return Err(unexpected(token, kind));
                }
                dots += 1;
            }
            K::Comma | K::White => {
                if dots > 0 {
                    return Err(FilterError::new(
                        token,
                        format!("expected a name before {}", kind.describe()),
                        Some(if kind == K::White {
                            "white space means OR; write `a..b` without spaces around the dots"
                        } else {
                            "a comma stands between two filters, with no space before it"
                        }),
                    ));
                }
                word.push(std::mem::take(&mut block));
                words.push(std::mem::take(&mut word));
                dots = 1;
                while tokens[i + 1].kind == K::White {
                    i += 1;
                }
            }
            _ => return Err(unexpected(token, kind)),
        }
        i += 1;
    }
    if !block.is_empty() {
        word.push(block);
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn unexpected(token: Token, kind: TokenKind) -> FilterError {
    FilterError::new(
        token,
        format!("a filter cannot have {} here", kind.describe()),
        Some(
            "a filter is names joined by `.` (adjacent), `..` (AND) and `,` (OR), or `(variable=name)`",
        ),
    )
}

/// `(name)` or `(var=name)`; leaves `i` at the closing parenthesis.
fn parenthesised<'t>(
    text: &'t str,
    tokens: &[Token],
    i: &mut usize,
) -> Result<Term<'t>, FilterError> {
    use TokenKind as K;
    let mut next = |allowed: &[K], expected: &str| {
        *i += 1;
        while tokens[*i].kind == K::White {
            *i += 1;
        }
        let token = tokens[*i];
        if allowed.contains(&token.kind) {
            Ok(token)
        } else {
            Err(FilterError::new(
                token,
                format!("expected {expected}, found {}", token.kind.describe()),
                Some("write `(variable=name)`"),
            ))
        }
    };
    let set = K::Operator(crate::lexer::Operator::Set);
    let first = next(&[K::Word], "a name")?;
    let first_text = &text[first.start..first.end];
    if next(&[set, K::CloseParen], "`=` or `)`")?.kind == K::CloseParen {
        return Ok((None, first_text));
    }
    let second = next(&[K::Word, K::Quoted], "a name")?;
    next(&[K::CloseParen], "`)`")?;
    Ok((Some(first_text), &text[second.start..second.end]))
}
