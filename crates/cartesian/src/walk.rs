//! The walk over all variants: depth first, in order, without entering what cannot hold a variant.
//!
//! The meaning of filters is "multiply everything out, then filter". A sub-tree is left out only when a filter is known
//! to reject all of it: because the labels it still needs cannot come below (or those it forbids are there), or because
//! the same sub-tree was walked before under circumstances that cannot be told apart there, and held nothing.

mod judge;
mod memory;

use crate::error::EvalError;
use crate::graph::{Graph, NONE};
use crate::join::JoinRun;
use crate::program::{NodeId, Program};
use crate::strings::StrId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What a configuration's walks share.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub program: Program,
    pub graph: Graph,
    pub limits: crate::Limits,
}

/// How default variants are chosen, made ready for the walk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub enabled: bool,
    /// The variables whose variants are all taken.
    pub expand: Vec<StrId>,
}

impl Defaults {
    fn expands(&self, var: Option<StrId>) -> bool {
        var.is_some_and(|var| self.expand.contains(&var))
    }
}

/// A node of the current path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub node: NodeId,
    /// Length of the path's name before this node's labels.
    pub name_len: u32,
}

type Span = (u32, u32);

#[derive(Debug)]
struct Frame {
    node: NodeId,
    next_child: u32,
    default_child: u32,
    name_len: u32,
    short_len: u32,
    undo_len: u32,
    partials_len: u32,
    live_len: u32,
    violations_len: u32,
    partials: Span,
    live: Span,
    memo: Option<Box<[u32]>>,
    /// Which children to enter; all if none.
    candidates: Option<Arc<[u32]>>,
    count: u64,
    join: bool,
}

/// Which filters are not applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relaxed {
    /// Only filters numbered lower (read earlier) are applied.
    pub until: u32,
    /// How many rejecting clauses a path may have all the same.
    pub budget: u32,
    /// A clause that is never let pass.
    pub hard: u32,
    /// How many nodes may still be entered before the walk gives up; `u32::MAX` is any number.
    pub steps: u32,
}

impl Default for Relaxed {
    fn default() -> Self {
        Self {
            until: u32::MAX,
            budget: 0,
            hard: NONE,
            steps: u32::MAX,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Walker {
    pub compiled: Arc<Compiled>,
    defaults: Arc<Defaults>,
    /// Entered when the walk begins; without its `join` lines if it is the root of one of their factors.
    root: NodeId,
    root_is_factor: bool,
    extra: Vec<u32>,
    frames: Vec<Frame>,
    joins: Vec<JoinRun>,
    pub path: Vec<Step>,
    pub matched: Vec<u64>,
    undo: Vec<u32>,
    /// Longer blocks of which the path so far ends in the first n labels.
    partials: Vec<(u32, u32)>,
    base_partials: Span,
    live: Vec<u32>,
    base_live: Span,
    pub name: String,
    pub shortname: String,
    memo: FxHashMap<Box<[u32]>, u64>,
    memo_words: usize,
    use_memo: bool,
    key: Vec<u32>,
    candidates: FxHashMap<(NodeId, u32, u64), Arc<[u32]>>,
    admitted: FxHashMap<Box<[u32]>, Arc<[u32]>>,
    candidate_words: usize,
    /// Filters that are not applied, for explanations.
    pub relaxed: Relaxed,
    /// The clauses that reject the current path and are let pass.
    pub violations: Vec<u32>,
    /// Take remembered counts instead of walking.
    counting: bool,
    started: bool,
    total: u64,
}

impl Walker {
    pub fn new(compiled: Arc<Compiled>, defaults: Arc<Defaults>) -> Self {
        let root = compiled.program.top;
        let matched = vec![0; compiled.graph.block_words];
        let use_memo = compiled.graph.joins.is_empty();
        Self {
            compiled,
            defaults,
            root,
            root_is_factor: false,
            extra: Vec::new(),
            frames: Vec::new(),
            joins: Vec::new(),
            path: Vec::new(),
            matched,
            undo: Vec::new(),
            partials: Vec::new(),
            base_partials: (0, 0),
            live: Vec::new(),
            base_live: (0, 0),
            name: String::new(),
            shortname: String::new(),
            memo: FxHashMap::default(),
            memo_words: 0,
            use_memo,
            key: Vec::new(),
            candidates: FxHashMap::default(),
            admitted: FxHashMap::default(),
            candidate_words: 0,
            relaxed: Relaxed::default(),
            violations: Vec::new(),
            counting: false,
            started: false,
            total: 0,
        }
    }

    /// A walk of what this one would find under `node`, which it is about to enter, with further clauses.
    pub fn factor(&self, node: NodeId, extra: Vec<u32>) -> Self {
        let (live, partials) = self.inherited();
        let live = self.live[live.0 as usize..live.1 as usize].to_vec();
        let partials = self.partials[partials.0 as usize..partials.1 as usize].to_vec();
        Self {
            root: node,
            root_is_factor: true,
            extra,
            path: self.path.clone(),
            matched: self.matched.clone(),
            base_partials: (0, partials.len() as u32),
            partials,
            base_live: (0, live.len() as u32),
            live,
            name: self.name.clone(),
            shortname: self.shortname.clone(),
            ..Self::new(self.compiled.clone(), self.defaults.clone())
        }
    }

    /// A walk that stands at the end of a path, to run it again.
    pub fn replay(compiled: Arc<Compiled>, nodes: &[NodeId]) -> Self {
        let mut walker = Self::new(compiled.clone(), Arc::default());
        let mut frame = walker.blank_frame(compiled.program.top);
        for &node in nodes {
            walker.path.push(Step {
                node,
                name_len: walker.name.len() as u32,
            });
            walker.push_labels(&compiled, node, &mut frame);
            walker.push_names(&compiled, node);
        }
        walker
    }

    /// How many variants there are.
    pub fn count(mut self) -> Result<u64, EvalError> {
        self.count_on()
    }

    /// As [`Self::count`]; what was found so far when the steps are used up.
    pub fn count_on(&mut self) -> Result<u64, EvalError> {
        self.counting = true;
        while self.advance()? {}
        Ok(self.total)
    }

    /// The join whose product is the current variant, if it is one.
    pub fn current_join(&self) -> Option<&JoinRun> {
        self.frames
            .last()
            .filter(|frame| frame.join)
            .and(self.joins.last())
    }

    /// Name and short name of the current variant.
    pub fn names(&self) -> (&str, &str) {
        match self.current_join() {
            Some(join) => (&join.name, &join.shortname),
            None => (&self.name, &self.shortname),
        }
    }

    /// Goes to the next variant; false when there is none.
    pub fn advance(&mut self) -> Result<bool, EvalError> {
        let compiled = self.compiled.clone();
        if !std::mem::replace(&mut self.started, true) {
            let root = self.root;
            if self.enter(&compiled, root) && self.at_leaf() {
                return Ok(true);
            }
        } else if self.at_leaf() {
            self.leave(1);
        }
        loop {
            if self.frames.last().is_some_and(|frame| frame.join) {
                if self.advance_join()? {
                    return Ok(true);
                }
                self.leave(0);
                continue;
            }
            match self.next_child() {
                Some(child) => {
                    if self.relaxed.steps != u32::MAX {
                        if self.relaxed.steps == 0 {
                            return Ok(false);
                        }
                        self.relaxed.steps -= 1;
                    }
                    if self.enter(&compiled, child) && self.at_leaf() {
                        return Ok(true);
                    }
                }
                None if self.frames.is_empty() => return Ok(false),
                None => self.leave(0),
            }
        }
    }

    fn advance_join(&mut self) -> Result<bool, EvalError> {
        let Some(mut run) = self.joins.pop() else {
            return Ok(false);
        };
        let found = run.advance(self);
        self.joins.push(run);
        if let (Ok(true), Some(frame)) = (&found, self.frames.last_mut()) {
            frame.count += 1;
        }
        found
    }

    fn at_leaf(&self) -> bool {
        self.frames.last().is_some_and(|frame| {
            !frame.join
                && self.compiled.program.nodes[frame.node.index()]
                    .children
                    .is_empty()
        })
    }

    fn inherited(&self) -> (Span, Span) {
        match self.frames.last() {
            Some(frame) => (frame.live, frame.partials),
            None => (self.base_live, self.base_partials),
        }
    }

    fn next_child(&mut self) -> Option<NodeId> {
        let frame = self.frames.last_mut()?;
        let node = &self.compiled.program.nodes[frame.node.index()];
        let i = frame.next_child;
        frame.next_child += 1;
        if let Some(candidates) = &frame.candidates {
            return candidates
                .get(i as usize)
                .map(|&c| node.children[c as usize]);
        }
        if frame.default_child == NONE {
            return node.children.get(i as usize).copied();
        }
        // The default comes first, and alone if it holds a variant.
        if i == 0 {
            return node.children.get(frame.default_child as usize).copied();
        }
        if i == 1 && frame.count > 0 && !self.defaults.expands(node.var) {
            return None;
        }
        let shifted = if i <= frame.default_child { i - 1 } else { i };
        node.children.get(shifted as usize).copied()
    }

    fn default_child(&self, node: NodeId) -> u32 {
        if !self.defaults.enabled {
            return NONE;
        }
        let nodes = &self.compiled.program.nodes;
        let children = &nodes[node.index()].children;
        let default = children.iter().position(|child| {
            let child = &nodes[child.index()];
            child.default && !self.defaults.expands(child.var)
        });
        default.map_or(NONE, |i| i as u32)
    }

    /// A frame that leads back to here.
    fn blank_frame(&self, node: NodeId) -> Frame {
        Frame {
            node,
            next_child: 0,
            default_child: NONE,
            name_len: self.name.len() as u32,
            short_len: self.shortname.len() as u32,
            undo_len: self.undo.len() as u32,
            partials_len: self.partials.len() as u32,
            live_len: self.live.len() as u32,
            violations_len: self.violations.len() as u32,
            partials: (0, 0),
            live: (0, 0),
            memo: None,
            candidates: None,
            count: 0,
            join: false,
        }
    }

    /// Enters a node unless it cannot hold a variant.
    fn enter(&mut self, compiled: &Compiled, id: NodeId) -> bool {
        let graph = &compiled.graph;
        let (live, partials) = self.inherited();
        let mut frame = Frame {
            default_child: self.default_child(id),
            partials,
            live,
            ..self.blank_frame(id)
        };
        let is_root = self.frames.is_empty() && self.root_is_factor;
        if !is_root && let Some(clauses) = graph.joins.get(&id) {
            frame.join = true;
            self.joins.push(JoinRun::new(id, clauses.clone()));
            self.frames.push(frame);
            return true;
        }
        self.path.push(Step {
            node: id,
            name_len: frame.name_len,
        });
        self.push_labels(compiled, id, &mut frame);
        let extra = if is_root {
            std::mem::take(&mut self.extra)
        } else {
            Vec::new()
        };
        if !self.filter(compiled, id, &mut frame, &extra) || !self.recall(compiled, id, &mut frame)
        {
            self.restore(&frame);
            self.path.pop();
            return false;
        }
        self.push_names(compiled, id);
        self.frames.push(frame);
        self.choose_candidates(compiled);
        true
    }

    fn push_labels(&mut self, compiled: &Compiled, id: NodeId, frame: &mut Frame) {
        let (program, graph) = (&compiled.program, &compiled.graph);
        let node = &program.nodes[id.index()];
        for &label in &node.labels {
            for block in graph.label_blocks[label.index()] {
                if block != NONE {
                    self.set_matched(block);
                }
            }
            let atoms = graph.label_atoms[label.index()];
            let start = self.partials.len();
            for i in frame.partials.0..frame.partials.1 {
                let (block, seen) = self.partials[i as usize];
                let wanted = graph.block_atoms(block);
                if !atoms.contains(&wanted[seen as usize]) {
                    continue;
                }
                if seen as usize + 1 == wanted.len() {
                    self.set_matched(block);
                } else {
                    self.partials.push((block, seen + 1));
                }
            }
            for &block in &graph.label_starts[label.index()] {
                self.partials.push((block, 1));
            }
            frame.partials = (start as u32, self.partials.len() as u32);
        }
    }

    fn push_names(&mut self, compiled: &Compiled, id: NodeId) {
        let program = &compiled.program;
        let node = &program.nodes[id.index()];
        for &label in &node.labels {
            let text = &program.labels[label.index()];
            if !self.name.is_empty() {
                self.name.push('.');
            }
            self.name.push_str(program.text(text.long));
            if node.in_shortname {
                if !self.shortname.is_empty() {
                    self.shortname.push('.');
                }
                self.shortname.push_str(program.text(text.name));
            }
        }
    }

    fn set_matched(&mut self, block: u32) {
        let word = &mut self.matched[(block / 64) as usize];
        let bit = 1 << (block % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.undo.push(block);
        }
    }

    /// Leaves the last node, which held `found` variants itself.
    fn leave(&mut self, found: u64) {
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        frame.count += found;
        if let Some(key) = frame.memo.take() {
            self.remember(key, frame.count);
        }
        if frame.join {
            self.joins.pop();
        } else {
            self.path.pop();
        }
        self.restore(&frame);
        match self.frames.last_mut() {
            Some(parent) => parent.count = parent.count.saturating_add(frame.count),
            None => self.total = self.total.saturating_add(frame.count),
        }
    }

    fn restore(&mut self, frame: &Frame) {
        self.name.truncate(frame.name_len as usize);
        self.shortname.truncate(frame.short_len as usize);
        for block in self.undo.drain(frame.undo_len as usize..) {
            self.matched[(block / 64) as usize] &= !(1 << (block % 64));
        }
        self.partials.truncate(frame.partials_len as usize);
        self.live.truncate(frame.live_len as usize);
        self.violations.truncate(frame.violations_len as usize);
    }
}
