//! What the walk needs to know about every node, worked out once: which labels may still come below it, which filters
//! stand in it, and what of a path's past can matter below it.

use crate::program::{AtomId, BlockId, BodyId, FilterId, Item, LabelId, NodeId, Program};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// A set of small numbers.
pub(crate) type Bits = Box<[u64]>;

pub(crate) const NONE: u32 = u32::MAX;

pub(crate) fn has_bit(bits: &[u64], i: u32) -> bool {
    bits[(i / 64) as usize] >> (i % 64) & 1 != 0
}

fn set_bit(bits: &mut [u64], i: u32) {
    bits[(i / 64) as usize] |= 1 << (i % 64);
}

/// "Reject the variant if every one of these filters has this outcome." An `only` rejects if its filter does not match,
/// a `no` if it does; the conditions around it must apply as well.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Clause {
    /// Canonical filter and the outcome that makes for rejection.
    pub literals: Vec<(u32, bool)>,
}

/// Where a clause is written, for explanations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClauseOrigin {
    pub clause: u32,
    pub filter: FilterId,
    pub only: bool,
}

/// What the outcome of everything below a node, shared by many paths, depends on.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// Words of the set of matched blocks, masked to those that filters below ask about.
    pub masks: Vec<(u32, u64)>,
}

impl Shared {
    fn new(asked: &[u64]) -> Self {
        let words = asked.iter().enumerate().filter(|(_, word)| **word != 0);
        Self {
            masks: words.map(|(i, &word)| (i as u32, word)).collect(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Graph {
    /// For each label: the blocks it satisfies alone.
    pub label_blocks: Vec<[u32; 2]>,
    /// For each label: the atoms it satisfies.
    pub label_atoms: Vec<[u32; 2]>,
    /// For each label: the longer blocks that may begin with it.
    pub label_starts: Vec<Vec<u32>>,
    /// For each canonical filter its words; for each word its blocks.
    filter_words: Vec<Range<u32>>,
    word_blocks: Vec<Range<u32>>,
    blocks: Vec<u32>,
    /// Canonical number of each filter of the program.
    pub canonical: Vec<u32>,
    /// For each block its atoms.
    block_atoms: Vec<Range<u32>>,
    atoms: Vec<u32>,
    pub clauses: Vec<Clause>,
    pub origins: Vec<ClauseOrigin>,
    /// For each clause of one literal and labels that stand alone: where in `simple_code` it is.
    simple: Vec<Range<u32>>,
    /// Such a clause: whether it rejects on a match; then for each word its length and its blocks with their atoms.
    simple_code: Vec<u32>,
    node_clauses: Vec<Range<u32>>,
    /// For each node: which set of atoms may come below it.
    pub below: Vec<u32>,
    sets: Vec<Bits>,
    /// For each node: index in `shared_nodes`.
    pub shared: Vec<u32>,
    pub shared_nodes: Vec<Shared>,
    /// For each node of some children: index in `group_nodes`.
    pub group: Vec<u32>,
    /// What the outcome of the children's own clauses depends on.
    pub group_nodes: Vec<Shared>,
    /// For each node with `join` lines: the clauses, one for each alternative of the filters.
    pub joins: FxHashMap<NodeId, Vec<u32>>,
    pub block_words: usize,
}

/// From this many children on it is remembered which of them can be entered.
const MIN_GROUP: usize = 4;
/// Below this many paths a node is not worth remembering.
const MIN_SHARED_PATHS: u64 = 32;

impl Graph {
    pub fn new(program: &Program) -> Self {
        let mut builder = Builder::new(program);
        builder.labels();
        builder.filters();
        builder.clauses();
        builder.simple_clauses();
        builder.sets();
        builder.groups();
        builder.graph
    }

    pub fn block_atoms(&self, block: u32) -> &[u32] {
        let range = &self.block_atoms[block as usize];
        &self.atoms[range.start as usize..range.end as usize]
    }

    /// The words of a canonical filter, each as its blocks.
    pub fn words(&self, filter: u32) -> impl Iterator<Item = &[u32]> {
        let range = &self.filter_words[filter as usize];
        self.word_blocks[range.start as usize..range.end as usize]
            .iter()
            .map(|word| &self.blocks[word.start as usize..word.end as usize])
    }

    /// The code of a simple clause; empty for others. See `simple_code`.
    pub fn simple(&self, clause: u32) -> &[u32] {
        let range = &self.simple[clause as usize];
        &self.simple_code[range.start as usize..range.end as usize]
    }

    /// The clauses in a node's body, as a range of [`Self::origins`].
    pub fn node_origins(&self, node: NodeId) -> Range<u32> {
        self.node_clauses[node.index()].clone()
    }

    /// The atoms that may come below a node.
    pub fn below_set(&self, node: NodeId) -> &[u64] {
        &self.sets[self.below[node.index()] as usize]
    }

    /// Whether a filter matches when all matched blocks are known.
    pub fn matches(&self, filter: FilterId, matched: &[u64]) -> bool {
        self.words(self.canonical[filter.index()])
            .any(|word| word.iter().all(|&block| has_bit(matched, block)))
    }
}

struct Builder<'p> {
    program: &'p Program,
    graph: Graph,
    clause_ids: FxHashMap<Clause, u32>,
}

impl<'p> Builder<'p> {
    fn new(program: &'p Program) -> Self {
        let nodes = program.nodes.len();
        Self {
            program,
            graph: Graph {
                label_blocks: Vec::with_capacity(program.labels.len()),
                label_atoms: Vec::with_capacity(program.labels.len()),
                label_starts: Vec::with_capacity(program.labels.len()),
                filter_words: Vec::new(),
                word_blocks: Vec::new(),
                blocks: Vec::new(),
                canonical: Vec::with_capacity(program.filters.len()),
                block_atoms: Vec::with_capacity(program.blocks.len()),
                atoms: Vec::new(),
                clauses: Vec::new(),
                origins: Vec::new(),
                simple: Vec::new(),
                simple_code: Vec::new(),
                node_clauses: Vec::with_capacity(nodes),
                below: vec![NONE; nodes],
                sets: Vec::new(),
                shared: vec![NONE; nodes],
                shared_nodes: Vec::new(),
                group: vec![NONE; nodes],
                group_nodes: Vec::new(),
                joins: FxHashMap::default(),
                block_words: program.blocks.len().div_ceil(64),
            },
            clause_ids: FxHashMap::default(),
        }
    }

    fn labels(&mut self) {
        let program = self.program;
        let mut single: Vec<u32> = vec![NONE; program.atoms.len()];
        let mut starts: Vec<Vec<u32>> = vec![Vec::new(); program.atoms.len()];
        for (i, block) in program.blocks.iter().enumerate() {
            match block[..] {
                [AtomId(atom)] => single[atom as usize] = i as u32,
                [AtomId(first), ..] => starts[first as usize].push(i as u32),
                [] => {}
            }
            let from = self.graph.atoms.len() as u32;
            self.graph.atoms.extend(block.iter().map(|atom| atom.0));
            let to = self.graph.atoms.len() as u32;
            self.graph.block_atoms.push(from..to);
        }
        for i in 0..program.labels.len() {
            let mut atoms = [NONE; 2];
            for (slot, atom) in atoms.iter_mut().zip(program.atoms_of(LabelId(i as u32))) {
                *slot = atom.0;
            }
            let known = || atoms.iter().filter(|&&atom| atom != NONE);
            let mut blocks = [NONE; 2];
            for (slot, &atom) in blocks.iter_mut().zip(known()) {
                *slot = single[atom as usize];
            }
            let longer = known().flat_map(|&atom| starts[atom as usize].iter().copied());
            self.graph.label_starts.push(longer.collect());
            self.graph.label_atoms.push(atoms);
            self.graph.label_blocks.push(blocks);
        }
    }

    fn filters(&mut self) {
        let mut seen: FxHashMap<&[Vec<BlockId>], u32> = FxHashMap::default();
        for filter in &self.program.filters {
            let next = self.graph.filter_words.len() as u32;
            let id = *seen.entry(&filter.words).or_insert(next);
            self.graph.canonical.push(id);
            if id != next {
                continue;
            }
            let words_from = self.graph.word_blocks.len() as u32;
            for word in &filter.words {
                let from = self.graph.blocks.len() as u32;
                self.graph.blocks.extend(word.iter().map(|block| block.0));
                let to = self.graph.blocks.len() as u32;
                self.graph.word_blocks.push(from..to);
            }
            let words_to = self.graph.word_blocks.len() as u32;
            self.graph.filter_words.push(words_from..words_to);
        }
    }

    fn clause(&mut self, literals: Vec<(u32, bool)>) -> u32 {
        let clause = Clause { literals };
        let next = self.graph.clauses.len() as u32;
        let id = *self.clause_ids.entry(clause.clone()).or_insert(next);
        if id == next {
            self.graph.clauses.push(clause);
        }
        id
    }

    fn clauses(&mut self) {
        let mut guards = Vec::new();
        for i in 0..self.program.nodes.len() {
            let from = self.graph.origins.len() as u32;
            self.body_clauses(self.program.nodes[i].body, &mut guards);
            let to = self.graph.origins.len() as u32;
            self.graph.node_clauses.push(from..to);
            self.node_joins(NodeId(i as u32));
        }
    }

    fn body_clauses(&mut self, body: BodyId, guards: &mut Vec<(u32, bool)>) {
        let program = self.program;
        for statement in &program.bodies[body.index()] {
            match statement.item {
                Item::Only(filter) | Item::No(filter) => {
                    let only = matches!(statement.item, Item::Only(_));
                    let mut literals = guards.clone();
                    literals.push((self.graph.canonical[filter.index()], !only));
                    let clause = self.clause(literals);
                    self.graph.origins.push(ClauseOrigin {
                        clause,
                        filter,
                        only,
                    });
                }
                Item::Cond {
                    filter,
                    negated,
                    body,
                } => {
                    guards.push((self.graph.canonical[filter.index()], !negated));
                    self.body_clauses(body, guards);
                    guards.pop();
                }
                _ => {}
            }
        }
    }

    /// Every alternative of every `join` acts as an `only` of its own.
    fn node_joins(&mut self, node: NodeId) {
        let program = self.program;
        let body = program.nodes[node.index()].body;
        let mut clauses = Vec::new();
        for statement in &program.bodies[body.index()] {
            let Item::Join(filter) = statement.item else {
                continue;
            };
            for word in &program.filters[filter.index()].words {
                let from = self.graph.blocks.len() as u32;
                self.graph.blocks.extend(word.iter().map(|block| block.0));
                let to = self.graph.blocks.len() as u32;
                let words = self.graph.word_blocks.len() as u32;
                self.graph.word_blocks.push(from..to);
                let filter = self.graph.filter_words.len() as u32;
                self.graph.filter_words.push(words..words + 1);
                clauses.push(self.clause(vec![(filter, false)]));
            }
        }
        if !clauses.is_empty() {
            self.graph.joins.insert(node, clauses);
        }
    }

    fn simple_clauses(&mut self) {
        for i in 0..self.graph.clauses.len() {
            let from = self.graph.simple_code.len();
            let mut code = Vec::new();
            if let [(filter, wanted)] = self.graph.clauses[i].literals[..] {
                code.push(u32::from(wanted));
                for word in self.graph.words(filter) {
                    code.push(word.len() as u32);
                    for &block in word {
                        let [atom] = self.graph.block_atoms(block) else {
                            code.clear();
                            break;
                        };
                        code.extend([block, *atom]);
                    }
                    if code.is_empty() {
                        break;
                    }
                }
            }
            self.graph.simple_code.extend(code);
            let to = self.graph.simple_code.len();
            self.graph.simple.push(from as u32..to as u32);
        }
    }

    /// Works from the first node, at the bottom, upwards.
    fn sets(&mut self) {
        let program = self.program;
        let order = children_first(program);
        let mut parents = vec![0_u32; program.nodes.len()];
        for &node in &order {
            for child in &program.nodes[node.index()].children {
                parents[child.index()] += 1;
            }
        }
        let atom_words = program.atoms.len().div_ceil(64);
        let mut below = SetPool::new(atom_words);
        let mut asked = SetPool::new(self.graph.block_words);
        let mut asked_of = vec![NONE; program.nodes.len()];
        let mut paths = vec![0_u64; program.nodes.len()];
        for &node in &order {
            let children = &program.nodes[node.index()].children;
            self.graph.below[node.index()] = below.union(
                children.iter().map(|c| self.graph.below[c.index()]),
                children
                    .iter()
                    .flat_map(|c| &program.nodes[c.index()].labels)
                    .flat_map(|label| self.graph.label_atoms[label.index()])
                    .filter(|&atom| atom != NONE),
            );
            asked_of[node.index()] = asked.union(
                children.iter().map(|c| asked_of[c.index()]),
                self.own_blocks(node),
            );
            let below_paths = children.iter().map(|c| paths[c.index()]);
            paths[node.index()] = below_paths.fold(0, u64::saturating_add).max(1);
            if parents[node.index()] > 1 && paths[node.index()] >= MIN_SHARED_PATHS {
                self.graph.shared[node.index()] = self.graph.shared_nodes.len() as u32;
                let set = &asked.sets[asked_of[node.index()] as usize];
                self.graph.shared_nodes.push(Shared::new(set));
            }
        }
        self.graph.sets = below.sets;
    }
}

impl Builder<'_> {
    fn groups(&mut self) {
        for (i, node) in self.program.nodes.iter().enumerate() {
            if node.children.len() < MIN_GROUP {
                continue;
            }
            let mut asked = vec![0; self.graph.block_words];
            for child in &node.children {
                for block in self.own_blocks(*child) {
                    set_bit(&mut asked, block);
                }
            }
            self.graph.group[i] = self.graph.group_nodes.len() as u32;
            self.graph.group_nodes.push(Shared::new(&asked));
        }
    }

    /// The blocks that a node's own clauses ask about.
    fn own_blocks(&self, node: NodeId) -> impl Iterator<Item = u32> + '_ {
        let range = self.graph.node_origins(node);
        self.graph.origins[range.start as usize..range.end as usize]
            .iter()
            .flat_map(|origin| &self.graph.clauses[origin.clause as usize].literals)
            .flat_map(|&(filter, _)| self.graph.words(filter))
            .flatten()
            .copied()
    }
}

/// The nodes under the top, every one after its children.
pub(crate) fn children_first(program: &Program) -> Vec<NodeId> {
    let mut order = Vec::with_capacity(program.nodes.len());
    let mut seen = vec![false; program.nodes.len()];
    let mut stack = vec![(program.top, 0)];
    seen[program.top.index()] = true;
    while let Some((node, next)) = stack.last_mut() {
        match program.nodes[node.index()].children.get(*next) {
            Some(&child) => {
                *next += 1;
                if !std::mem::replace(&mut seen[child.index()], true) {
                    stack.push((child, 0));
                }
            }
            None => {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order
}

/// Sets, each distinct one once.
struct SetPool {
    sets: Vec<Bits>,
    ids: FxHashMap<Bits, u32>,
    scratch: Vec<u64>,
}

impl SetPool {
    fn new(words: usize) -> Self {
        Self {
            sets: Vec::new(),
            ids: FxHashMap::default(),
            scratch: vec![0; words],
        }
    }

    fn union(
        &mut self,
        mut sets: impl Iterator<Item = u32>,
        mut members: impl Iterator<Item = u32>,
    ) -> u32 {
        let first_set = sets.next();
        let first_member = members.next();
        let mut last = match (first_set, first_member) {
            (Some(set), None) if sets.size_hint().1 == Some(0) => return set,
            (set, _) => set,
        };
        self.scratch.fill(0);
        if let Some(set) = last {
            self.scratch.copy_from_slice(&self.sets[set as usize]);
        }
        for set in sets {
            // Neighbours often share their set.
            if last != Some(set) {
                for (word, more) in self.scratch.iter_mut().zip(&self.sets[set as usize]) {
                    *word |= more;
                }
                last = Some(set);
            }
        }
        for member in first_member.into_iter().chain(members) {
            set_bit(&mut self.scratch, member);
        }
        if let Some(&id) = self.ids.get(self.scratch.as_slice()) {
            return id;
        }
        let id = self.sets.len() as u32;
        let set: Bits = self.scratch.clone().into();
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }
}
