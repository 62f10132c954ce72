//! The walk over all variants: depth first, in order, without entering what cannot hold a variant.
//!
//! The meaning of filters is "multiply everything out, then filter". A sub-tree is left out only when a filter is known
//! to reject all of it: because the labels it still needs cannot come below (or those it forbids are there), or because
//! the same sub-tree was walked before under circumstances that cannot be told apart there, and held nothing.

use crate::error::EvalError;
use crate::graph::{Graph, NONE, has_bit};
use crate::join::JoinRun;
use crate::program::{NodeId, Program};
use crate::strings::StrId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The memory of sub-trees is forgotten when it holds this many words.
const MEMO_WORDS: usize = 1 << 20;
/// From this many children on it is remembered which of them a clause leaves.
const MIN_CANDIDATES: usize = 8;

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
}

impl Default for Relaxed {
    fn default() -> Self {
        Self {
            until: u32::MAX,
            budget: 0,
            hard: NONE,
        }
    }
}

/// What the current position knows about a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Matches,
    Fails,
    Open,
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
        }
        walker
    }

    /// How many variants there are.
    pub fn count(mut self) -> Result<u64, EvalError> {
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
        self.choose_candidates(compiled, &mut frame);
        self.frames.push(frame);
        true
    }

    /// Finds the open clause that leaves the fewest of a node's many children.
    fn choose_candidates(&mut self, compiled: &Compiled, frame: &mut Frame) {
        let node = &compiled.program.nodes[frame.node.index()];
        let few = node.children.len() < MIN_CANDIDATES;
        if few || frame.default_child != NONE || self.relaxed.budget > 0 {
            return;
        }
        for i in frame.live.0..frame.live.1 {
            let clause = self.live[i as usize];
            let Some(state) = self.clause_state(&compiled.graph, clause, frame.partials) else {
                continue;
            };
            let key = (frame.node, clause, state);
            let list = match self.candidates.get(&key) {
                Some(list) => list.clone(),
                None => {
                    let list = self.left_by(compiled, frame, clause);
                    self.candidate_words += list.len() + 16;
                    if self.candidate_words > MEMO_WORDS {
                        self.candidates.clear();
                        self.candidate_words = list.len() + 16;
                    }
                    self.candidates.insert(key, list.clone());
                    list
                }
            };
            let best = frame
                .candidates
                .as_ref()
                .map_or(node.children.len(), |l| l.len());
            if list.len() < best {
                frame.candidates = Some(list);
            }
        }
    }

    /// All of the path's past that a clause's outcome depends on, if that is not more than which of its blocks are
    /// matched.
    fn clause_state(&self, graph: &Graph, clause: u32, partials: Span) -> Option<u64> {
        let partials = &self.partials[partials.0 as usize..partials.1 as usize];
        let mut state = 0;
        let mut count = 0;
        for &(filter, _) in &graph.clauses[clause as usize].literals {
            for &block in graph.words(filter).flatten() {
                if has_bit(&self.matched, block) {
                    state |= 1 << count;
                } else if partials.iter().any(|&(b, _)| b == block) {
                    return None;
                }
                count += 1;
                if count == 64 {
                    return None;
                }
            }
        }
        Some(state)
    }

    /// The children that a clause does not reject at their door.
    fn left_by(&mut self, compiled: &Compiled, frame: &Frame, clause: u32) -> Arc<[u32]> {
        let children = &compiled.program.nodes[frame.node.index()].children;
        let mut left = Vec::new();
        for (i, &child) in children.iter().enumerate() {
            let mut probe = Frame {
                partials: frame.partials,
                ..self.blank_frame(child)
            };
            self.push_labels(compiled, child, &mut probe);
            let below = compiled.graph.below_set(child);
            if self.judge(&compiled.graph, clause, below, probe.partials) != Outcome::Matches {
                left.push(i as u32);
            }
            self.restore(&probe);
        }
        left.into()
    }

    fn push_labels(&mut self, compiled: &Compiled, id: NodeId, frame: &mut Frame) {
        let (program, graph) = (&compiled.program, &compiled.graph);
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

    fn set_matched(&mut self, block: u32) {
        let word = &mut self.matched[(block / 64) as usize];
        let bit = 1 << (block % 64);
        if *word & bit == 0 {
            *word |= bit;
            self.undo.push(block);
        }
    }

    /// Collects the clauses that are still open here; false if one rejects everything below.
    fn filter(
        &mut self,
        compiled: &Compiled,
        id: NodeId,
        frame: &mut Frame,
        extra: &[u32],
    ) -> bool {
        let graph = &compiled.graph;
        let own = graph.node_origins(id);
        let unchanged = own.is_empty()
            && extra.is_empty()
            && compiled.program.nodes[id.index()].labels.is_empty()
            && self
                .frames
                .last()
                .is_some_and(|p| graph.below[p.node.index()] == graph.below[id.index()]);
        if unchanged {
            return true;
        }
        let below = graph.below_set(id);
        let inherited = frame.live;
        let start = self.live.len() as u32;
        for i in inherited.0..inherited.1 {
            let clause = self.live[i as usize];
            if !self.admit(graph, clause, below, frame.partials) {
                return false;
            }
        }
        let origins = &graph.origins[own.start as usize..own.end as usize];
        let Relaxed { until, hard, .. } = self.relaxed;
        let own = origins
            .iter()
            .filter(|origin| origin.filter.0 < until || origin.clause == hard)
            .map(|origin| origin.clause);
        for clause in own.chain(extra.iter().copied()) {
            if !self.admit(graph, clause, below, frame.partials) {
                return false;
            }
        }
        frame.live = (start, self.live.len() as u32);
        true
    }

    /// Keeps a clause that is still open; false if it rejects.
    fn admit(&mut self, graph: &Graph, clause: u32, below: &[u64], partials: Span) -> bool {
        match self.judge(graph, clause, below, partials) {
            Outcome::Fails => true,
            Outcome::Open => {
                self.live.push(clause);
                true
            }
            Outcome::Matches => {
                let pass = clause != self.relaxed.hard
                    && (self.violations.len() as u32) < self.relaxed.budget;
                if pass {
                    self.violations.push(clause);
                }
                pass
            }
        }
    }

    /// Whether a clause rejects (`Matches`), cannot reject any more (`Fails`) or may (`Open`).
    fn judge(&self, graph: &Graph, clause: u32, below: &[u64], partials: Span) -> Outcome {
        if let [wanted, code @ ..] = graph.simple(clause) {
            return match (self.simple_outcome(code, below), *wanted != 0) {
                (Outcome::Open, _) => Outcome::Open,
                (Outcome::Matches, true) | (Outcome::Fails, false) => Outcome::Matches,
                _ => Outcome::Fails,
            };
        }
        let mut result = Outcome::Matches;
        for &(filter, wanted) in &graph.clauses[clause as usize].literals {
            match (self.outcome(graph, filter, below, partials), wanted) {
                (Outcome::Open, _) => result = Outcome::Open,
                (Outcome::Matches, true) | (Outcome::Fails, false) => {}
                _ => return Outcome::Fails,
            }
        }
        result
    }

    /// As [`Self::outcome`], for a clause's [`Graph::simple`] code.
    fn simple_outcome(&self, mut code: &[u32], below: &[u64]) -> Outcome {
        let mut result = Outcome::Fails;
        while let [length, rest @ ..] = code {
            let (word, rest) = rest.split_at(2 * *length as usize);
            code = rest;
            let (mut all, mut possible) = (true, true);
            for pair in word.chunks_exact(2) {
                if !has_bit(&self.matched, pair[0]) {
                    all = false;
                    possible &= has_bit(below, pair[1]);
                }
            }
            if all {
                return Outcome::Matches;
            }
            if possible {
                result = Outcome::Open;
            }
        }
        result
    }

    fn outcome(&self, graph: &Graph, filter: u32, below: &[u64], partials: Span) -> Outcome {
        let mut result = Outcome::Fails;
        'words: for word in graph.words(filter) {
            let mut all = true;
            for &block in word {
                if has_bit(&self.matched, block) {
                    continue;
                }
                all = false;
                if !self.is_possible(graph, block, below, partials) {
                    continue 'words;
                }
            }
            if all {
                return Outcome::Matches;
            }
            result = Outcome::Open;
        }
        result
    }

    /// Whether an unmatched block may be matched by labels that come below.
    fn is_possible(&self, graph: &Graph, block: u32, below: &[u64], partials: Span) -> bool {
        let atoms = graph.block_atoms(block);
        let comes = |atoms: &[u32]| atoms.iter().all(|&atom| has_bit(below, atom));
        if comes(atoms) {
            return true;
        }
        atoms.len() > 1
            && self.partials[partials.0 as usize..partials.1 as usize]
                .iter()
                .any(|&(b, seen)| b == block && comes(&atoms[seen as usize..]))
    }

    /// Looks up what was found below a shared node under the same circumstances; false if it need not be entered.
    fn recall(&mut self, compiled: &Compiled, id: NodeId, frame: &mut Frame) -> bool {
        let graph = &compiled.graph;
        let shared = graph.shared[id.index()];
        if shared == NONE || !self.use_memo {
            return true;
        }
        let mut key = std::mem::take(&mut self.key);
        self.circumstances(graph, id, shared, frame, &mut key);
        let known = self.memo.get(key.as_slice()).copied();
        let enter = match known {
            Some(0) => false,
            Some(count) if self.counting => {
                match self.frames.last_mut() {
                    Some(parent) => parent.count += count,
                    None => self.total += count,
                }
                false
            }
            Some(_) => true,
            None => {
                frame.memo = Some(key.as_slice().into());
                true
            }
        };
        self.key = key;
        enter
    }

    /// All of the path's past that can make a difference below: the open clauses and how far their blocks are, and the
    /// blocks that clauses below ask about.
    fn circumstances(
        &self,
        graph: &Graph,
        id: NodeId,
        shared: u32,
        frame: &Frame,
        key: &mut Vec<u32>,
    ) {
        key.clear();
        key.push(shared);
        key.push(self.violations.len() as u32);
        let live = &self.live[frame.live.0 as usize..frame.live.1 as usize];
        key.extend_from_slice(live);
        let sorted = &mut key[2..];
        sorted.sort_unstable();
        for i in 2..live.len() + 2 {
            let literals = &graph.clauses[key[i] as usize].literals;
            let blocks = literals
                .iter()
                .flat_map(|&(filter, _)| graph.words(filter))
                .flatten();
            for &block in blocks {
                if has_bit(&self.matched, block) {
                    key.push(block);
                }
            }
            key.push(NONE);
        }
        key.push(NONE);
        let below = graph.below_set(id);
        for &(block, seen) in &self.partials[frame.partials.0 as usize..frame.partials.1 as usize] {
            let rest = &graph.block_atoms(block)[seen as usize..];
            if !has_bit(&self.matched, block) && rest.iter().all(|&atom| has_bit(below, atom)) {
                key.push(block);
                key.push(seen);
            }
        }
        key.push(NONE);
        for &(word, mask) in &graph.shared_nodes[shared as usize].masks {
            let bits = self.matched[word as usize] & mask;
            key.push(bits as u32);
            key.push((bits >> 32) as u32);
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

    fn remember(&mut self, key: Box<[u32]>, count: u64) {
        // An entry costs its words and about eight more.
        self.memo_words += key.len() + 8;
        if self.memo_words > MEMO_WORDS {
            self.memo.clear();
            self.memo_words = key.len() + 8;
        }
        self.memo.insert(key, count);
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
