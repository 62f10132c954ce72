//! One JSON object a variant, keys sorted, as JSON lines.

use crate::eval::{Engine, Pool, ValueId};
use crate::names;
use crate::program::KeyId;
use crate::walk::Walker;

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

/// Writes variants as JSON, remembering the pieces that recur.
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
        let named = names::naming_walker(walker);
        let has_maps = named.path.iter().any(|step| {
            let nodes = &engine.pool.program().nodes;
            !nodes[step.node.index()].labels.is_empty()
        });
        let specials = if has_maps { 0..5 } else { 2..5 };
        for special in specials {
            self.mark(program_keys + special);
        }
        for &(key, value) in &engine.entries {
            self.mark(key.index());
            self.slots[key.index()] = value;
        }
        let values: &mut Fragments = &mut self.values;
        let mut opening = b'{';
        for (w, word) in self.present.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                let rank = w * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let key = self.sorted[rank] as usize;
                if opening == b'{' {
                    out.push(opening);
                    opening = b',';
                } else {
                    out.extend_from_slice(b", ");
                }
                let (start, end) = self.keys.spans[key];
                out.extend_from_slice(&self.keys.bytes[start as usize..end as usize]);
                out.extend_from_slice(b": ");
                if key >= program_keys {
                    write_special(walker, named, SPECIAL[key - program_keys], out);
                    continue;
                }
                let value = self.slots[key];
                match Pool::program_string(value) {
                    Some(id) => {
                        out.extend_from_slice(values.get(id.0 as usize, engine.pool.text(value)))
                    }
                    None => write_string(out, engine.pool.text(value)),
                }
            }
        }
        out.push(b'}');
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
        map => {
            let map = names::name_map(program, &named.path, map == "_short_name_map_file");
            let pairs = map
                .iter()
                .map(|(file, name)| (program.text(*file), name.as_str()));
            write_pairs(out, pairs);
        }
    }
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
