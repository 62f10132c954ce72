//! What filters say of everything below the current position.

use super::Compiled;
use super::{Frame, Relaxed, Span, Walker};
use crate::graph::{Graph, has_bit};
use crate::program::NodeId;

/// What the current position knows about a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Matches,
    Fails,
    Open,
}

impl Walker {
    /// Collects the clauses that are still open here; false if one rejects everything below.
    pub(super) fn filter(
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
    pub(super) fn judge(
        &self,
        graph: &Graph,
        clause: u32,
        below: &[u64],
        partials: Span,
    ) -> Outcome {
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
}
