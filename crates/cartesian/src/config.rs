//! A parsed configuration and what can be asked of it.

use crate::error::EvalError;
use crate::graph::Graph;
use crate::limits::Limits;
use crate::program::Program;
use crate::variant::{Names, Variants};
use crate::walk::{Compiled, Defaults, Walker};
use std::sync::Arc;

/// How variants are chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Of every block that marks a variant as default take only that one, unless filters leave nothing of it.
    pub defaults: bool,
    /// Variables (`variants NAME`) of which all variants are taken even so.
    pub expand: Vec<String>,
}

/// A parsed configuration. Cheap to clone; made by [`crate::Parser`].
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) compiled: Arc<Compiled>,
}

impl Config {
    pub(crate) fn new(program: Program, limits: Limits) -> Self {
        let graph = Graph::new(&program);
        Self {
            compiled: Arc::new(Compiled {
                program,
                graph,
                limits,
            }),
        }
    }

    pub(crate) fn walker(&self, options: &Options) -> Walker {
        let strings = &self.compiled.program.strings;
        let expand = options.expand.iter().filter_map(|var| strings.find(var));
        let defaults = Defaults {
            enabled: options.defaults,
            expand: expand.collect(),
        };
        Walker::new(self.compiled.clone(), Arc::new(defaults))
    }

    /// All variants with their dictionaries, one after the other.
    pub fn variants(&self, options: &Options) -> Variants {
        Variants::new(self.walker(options))
    }

    /// The names of all variants. Makes no dictionaries, so it does not meet their errors.
    pub fn names(&self, options: &Options) -> Names {
        Names::new(self.walker(options))
    }

    /// How many variants there are, without making or even visiting them one by one.
    ///
    /// # Errors
    ///
    /// A joined variant cannot be named.
    pub fn count(&self, options: &Options) -> Result<u64, EvalError> {
        self.walker(options).count()
    }

    /// The files read, in order, each as often as it was included; text that is in no file appears by its origin.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let sources = &self.compiled.program.sources;
        sources.iter().map(|source| source.name.as_str())
    }
}
