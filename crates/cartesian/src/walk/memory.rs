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

impl Walker {
    /// Finds the open clause that leaves the fewest of a node's many children.
    pub(super) fn choose_candidates(&mut self, compiled: &Compiled, frame: &mut Frame) {
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
