//! Options of one part, which QEMU takes in two forms: `value,key=value,…` on its command line, JSON in its monitor.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Value as Json};
use units::ByteSize;

use crate::devices::MacAddr;

/// A value, kept by its type: the command line takes text only, the monitor does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    Size(ByteSize),
    /// `on` and `off`, or true and false.
    Switch(bool),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Size(size) => size.to_string(),
            Self::Switch(on) => on_off(*on).to_owned(),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Size(size) => size.as_bytes().into(),
            Self::Switch(on) => (*on).into(),
        }
    }
}

macro_rules! values {
    ($($type:ty: $value:ident => $made:expr;)+) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })+
    };
}

values! {
    &str: text => Self::Text(text.to_owned());
    String: text => Self::Text(text);
    &String: text => Self::Text(text.clone());
    u8: number => Self::Number(number.into());
    u32: number => Self::Number(number.into());
    i32: number => Self::Number(number.into());
    u64: number => Self::Number(i64::try_from(number).unwrap_or(i64::MAX));
    bool: on => Self::Switch(on);
    ByteSize: size => Self::Size(size);
    MacAddr: mac => Self::Text(mac.to_string());
}

/// The options of one part under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opts {
    /// The value that has no key on the command line: a driver's or a type's name.
    first: Option<String>,
    pairs: Vec<(String, Value)>,
}

impl Opts {
    /// Starts with the value that has no key; nothing if it is empty.
    pub(crate) fn new(first: impl Display) -> Self {
        let first = first.to_string();
        Self {
            first: Some(first).filter(|first| !first.is_empty()),
            pairs: Vec::new(),
        }
    }

    /// Appends `key=value`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.pairs.push((key.to_owned(), value.into()));
        self
    }

    /// Appends `key=value` if there is a value.
    pub(crate) fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Appends every pair.
    pub(crate) fn all(self, pairs: &[(String, String)]) -> Self {
        let set = |opts: Self, (key, value): &(String, String)| opts.set(key, value);
        pairs.iter().fold(self, set)
    }

    pub(crate) fn first(&self) -> &str {
        self.first.as_deref().unwrap_or_default()
    }

    /// The text of an option's value.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let pair = self.pairs.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.text())
    }

    /// The command line's form. Commas inside values are doubled, as QEMU wants.
    pub(crate) fn finish(&self) -> String {
        let mut text = self.first.as_deref().map(escaped).unwrap_or_default();
        for (key, value) in &self.pairs {
            let separator = if text.is_empty() { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{key}={}", escaped(&value.text()));
        }
        text
    }

    /// The monitor's form; `first` is the key it has there for what has none on the command line. Keys with dots are
    /// objects in objects.
    pub(crate) fn json(&self, first: &str) -> Json {
        let mut object = Map::new();
        if let Some(value) = &self.first {
            object.insert(first.to_owned(), value.as_str().into());
        }
        for (key, value) in &self.pairs {
            let mut place = &mut object;
            let mut steps = key.split('.').peekable();
            while let Some(step) = steps.next() {
                if steps.peek().is_none() {
                    insert(place, step, value);
                    break;
                }
                let inner = place.entry(step).or_insert_with(|| Map::new().into());
                match inner {
                    Json::Object(inner) => place = inner,
                    // A key that is a value cannot have parts as well; none of ours is both.
                    _ => break,
                }
            }
        }
        object.into()
    }
}

/// `hostfwd` is the only list there is: on the command line it is repeated, QAPI wraps its strings.
fn insert(object: &mut Map<String, Json>, key: &str, value: &Value) {
    if key != "hostfwd" {
        object.insert(key.to_owned(), value.json());
        return;
    }
    let list = object
        .entry(key)
        .or_insert_with(|| Vec::<Json>::new().into());
    if let Json::Array(list) = list {
        list.push(serde_json::json!({"str": value.text()}));
    }
}

fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

/// `on` or `off`, for options that know a third word and are no switch in the monitor either.
pub(crate) fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_values_are_doubled() {
        let opts = Opts::new("file").set("filename", "/a,b=c");
        assert_eq!(
            opts.maybe("x", None::<u32>).finish(),
            "file,filename=/a,,b=c"
        );
        assert_eq!(Opts::new("").set("driver", "raw").finish(), "driver=raw");
    }

    #[test]
    fn the_monitor_is_told_the_same_by_type() {
        let opts = Opts::new("user")
            .set("cache.direct", false)
            .set("cache.no-flush", true)
            .set("size", ByteSize::mib(1))
            .set("hostfwd", "tcp::1-:2")
            .set("hostfwd", "tcp::3-:4");
        assert_eq!(
            opts.json("type"),
            serde_json::json!({
                "type": "user",
                "cache": {"direct": false, "no-flush": true},
                "size": 1 << 20,
                "hostfwd": [{"str": "tcp::1-:2"}, {"str": "tcp::3-:4"}],
            })
        );
        assert_eq!(
            opts.finish(),
            "user,cache.direct=off,cache.no-flush=on,size=1M,hostfwd=tcp::1-:2,hostfwd=tcp::3-:4"
        );
    }
}
