//! The Test Anything Protocol, versions 12 to 14 (<https://testanything.org>), as a program under test speaks it.
//!
//! What is indented (subtests of version 14, YAML) says more about the line at the margin that follows or precedes it, and is left to the
//! log; the line itself is the result.

use std::collections::HashSet;

use events::Verdict;
use harness::{Stop, SubResult, TestResult};

/// Names of failed sub-results in a reason.
const NAMED: usize = 5;

/// What a program has said so far.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    plan: Option<Plan>,
    points: Vec<Point>,
    numbers: HashSet<usize>,
    bailed_out: Option<String>,
    problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    count: usize,
    skip: Option<String>,
}

/// A sub-result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub number: usize,
    pub ok: bool,
    pub description: String,
    pub directive: Option<Directive>,
}

/// Why a sub-result does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    /// It was not tried.
    Skip(String),
    /// It is known to be wrong still.
    Todo(String),
}

impl Point {
    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match &*self.description {
            "" => format!("{}", self.number),
            description => description.to_owned(),
        }
    }

    /// As a part of the test. What is known to be wrong still has not been tried, as far as the verdict goes.
    pub(crate) fn result(&self) -> SubResult {
        let (verdict, reason) = match (&self.directive, self.ok) {
            (None, true) => (Verdict::Pass, None),
            (None, false) => (Verdict::Fail, None),
            (Some(Directive::Skip(reason)), _) => (Verdict::Skip, Some(reason.clone())),
            (Some(Directive::Todo(reason)), true) => {
                (Verdict::Warn, Some(format!("marked TODO: {reason}")))
            }
            (Some(Directive::Todo(reason)), false) => {
                (Verdict::Skip, Some(format!("TODO: {reason}")))
            }
        };
        SubResult {
            name: self.name(),
            verdict,
            reason,
        }
    }

    fn failed(&self) -> bool {
        !self.ok && self.directive.is_none()
    }
}

impl Tap {
    /// Takes the next line; returns the sub-result it is, if it is one.
    pub(crate) fn line(&mut self, line: &str) -> Option<Point> {
        let line = line.trim_end();
        if let Some(reason) = line.strip_prefix("Bail out!") {
            self.bailed_out.get_or_insert(reason.trim().to_owned());
            return None;
        }
        if let Some(plan) = plan(line) {
            if self.plan.is_some() {
                self.problems.push("there are two plans".to_owned());
            }
            self.plan = Some(plan);
            return None;
        }
        let point = point(line, self.points.len() + 1)?;
        if !self.numbers.insert(point.number) {
            self.problems
                .push(format!("sub-result {} came twice", point.number));
        }
        self.points.push(point.clone());
        Some(point)
    }

    /// What deserves a look in a test that passes.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let done = self
            .points
            .iter()
            .filter(|point| point.ok && matches!(point.directive, Some(Directive::Todo(_))));
        done.map(|point| format!("marked TODO, but it passes: {}", point.name()))
            .collect()
    }

    /// What all that was said amounts to.
    ///
    /// # Errors
    /// FAIL where something failed, or what came is not what was planned; SKIP where all was.
    pub(crate) fn verdict(&self) -> TestResult {
        if let Some(reason) = &self.bailed_out {
            let reason = match &**reason {
                "" => "no reason given",
                reason => reason,
            };
            return Err(Stop::fail(format!("it bailed out: {reason}")));
        }
        let failed: Vec<&Point> = self.points.iter().filter(|point| point.failed()).collect();
        if !failed.is_empty() {
            return Err(Stop::fail(self.failure(&failed)));
        }
        if let Some(problem) = self.problem() {
            return Err(Stop::fail(problem));
        }
        let skipped = self.points.iter().map(|point| match &point.directive {
            Some(Directive::Skip(reason)) => Some(reason),
            _ => None,
        });
        let plan_skip = self.plan.iter().map(|plan| plan.skip.as_ref());
        let reasons: Option<Vec<&String>> = match self.points.is_empty() {
            true => plan_skip.collect(),
            false => skipped.collect(),
        };
        match reasons {
            Some(mut reasons) => {
                reasons.dedup();
                let reasons: Vec<&str> = reasons.into_iter().map(String::as_str).collect();
                Err(Stop::skip(reasons.join("; ")))
            }
            None => Ok(()),
        }
    }

    fn failure(&self, failed: &[&Point]) -> String {
        let mut names: Vec<String> = failed
            .iter()
            .take(NAMED)
            .map(|point| point.name())
            .collect();
        if failed.len() > NAMED {
            names.push("…".to_owned());
        }
        format!(
            "{} of {} sub-results failed: {}",
            failed.len(),
            self.points.len(),
            names.join(", ")
        )
    }

    /// What came, against what was planned.
    fn problem(&self) -> Option<String> {
        let Some(plan) = &self.plan else {
            return Some(match self.points.len() {
                0 => "it said no TAP: neither a plan nor a sub-result".to_owned(),
                came => format!("{came} sub-results came, and no plan such as 1..{came}"),
            });
        };
        let (planned, came) = (plan.count, self.points.len());
        if planned != came {
            return Some(format!("{planned} sub-results were planned, {came} came"));
        }
        let outside = self
            .points
            .iter()
            .find(|point| point.number == 0 || point.number > planned);
        match outside {
            Some(point) => Some(format!(
                "sub-result {} is outside of plan 1..{planned}",
                point.number
            )),
            None => self.problems.first().cloned(),
        }
    }
}

/// `1..N`, `1..0 # SKIP reason`.
fn plan(line: &str) -> Option<Plan> {
    let rest = line.strip_prefix("1..")?;
    let (count, comment) = match rest.split_once('#') {
        Some((count, comment)) => (count, Some(comment)),
        None => (rest, None),
    };
    let count = count.trim().parse().ok()?;
    let skip = comment.and_then(|comment| after_word(comment.trim(), "skip"));
    // A plan of nothing is meant, whatever it says.
    let skip = skip.or_else(|| (count == 0).then(|| "nothing was planned (1..0)".to_owned()));
    Some(Plan {
        count,
        skip: skip.filter(|_| count == 0),
    })
}

/// `ok 1 - description # SKIP reason`; `next` is the number of one that has none.
fn point(line: &str, next: usize) -> Option<Point> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let ends = rest[digits..]
        .chars()
        .next()
        .is_none_or(char::is_whitespace);
    let (number, rest) = match rest[..digits].parse() {
        Ok(number) if ends => (number, rest[digits..].trim_start()),
        _ => (next, rest),
    };
    let (description, directive) = directive(rest);
    let description = description.trim();
    let description = description.strip_prefix("- ").unwrap_or(description);
    Some(Point {
        number,
        ok,
        description: description.replace("\\#", "#"),
        directive,
    })
}

/// Cuts the directive off: behind the first `#` that is not escaped and that one follows.
fn directive(text: &str) -> (&str, Option<Directive>) {
    for (at, _) in text.match_indices('#') {
        if text[..at].ends_with('\\') {
            continue;
        }
        let comment = text[at + 1..].trim();
        let found = after_word(comment, "skip")
            .map(Directive::Skip)
            .or_else(|| after_word(comment, "todo").map(Directive::Todo));
        if found.is_some() {
            return (&text[..at], found);
        }
    }
    (text, None)
}

/// What stands behind `word`, whatever its case; `SKIPPED` will do as well.
fn after_word(text: &str, word: &str) -> Option<String> {
    let begins = text
        .get(..word.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if !begins {
        return None;
    }
    let rest = text[word.len()..].trim_start_matches(|c: char| c.is_alphanumeric());
    let reason = rest.trim_start_matches([':', ' ', '\t']).trim();
    Some(match reason {
        "" => "no reason given".to_owned(),
        reason => reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Tap {
        let mut tap = Tap::default();
        text.lines().for_each(|line| drop(tap.line(line)));
        tap
    }

    fn verdict(text: &str) -> String {
        match said(text).verdict() {
            Ok(()) => "PASS".to_owned(),
            Err(stop) => stop.to_string(),
        }
    }

    #[test]
    fn all_that_was_planned_and_came_passes() {
        assert_eq!(
            verdict("TAP version 13\n1..2\nok 1 - one\n# a comment\nok 2\n"),
            "PASS"
        );
        assert_eq!(
            verdict("ok\nok\n1..2"),
            "PASS",
            "neither numbers nor an early plan are needed"
        );
        assert_eq!(
            verdict("noise\n1..1\nokay then\nok 1 - a \\# b # c"),
            "PASS"
        );
        let nested = "1..1\n    ok 1 - inner\n    not ok 2 - inner\n    1..2\nok 1 - outer\n  ---\n  message: x\n  ...\n";
        assert_eq!(
            verdict(nested),
            "PASS",
            "the line at the margin is the result"
        );
    }

    #[test]
    fn what_failed_is_named() {
        assert_eq!(
            verdict("1..3\nok 1\nnot ok 2 - plug\nnot ok 3"),
            "FAIL: 2 of 3 sub-results failed: plug, 3"
        );
        let many = (1..=7)
            .map(|n| format!("not ok {n} - t{n}\n"))
            .collect::<String>();
        assert_eq!(
            verdict(&format!("1..7\n{many}")),
            "FAIL: 7 of 7 sub-results failed: t1, t2, t3, t4, t5, …"
        );
        assert_eq!(
            verdict("1..2\nok 1\nBail out! no disk"),
            "FAIL: it bailed out: no disk"
        );
    }

    #[test]
    fn what_did_not_come_as_planned_fails() {
        for (text, told) in [
            ("", "it said no TAP"),
            ("ok 1\nok 2", "no plan such as 1..2"),
            ("1..3\nok 1\nok 2", "3 sub-results were planned, 2 came"),
            ("1..1\nok 1\nok 2", "1 sub-results were planned, 2 came"),
            ("1..2\nok 1\nok 1", "sub-result 1 came twice"),
            ("1..2\nok 1\nok 7", "sub-result 7 is outside of plan 1..2"),
            ("1..1\n1..1\nok 1", "two plans"),
        ] {
            let verdict = verdict(text);
            assert!(
                verdict.starts_with("FAIL") && verdict.contains(told),
                "{text}: {verdict}"
            );
        }
    }

    #[test]
    fn skip_and_todo_do_not_fail_and_a_test_that_tried_nothing_is_skipped() {
        assert_eq!(verdict("1..2\nok 1 # SKIP no root\nok 2"), "PASS");
        assert_eq!(verdict("1..1\nok 1 - it # skip: no root"), "SKIP: no root");
        assert_eq!(
            verdict("1..2\nok 1 # SKIP\nok 2 # Skipped"),
            "SKIP: no reason given"
        );
        assert_eq!(verdict("1..0 # SKIP no KVM"), "SKIP: no KVM");
        assert_eq!(verdict("1..0"), "SKIP: nothing was planned (1..0)");
        assert_eq!(verdict("1..1\nnot ok 1 # TODO one day"), "PASS");
        let done = said("1..1\nok 1 - it # TODO one day");
        assert_eq!(done.warnings(), ["marked TODO, but it passes: it"]);
    }

    #[test]
    fn a_point_is_read_whole() {
        let read = point("not ok 12 - a #1 b # TODO later", 1).unwrap();
        assert_eq!(
            (read.number, read.ok, &*read.description),
            (12, false, "a #1 b")
        );
        assert_eq!(read.directive, Some(Directive::Todo("later".into())));
        assert_eq!(point("ok 2nd try", 5).unwrap().description, "2nd try");
        assert_eq!(point("ok 2nd try", 5).unwrap().number, 5);
        assert_eq!(point("okay", 1), None);
    }
}
