//! `join`: the product of what its filters select, pair by pair.

use crate::error::EvalError;
use crate::program::NodeId;
use crate::walk::Walker;

/// The state of the product of a node's `join` lines.
///
/// Each alternative of the filters is a factor: a walk of the same sub-tree with that alternative as an `only`. With
/// more than two factors, the reference keeps the filters of inner factors in force when it comes round again for the
/// next variant of an outer one, and thereby loses combinations; since names and dictionaries must be the same, the
/// lists of filters are kept here exactly as it keeps them.
#[derive(Debug)]
pub(crate) struct JoinRun {
    node: NodeId,
    clauses: Vec<u32>,
    /// Lists of clauses, and which of them is in force.
    lists: Vec<Vec<u32>>,
    current: usize,
    levels: Vec<Level>,
    started: bool,
    pub name: String,
    pub shortname: String,
}

#[derive(Debug)]
struct Level {
    walker: Walker,
    /// The list that comes into force once the factor has found something.
    outer_list: usize,
}

impl JoinRun {
    pub fn new(node: NodeId, clauses: Vec<u32>) -> Self {
        Self {
            node,
            clauses,
            lists: vec![Vec::new()],
            current: 0,
            levels: Vec::new(),
            started: false,
            name: String::new(),
            shortname: String::new(),
        }
    }

    /// The walks whose current variants make up the current product, first factor first.
    pub fn factors(&self) -> impl DoubleEndedIterator<Item = &Walker> {
        self.levels.iter().map(|level| &level.walker)
    }

    fn open(&mut self, parent: &Walker) {
        let outer_list = self.lists.len();
        self.lists.push(self.lists[self.current].clone());
        let clause = self.clauses[self.levels.len()];
        self.lists[self.current].push(clause);
        let walker = parent.factor(self.node, self.lists[self.current].clone());
        self.levels.push(Level { walker, outer_list });
    }

    /// Goes to the next product; `parent` must stand before the node.
    pub fn advance(&mut self, parent: &Walker) -> Result<bool, EvalError> {
        if !std::mem::replace(&mut self.started, true) {
            self.open(parent);
        }
        loop {
            let depth = self.levels.len();
            let Some(level) = self.levels.last_mut() else {
                return Ok(false);
            };
            if !level.walker.advance()? {
                self.levels.pop();
                continue;
            }
            if depth == self.clauses.len() {
                self.make_names()?;
                return Ok(true);
            }
            self.current = level.outer_list;
            self.open(parent);
        }
    }

    fn make_names(&mut self) -> Result<(), EvalError> {
        let mut name = String::new();
        let mut shortname = String::new();
        for (i, walker) in self.factors().rev().enumerate() {
            let (n, s) = walker.names();
            if i == 0 {
                (name, shortname) = (n.to_owned(), s.to_owned());
            } else {
                name = joint_name(n, &name)?;
                shortname = joint_name(s, &shortname)?;
            }
        }
        (self.name, self.shortname) = (name, shortname);
        Ok(())
    }
}

/// The names' common labels, then what is left of each.
///
/// Names with variables (`(v=a)`) among the common labels are not shortened: the reference takes the common labels for
/// a regular expression, in which parentheses do not stand for themselves.
fn joint_name(first: &str, second: &str) -> Result<String, EvalError> {
    let common = first
        .chars()
        .zip(second.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let shorter = first.chars().count().min(second.chars().count());
    if common == shorter {
        return Err(EvalError::JoinNames {
            first: first.to_owned(),
            second: second.to_owned(),
        });
    }
    let bytes = first
        .char_indices()
        .nth(common)
        .map_or(first.len(), |(i, _)| i);
    let labels = first[..bytes].rfind('.').map_or("", |dot| &first[..dot]);
    if labels.is_empty() {
        return Ok(format!("{first}.{second}"));
    }
    let own = |name: &str| match labels.contains('(') {
        true => name.to_owned(),
        false => name[labels.len()..].to_owned(),
    };
    Ok(format!("{labels}{}{}", own(first), own(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_labels_are_named_once() {
        assert_eq!(joint_name("x.one", "x.two").unwrap(), "x.one.two");
        assert_eq!(joint_name("one", "two").unwrap(), "one.two");
        assert_eq!(joint_name("on.e", "on.f.g").unwrap(), "on.e.f.g");
        assert!(joint_name("a", "a.b").is_err());
        assert!(joint_name("a", "a").is_err());
    }
}
