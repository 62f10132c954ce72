//! One JSON object a variant, keys sorted, as JSON lines.

use crate::eval::Engine;
use crate::names;
use crate::pool::{Pool, ValueId};
use crate::program::{KeyId, Program};
use crate::strings::StrId;
use crate::walk::{Step, Walker};

/// Appends `text` as a JSON string: `"` and `\` and control characters are escaped, nothing else.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            0..=0x1f => &[],
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..i]);
        copied = i + 1;
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn write_pairs<'t>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'t str, &'t str)>) {
    out.push(b'{');
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    for (i, (key, value)) in pairs.into_iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(out, key);
        out.extend_from_slice(b": ");
        write_string(out, value);
    }
    out.push(b'}');
}

fn write_list(out: &mut Vec<u8>, items: &[String]) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(out, item);
    }
    out.push(b']');
}

/// The reserved keys of the objects, sorted.
const SPECIAL: [&str; 5] = [
    "_name_map_file",
    "_short_name_map_file",
    "dep",
    "name",
    "shortname",
];

/// Pieces of text by number, made when first asked for.
#[derive(Debug, Default)]
struct Fragments {
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl Fragments {
    fn with_capacity(count: usize) -> Self {
        Self {
            bytes: Vec::new(),
            spans: vec![(0, 0); count],
        }
    }

    fn get(&mut self, i: usize, text: &str) -> &[u8] {
        let (start, end) = self.spans[i];
        if end != 0 {
            return &self.bytes[start as usize..end as usize];
        }
        let start = self.bytes.len();
        write_string(&mut self.bytes, text);
        let end = self.bytes.len();
        self.spans[i] = (start as u32, end as u32);
        &self.bytes[start..end]
    }
}

/// A member of the last object written.
#[derive(Debug, Clone, Copy)]
struct Member {
    rank: u32,
    value: ValueId,
    /// Where it ends in the last line, with the comma after it.
    end: u32,
}

/// Writes variants as JSON. Neighbouring variants are much alike, so what they share is copied from the last line.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    /// The program's keys and the special ones (numbered after them), in order of their text.
    sorted: Vec<u32>,
    rank: Vec<u32>,
    present: Vec<u64>,
    /// The current variant's values by key.
    slots: Vec<ValueId>,
    keys: Fragments,
    values: Fragments,
    last_line: Vec<u8>,
    last_members: Vec<Member>,
    members: Vec<Member>,
    /// Computed values keep their numbers within a generation.
    generation: u64,
}

impl JsonWriter {
    pub fn new(pool: &Pool) -> Self {
        let program = pool.program();
        let count = program.keys.len();
        let text = |i: u32| match (i as usize).checked_sub(count) {
            None => program.key_text(KeyId(i)),
            Some(special) => SPECIAL[special],
        };
        let mut sorted: Vec<u32> = (0..(count + SPECIAL.len()) as u32).collect();
        sorted.sort_unstable_by_key(|&i| text(i));
        let mut rank = vec![0; sorted.len()];
        for (at, &i) in sorted.iter().enumerate() {
            rank[i as usize] = at as u32;
        }
        let mut keys = Fragments::with_capacity(sorted.len());
        for i in 0..sorted.len() {
            keys.get(i, text(i as u32));
        }
        Self {
            present: vec![0; sorted.len().div_ceil(64)],
            slots: vec![ValueId::ABSENT; count],
            sorted,
            rank,
            keys,
            values: Fragments::with_capacity(program.strings.len()),
            last_line: Vec::new(),
            last_members: Vec::new(),
            members: Vec::new(),
            generation: 0,
        }
    }

    /// Appends the variant that `engine` has just run, without a line end.
    pub fn write(&mut self, walker: &Walker, engine: &Engine, out: &mut Vec<u8>) {
        let program_keys = engine.pool.program().keys.len();
        if engine
            .entries
            .iter()
            .any(|(key, _)| key.index() >= program_keys)
        {
            return crate::variant::Variant::new(walker, engine).write_json(out);
        }
        if engine.pool.generation != self.generation {
            self.generation = engine.pool.generation;
            self.last_members.clear();
        }
        let named = names::naming_walker(walker);
        let has_maps = names::has_labels(engine.pool.program(), &named.path);
        for special in if has_maps { 0..5 } else { 2..5 } {
            self.mark(program_keys + special);
        }
        for &(key, value) in &engine.entries {
            self.mark(key.index());
            self.slots[key.index()] = value;
        }
        let line_start = out.len();
        self.write_members(walker, engine, out);
        // The last comma gives way to the closing brace.
        out.truncate(out.len() - 2);
        out.push(b'}');
        self.last_line.clear();
        self.last_line.extend_from_slice(&out[line_start..]);
        std::mem::swap(&mut self.members, &mut self.last_members);
    }

    fn write_members(&mut self, walker: &Walker, engine: &Engine, out: &mut Vec<u8>) {
        let program_keys = self.slots.len();
        let named = names::naming_walker(walker);
        let line_start = out.len();
        out.push(b'{');
        self.members.clear();
        // Members of the last line from `run` up to `next` are the same here and not yet copied.
        let (mut run, mut next) = (0, 0);
        let copy = |last: &[Member], line: &[u8], run: usize, next: usize, out: &mut Vec<u8>| {
            if run < next {
                let start = run.checked_sub(1).map_or(1, |i| last[i].end as usize);
                let end = last[next - 1].end as usize;
                out.extend_from_slice(&line[start..end]);
            }
        };
        let mut written = 1;
        for w in 0..self.present.len() {
            let mut bits = std::mem::take(&mut self.present[w]);
            while bits != 0 {
                let rank = (w * 64) as u32 + bits.trailing_zeros();
                bits &= bits - 1;
                let key = self.sorted[rank as usize] as usize;
                let value = match self.slots.get(key) {
                    Some(&value) => value,
                    None => ValueId::ABSENT,
                };
                let before = next;
                while next < self.last_members.len() && self.last_members[next].rank < rank {
                    next += 1;
                }
                if next != before {
                    copy(&self.last_members, &self.last_line, run, before, out);
                    run = next;
                }
                let same = self.last_members.get(next).filter(|member| {
                    member.rank == rank && member.value == value && key < program_keys
                        // The last member has no comma after it.
                        && next + 1 < self.last_members.len()
                });
                if let Some(member) = same {
                    let start = next.checked_sub(1).map_or(1, |i| self.last_members[i].end);
                    written += member.end - start;
                    next += 1;
                } else {
                    copy(&self.last_members, &self.last_line, run, next, out);
                    run = next;
                    let (start, end) = self.keys.spans[key];
                    out.extend_from_slice(&self.keys.bytes[start as usize..end as usize]);
                    out.extend_from_slice(b": ");
                    if key >= program_keys {
                        write_special(walker, named, SPECIAL[key - program_keys], out);
                    } else if let Some(id) = Pool::program_string(value) {
                        let text = engine.pool.text(value);
                        out.extend_from_slice(self.values.get(id.0 as usize, text));
                    } else {
                        write_string(out, engine.pool.text(value));
                    }
                    out.extend_from_slice(b", ");
                    written = (out.len() - line_start) as u32;
                }
                self.members.push(Member {
                    rank,
                    value,
                    end: written,
                });
            }
        }
        copy(&self.last_members, &self.last_line, run, next, out);
    }

    fn mark(&mut self, key: usize) {
        let rank = self.rank[key];
        self.present[(rank / 64) as usize] |= 1 << (rank % 64);
    }
}

fn write_special(walker: &Walker, named: &Walker, key: &str, out: &mut Vec<u8>) {
    let program = &walker.compiled.program;
    match key {
        "name" => write_string(out, walker.names().0),
        "shortname" => write_string(out, walker.names().1),
        "dep" => write_list(out, &names::dependencies(program, &named.path, &named.name)),
        map => write_name_map(out, program, &named.path, map == "_short_name_map_file"),
    }
}

/// As [`names::name_map`], written without making strings. Labels hold nothing that needs escaping.
fn write_name_map(out: &mut Vec<u8>, program: &Program, path: &[Step], short: bool) {
    let labelled = || path.iter().map(|step| &program.nodes[step.node.index()]);
    let mut files: Vec<StrId> = Vec::with_capacity(16);
    for node in labelled() {
        if !node.labels.is_empty() && !files.contains(&node.file) {
            files.push(node.file);
        }
    }
    files.sort_unstable_by_key(|&file| program.text(file));
    for (i, &file) in files.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{" } else { b", " });
        write_string(out, program.text(file));
        out.extend_from_slice(b": \"");
        let nodes = labelled().filter(|node| node.file == file);
        for (j, label) in nodes.flat_map(|node| &node.labels).enumerate() {
            if j > 0 {
                out.push(b'.');
            }
            let label = program.labels[label.index()];
            let text = program.text(if short { label.name } else { label.long });
            out.extend_from_slice(text.as_bytes());
        }
        out.push(b'"');
    }
    out.push(b'}');
}

/// The reserved keys of an object.
pub(crate) struct Special<'s> {
    pub name: &'s str,
    pub shortname: &'s str,
    pub dep: &'s [String],
    /// Name map and short name map, if there are labels at all.
    pub maps: Option<&'s (Map, Map)>,
}

type Map = Vec<(String, String)>;

/// Writes an object, sorting its keys.
pub(crate) fn write_object<'t>(
    out: &mut Vec<u8>,
    pairs: impl Iterator<Item = (&'t str, &'t str)>,
    special: &Special<'t>,
) {
    let mut keys: Vec<(&str, Option<&str>)> = pairs.map(|(k, v)| (k, Some(v))).collect();
    let specials = match special.maps {
        Some(_) => &SPECIAL[..],
        None => &SPECIAL[2..],
    };
    keys.extend(specials.iter().map(|&key| (key, None)));
    keys.sort_unstable_by_key(|&(key, _)| key);
    out.push(b'{');
    for (i, (key, value)) in keys.into_iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(out, key);
        out.extend_from_slice(b": ");
        match (value, key, special.maps) {
            (Some(value), ..) => write_string(out, value),
            (None, "name", _) => write_string(out, special.name),
            (None, "shortname", _) => write_string(out, special.shortname),
            (None, "_name_map_file", Some(maps)) => write_map(out, &maps.0),
            (None, "_short_name_map_file", Some(maps)) => write_map(out, &maps.1),
            _ => write_list(out, special.dep),
        }
    }
    out.push(b'}');
}

fn write_map(out: &mut Vec<u8>, map: &Map) {
    write_pairs(out, map.iter().map(|(k, v)| (k.as_str(), v.as_str())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_the_corpus_has_them() {
        let mut out = Vec::new();
        write_string(&mut out, "é\"\\\n\t\u{8}\u{1}/\u{7f}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"é\\\"\\\\\\n\\t\\b\\u0001/\u{7f}\""
        );
    }
}
