//! The keys that `?=`, `?+=` and `?<=` mean.

use crate::pool::Pool;
use crate::program::{KeyId, PatternId};
use fancy_regex::Regex;
use rustc_hash::FxHashMap;

/// Compiled patterns, and which keys they match, as they are asked for.
#[derive(Debug)]
pub(crate) struct Patterns {
    compiled: Vec<Option<Result<Pattern, String>>>,
    known: FxHashMap<(PatternId, KeyId), bool>,
}

#[derive(Debug)]
enum Pattern {
    /// No character with a special meaning.
    Literal,
    Regex(Box<Regex>),
}

impl Patterns {
    pub fn new(count: usize) -> Self {
        Self {
            compiled: (0..count).map(|_| None).collect(),
            known: FxHashMap::default(),
        }
    }

    /// Those of `keys` that match from their start to their end.
    ///
    /// # Errors
    ///
    /// Why the pattern is not valid, or gives up.
    pub fn matching(
        &mut self,
        pool: &Pool,
        id: PatternId,
        mut keys: Vec<KeyId>,
    ) -> Result<Vec<KeyId>, String> {
        let program = pool.program();
        let text = program.text(program.patterns[id.index()]);
        let pattern = self.compiled[id.index()]
            .get_or_insert_with(|| compile(text))
            .as_ref()
            .map_err(Clone::clone)?;
        let regex = match pattern {
            Pattern::Literal => {
                keys.retain(|&key| pool.key_text(key) == text);
                return Ok(keys);
            }
            Pattern::Regex(regex) => regex,
        };
        let mut error = None;
        keys.retain(|&key| {
            *self.known.entry((id, key)).or_insert_with(|| {
                regex
                    .is_match(pool.key_text(key))
                    .unwrap_or_else(|problem| {
                        error = Some(problem.to_string());
                        false
                    })
            })
        });
        match error {
            Some(error) => Err(error),
            None => Ok(keys),
        }
    }
}

fn compile(text: &str) -> Result<Pattern, String> {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if text.chars().all(plain) && !text.is_empty() {
        return Ok(Pattern::Literal);
    }
    // The `$` binds to the last alternative only, as it always has.
    match Regex::new(&format!(r"\A(?:{text}$)")) {
        Ok(regex) => Ok(Pattern::Regex(Box::new(regex))),
        Err(error) => Err(error.to_string()),
    }
}
