//! What walks remember: how much sub-trees held, and which children a clause leaves.

use super::judge::Outcome;
use super::{Compiled, Frame, Span, Walker};
use crate::graph::{Graph, NONE, has_bit};
use crate::program::NodeId;
use std::sync::Arc;

/// The memory of sub-trees is forgotten when it holds this many words.
const MEMO_WORDS: usize = 1 << 20;
/// From this many children on it is remembered which of them a clause leaves.
const MIN_CANDIDATES: usize = 8;

/// The node whose children are about to be entered, and what is known there.
#[derive(Debug, Clone, Copy)]
struct Door {
    node: NodeId,
    live: Span,
    partials: Span,
}

impl Walker {
    /// Finds out which of a node's children can be entered, if it has enough of them to be worth remembering.
    pub(super) fn choose_candidates(&mut self, compiled: &Compiled) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        let group = compiled.graph.group[frame.node.index()];
        if group == NONE || frame.default_child != NONE || self.relaxed.budget > 0 {
            return;
        }
        let door = Door {
            node: frame.node,
            live: frame.live,
            partials: frame.partials,
        };
        let mut key = std::mem::take(&mut self.key);
        self.door_circumstances(&compiled.graph, group, door, &mut key);
        let list = match self.admitted.get(key.as_slice()) {
            Some(list) => list.clone(),
            None => {
                let few = self.fewest_by_clause(compiled, door);
                let list = self.admitted(compiled, door, few.as_deref());
                self.candidate_words += key.len() + list.len() + 16;
                self.admitted.insert(key.as_slice().into(), list.clone());
                list
            }
        };
        self.key = key;
        if let Some(frame) = self.frames.last_mut() {
            frame.candidates = Some(list);
        }
        if self.candidate_words > MEMO_WORDS {
            self.candidates.clear();
            self.admitted.clear();
            self.candidate_words = 0;
        }
    }

    /// All of the path's past that decides which children are rejected at their door.
    fn door_circumstances(&self, graph: &Graph, group: u32, door: Door, key: &mut Vec<u32>) {
        key.clear();
        key.push(group);
        self.live_state(graph, door.live, key);
        for &(block, seen) in &self.partials[door.partials.0 as usize..door.partials.1 as usize] {
            if !has_bit(&self.matched, block) {
                key.extend([block, seen]);
            }
        }
        key.push(NONE);
        self.masked(&graph.group_nodes[group as usize].masks, key);
    }

    /// The open clauses, and which of their blocks are matched.
    fn live_state(&self, graph: &Graph, live: Span, key: &mut Vec<u32>) {
        let live = &self.live[live.0 as usize..live.1 as usize];
        let start = key.len();
        key.extend_from_slice(live);
        key[start..].sort_unstable();
        for i in start..start + live.len() {
            let clause = key[i];
            let mut add = |block| {
                if has_bit(&self.matched, block) {
                    key.push(block);
                }
            };
            for &(filter, _) in &graph.clauses[clause as usize].literals {
                graph.words(filter).flatten().copied().for_each(&mut add);
            }
            key.push(NONE);
        }
        key.push(NONE);
    }

    fn masked(&self, masks: &[(u32, u64)], key: &mut Vec<u32>) {
        for &(word, mask) in masks {
            let bits = self.matched[word as usize] & mask;
            key.extend([bits as u32, (bits >> 32) as u32]);
        }
    }

    /// The children, or those of the candidates, that can be entered.
    fn admitted(
        &mut self,
        compiled: &Compiled,
        door: Door,
        candidates: Option<&[u32]>,
    ) -> Arc<[u32]> {
        let children = &compiled.program.nodes[door.node.index()].children;
        let all: Vec<u32>;
        let candidates = match candidates {
            Some(candidates) => candidates,
            None => {
                all = (0..children.len() as u32).collect();
                &all
            }
        };
        let mut admitted = Vec::new();
        for &i in candidates {
            let child = children[i as usize];
            // A join rejects nothing at its door.
            let mut probe = self.probe(child, door);
            let enters = compiled.graph.joins.contains_key(&child) || {
                self.push_labels(compiled, child, &mut probe);
                self.filter(compiled, child, &mut probe, &[])
            };
            if enters {
                admitted.push(i);
            }
            self.restore(&probe);
        }
        admitted.into()
    }

    fn probe(&self, child: NodeId, door: Door) -> Frame {
        Frame {
            partials: door.partials,
            live: door.live,
            ..self.blank_frame(child)
        }
    }

    /// What the open clause that leaves the fewest of many children leaves.
    fn fewest_by_clause(&mut self, compiled: &Compiled, door: Door) -> Option<Arc<[u32]>> {
        let node = &compiled.program.nodes[door.node.index()];
        let mut fewest: Option<Arc<[u32]>> = None;
        if node.children.len() < MIN_CANDIDATES {
            return None;
        }
        for i in door.live.0..door.live.1 {
            let clause = self.live[i as usize];
            let Some(state) = self.clause_state(&compiled.graph, clause, door.partials) else {
                continue;
            };
            let key = (door.node, clause, state);
            let list = match self.candidates.get(&key) {
                Some(list) => list.clone(),
                None => {
                    let list = self.left_by(compiled, door, clause);
                    self.candidate_words += list.len() + 16;
                    self.candidates.insert(key, list.clone());
                    list
                }
            };
            if fewest.as_ref().is_none_or(|f| list.len() < f.len()) {
                fewest = Some(list);
            }
        }
        fewest
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
    fn left_by(&mut self, compiled: &Compiled, door: Door, clause: u32) -> Arc<[u32]> {
        let children = &compiled.program.nodes[door.node.index()].children;
        let mut left = Vec::new();
        for (i, &child) in children.iter().enumerate() {
            let mut probe = self.probe(child, door);
            self.push_labels(compiled, child, &mut probe);
            let below = compiled.graph.below_set(child);
            if self.judge(&compiled.graph, clause, below, probe.partials) != Outcome::Matches {
                left.push(i as u32);
            }
            self.restore(&probe);
        }
        left.into()
    }

    /// Looks up what was found below a shared node under the same circumstances; false if it need not be entered.
    pub(super) fn recall(&mut self, compiled: &Compiled, id: NodeId, frame: &mut Frame) -> bool {
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
        self.live_state(graph, frame.live, key);
        let below = graph.below_set(id);
        for &(block, seen) in &self.partials[frame.partials.0 as usize..frame.partials.1 as usize] {
            let rest = &graph.block_atoms(block)[seen as usize..];
            if !has_bit(&self.matched, block) && rest.iter().all(|&atom| has_bit(below, atom)) {
                key.push(block);
                key.push(seen);
            }
        }
        key.push(NONE);
        self.masked(&graph.shared_nodes[shared as usize].masks, key);
    }

    pub(super) fn remember(&mut self, key: Box<[u32]>, count: u64) {
        // An entry costs its words and about eight more.
        self.memo_words += key.len() + 8;
        if self.memo_words > MEMO_WORDS {
            self.memo.clear();
            self.memo_words = key.len() + 8;
        }
        self.memo.insert(key, count);
    }
}
