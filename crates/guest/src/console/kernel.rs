//! What the kernel says on a console that others use at the same time.
//!
//! A message begins with its time and ends with its line. It may come in the midst of anybody's line, which goes on behind it. It is whole itself
//! where the console's driver keeps others out meanwhile, as that of a serial port (8250) does; on a virtio console others' lines tear it, too.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// The time a message begins with, and where the kernel is made to tell, the task or CPU (`CONFIG_PRINTK_CALLER`).
const STAMP: &str = r"\[ *\d+\.\d{6}\](\[ *[TC]\d+\])? ";

/// A message, wherever it begins.
static MESSAGE: LazyLock<Regex> = LazyLock::new(|| constant(&format!(r"{STAMP}[^\n]*\n")));

/// A message that begins where the text does.
static MESSAGE_HERE: LazyLock<Regex> = LazyLock::new(|| constant(&format!(r"^{STAMP}[^\n]*\n")));

/// Where a message begins in a line, be it that no more than a part of its time has come.
static BEGINNING: LazyLock<Regex> = LazyLock::new(|| constant(&format!(r"{STAMP}|\[[ \d.]*\]?$")));

#[expect(clippy::expect_used, reason = "the patterns are constants under test")]
fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern is valid")
}

/// A console's text without what the kernel said in between.
pub(super) fn without_messages(text: &str) -> String {
    MESSAGE.replace_all(text, "").into_owned()
}

/// What stands in a line in front of a message; none when there is no message in it. The line has its end, if that has come.
pub(super) fn in_front_of_message(line: &str) -> Option<&str> {
    BEGINNING.find(line).map(|found| &line[..found.start()])
}

/// What is known of something awaited in a text that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight<T> {
    /// Here it is.
    Whole(T),
    /// What begins at this byte may become it.
    Part(usize),
    /// It is not there.
    Nothing,
}

/// Looks for a mark, be it that messages have torn it, though not behind its first byte. A mark is ASCII without brackets.
pub(super) fn find_mark(text: &str, mark: &str) -> Sight<Range<usize>> {
    find(text, mark, |_, place| Sight::Whole(place))
}

/// Looks for a mark with a number and a colon behind it; gives the place of the mark, and the number.
pub(super) fn find_numbered_mark(text: &str, mark: &str) -> Sight<(usize, i32)> {
    find(text, mark, |said, place| {
        let mut number = String::new();
        loop {
            match said.next() {
                None => return Sight::Part(place.start),
                Some(b':') => match number.parse() {
                    Ok(number) => return Sight::Whole((place.start, number)),
                    Err(_) => return Sight::Nothing,
                },
                Some(byte) if byte.is_ascii_digit() => number.push(char::from(byte)),
                Some(_) => return Sight::Nothing,
            }
        }
    })
}

/// Looks for a mark of which `rest` accepts what follows.
fn find<T>(
    text: &str,
    mark: &str,
    rest: impl Fn(&mut Said<'_>, Range<usize>) -> Sight<T>,
) -> Sight<T> {
    let &[first, second, ..] = mark.as_bytes() else {
        return Sight::Nothing;
    };
    let mut sight = Sight::Nothing;
    for (start, _) in text.match_indices(char::from(first)) {
        let follows = text.as_bytes().get(start + 1);
        if follows.is_some_and(|&byte| byte != second) {
            continue;
        }
        let mut said = Said { text, at: start };
        let found = match said.follow(mark) {
            Sight::Whole(()) => {
                let place = start..said.at;
                rest(&mut said, place)
            }
            Sight::Part(_) => Sight::Part(start),
            Sight::Nothing => continue,
        };
        match (found, &sight) {
            (whole @ Sight::Whole(_), _) => return whole,
            (part @ Sight::Part(_), Sight::Nothing) => sight = part,
            _ => {}
        }
    }
    sight
}

/// The bytes of a text that are no kernel's, as far as that is known.
struct Said<'a> {
    text: &'a str,
    at: usize,
}

impl Said<'_> {
    fn follow(&mut self, mark: &str) -> Sight<()> {
        for wanted in mark.bytes() {
            match self.next() {
                Some(byte) if byte == wanted => {}
                Some(_) => return Sight::Nothing,
                None => return Sight::Part(self.at),
            }
        }
        Sight::Whole(())
    }

    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte == b'[' {
                let rest = &self.text[self.at..];
                if let Some(message) = MESSAGE_HERE.find(rest) {
                    self.at += message.end();
                    continue;
                }
                if !rest.contains('\n') {
                    // It may become a message.
                    return None;
                }
            }
            self.at += 1;
            return Some(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "\nVT-END-1-1:";

    #[test]
    fn messages_are_taken_out_of_the_midst_of_lines() {
        let torn =
            "QUJD[   12.345678] usb 1-1: new\n[ 12.345679][   T12] x\nREVG\n[1] no message\n";
        assert_eq!(without_messages(torn), "QUJDREVG\n[1] no message\n");
    }

    #[test]
    fn what_stands_in_front_of_a_message_is_told() {
        for (line, front) in [
            ("", None),
            ("# ", None),
            ("[root@tiny ~]# ", None),
            (
                "[root@tiny ~]# [   12.345678] oops",
                Some("[root@tiny ~]# "),
            ),
            ("[root@tiny ~]# [   12.3", Some("[root@tiny ~]# ")),
            ("[   12.345678] oops", Some("")),
            ("[   12.345678][  T123] oops", Some("")),
            ("[", Some("")),
            ("a [1]\n", None),
        ] {
            assert_eq!(in_front_of_message(line), front, "{line:?}");
        }
    }

    #[test]
    fn a_mark_is_found_however_it_is_torn() {
        let message = "[   12.345678] flood: of \n";
        for cut in 2..=MARK.len() {
            let (head, tail) = MARK.split_at(cut);
            let torn = format!("out{head}{message}{message}{tail}5{message}:\n");
            assert_eq!(
                find_numbered_mark(&torn, MARK),
                Sight::Whole((3, 5)),
                "{torn:?}"
            );
        }
    }

    #[test]
    fn a_mark_is_in_doubt_as_long_as_it_may_come() {
        let whole = "ab\nVT-E[   12.345678] x\nND-1-1:17[   12.345678] x\n:";
        assert_eq!(find_numbered_mark(whole, MARK), Sight::Whole((2, 17)));
        for end in 3..whole.len() {
            let text = &whole[..end];
            assert_eq!(find_numbered_mark(text, MARK), Sight::Part(2), "{text:?}");
        }
        let colon = whole.find(':').map(|at| at + 1).unwrap_or_default();
        assert_eq!(find_mark(whole, MARK), Sight::Whole(2..colon));
        for text in [
            "",
            "ab",
            "ab\nVT-X",
            "ab\nVT-E[1] x\nND-1-1:",
            "\n[   12.345678] x",
            "\nVT-END-1-1::",
            "\nVT-END-1-1:1x:",
        ] {
            assert_eq!(find_numbered_mark(text, MARK), Sight::Nothing, "{text:?}");
        }
        let again = "\nVT-END-1-1:[ 1.2] oops: x\nVT-END-1-1:3:\n";
        assert_eq!(find_numbered_mark(again, MARK), Sight::Whole((26, 3)));
    }
}
