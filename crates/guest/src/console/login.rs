//! From a console that may still be booting to a shell.

use std::time::Duration;

use regex::Regex;
use tokio::time::{Instant, timeout_at};

use super::kernel::in_front_of_message;
use super::{Console, From, Reader, Shell};
use crate::error::{Attempt, Cause, GuestError};

/// How long a line has to stay as it is before it counts as a question: "login:" may be the beginning of a longer line.
const SETTLE: Duration = Duration::from_millis(100);

/// After how much silence a line end is sent, since kernel messages may have driven a prompt out of sight.
const SILENCE: Duration = Duration::from_secs(4);

/// After how much talk without a question a line end is sent all the same: a prompt may have been driven out of sight by what has no end.
const TALK: Duration = Duration::from_secs(12);

/// How long a supposed shell may take to answer before the prompt is taken for an accident.
const PROBE: Duration = Duration::from_secs(5);

/// What the kernel says as its last and its first word: whoever asked before is gone.
const RESTARTS: [&str; 2] = ["reboot:", "Linux version"];

fn is_restart(line: &str) -> bool {
    RESTARTS.iter().any(|word| line.contains(word))
}

/// How to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name to give when asked.
    pub user: Option<String>,
    /// The password to give when asked.
    pub password: Option<String>,
    /// What an unfinished last line looks like when a shell waits.
    pub prompt: Regex,
    /// What it looks like when a name is asked for.
    pub login_prompt: Regex,
    /// What it looks like when a password is asked for.
    pub password_prompt: Regex,
    /// What a line looks like that says the login was refused.
    pub refusal: Regex,
}

impl Default for Login {
    /// A console that gives a shell by itself, with a prompt like `[root@tiny ~]# `, `root@jeos:~# ` or `/ # `.
    fn default() -> Self {
        Login {
            user: None,
            password: None,
            prompt: constant(r"^\[.*\][\#\$]\s*$|^[\w.@:~/ -]*[\#\$]\s*$"),
            login_prompt: constant(r"(?i)\blogin:\s*$"),
            password_prompt: constant(r"(?i)\bpassword( for .*)?:\s*$"),
            refusal: constant(r"(?i)login incorrect|authentication failure|permission denied"),
        }
    }
}

impl Login {
    /// A login with a name and a password.
    pub fn as_user(user: impl Into<String>, password: impl Into<String>) -> Self {
        Login {
            user: Some(user.into()),
            password: Some(password.into()),
            ..Login::default()
        }
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants under test")]
fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern is valid")
}

/// What the end of a console's text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Shell,
    AsksName,
    AsksPassword,
    Nothing,
}

impl Login {
    fn look(&self, line: &str) -> Seen {
        if line.is_empty() {
            Seen::Nothing
        } else if self.password_prompt.is_match(line) {
            Seen::AsksPassword
        } else if self.login_prompt.is_match(line) {
            Seen::AsksName
        } else if self.prompt.is_match(line) {
            Seen::Shell
        } else {
            Seen::Nothing
        }
    }
}

/// The question a console stands at, followed through what the kernel says behind it.
struct Question {
    /// How much of the text is whole lines that were looked at.
    read: usize,
    /// What they end with.
    standing: Seen,
    /// What was seen last, the unfinished line included.
    seen: Seen,
    /// Since when.
    since: Instant,
}

impl Question {
    fn new() -> Self {
        Question {
            read: 0,
            standing: Seen::Nothing,
            seen: Seen::Nothing,
            since: Instant::now(),
        }
    }

    /// Looks at a text of which there is more than the last time.
    fn look(&mut self, login: &Login, text: &str) -> Seen {
        let mut seen = self.standing;
        for line in text[self.read..].split_inclusive('\n') {
            seen = self.after(login, line);
            if line.ends_with('\n') {
                self.read += line.len();
                self.standing = seen;
            }
        }
        if seen != self.seen {
            self.seen = seen;
            self.since = Instant::now();
        }
        seen
    }

    /// What the console asks after one more line, which may be unfinished.
    fn after(&self, login: &Login, line: &str) -> Seen {
        match in_front_of_message(line) {
            _ if is_restart(line) => Seen::Nothing,
            Some("") => self.standing,
            Some(front) => login.look(front),
            None if line.ends_with('\n') => Seen::Nothing,
            None => login.look(line),
        }
    }
}

impl Console {
    /// Waits for a shell, logging in where asked to. The guest may still be booting, or a shell may have been waiting for
    /// long; kernel messages in between do no harm.
    ///
    /// # Errors
    /// When no shell answers in time, the login is refused, or the console is closed.
    pub async fn wait_for_login(
        &self,
        login: &Login,
        limit: Duration,
    ) -> Result<Shell, GuestError> {
        let attempt = self.attempt("log in on the console", limit);
        let mut reader = self.reader(From::Restart);
        let mut named = false;
        let mut answered = false;
        // A shell that was made quiet before does not prompt, and one that was slow to answer will not: only asking helps.
        let mut supposed = self.has_quiet_shell(reader.text(), login);
        let mut first = true;
        loop {
            let seen = match supposed && first {
                true => Seen::Shell,
                false => self.settled(&mut reader, login, &attempt).await?,
            };
            first = false;
            refused(&reader, login, answered, &attempt)?;
            reader.consume_all();
            match (seen, &login.user, &login.password) {
                (Seen::AsksName, Some(user), _) => {
                    self.answer(&attempt, user).await?;
                    named = true;
                }
                (Seen::AsksPassword, Some(_), _) if !named => self.answer(&attempt, "").await?,
                (Seen::AsksPassword, _, Some(password)) => {
                    self.answer(&attempt, password).await?;
                    answered = true;
                }
                (Seen::AsksPassword, _, None) => {
                    return Err(attempt.fail(Cause::NoCredentials("password")));
                }
                (Seen::AsksName, None, _) => self.answer(&attempt, "").await?,
                (Seen::Nothing, ..) if !supposed => self.answer(&attempt, "").await?,
                (Seen::Shell | Seen::Nothing, ..) => {
                    supposed = true;
                    match Shell::probe(self, PROBE.min(attempt.left())).await {
                        Ok(shell) => return Ok(shell),
                        Err(error) if error.is_timeout() => {}
                        Err(error) => return Err(attempt.fail(*error.cause)),
                    }
                }
            }
        }
    }

    /// Waits until a shell, or the question who wants one, is waiting, and leaves it as it is.
    ///
    /// # Errors
    /// When nothing prompts in time or the console is closed.
    pub async fn wait_for_prompt(&self, login: &Login, limit: Duration) -> Result<(), GuestError> {
        let attempt = self.attempt("see the guest prompt", limit);
        let mut reader = self.reader(From::Restart);
        while self.settled(&mut reader, login, &attempt).await? == Seen::Nothing {
            self.answer(&attempt, "").await?;
        }
        Ok(())
    }

    /// Whether the console's text ends with a shell of ours that waits for its next command.
    fn has_quiet_shell(&self, text: &str, login: &Login) -> bool {
        let Some(after) = Shell::text_after_last_answer(text) else {
            return false;
        };
        let restarted =
            |line: &str| is_restart(line) || line.contains("login:") || login.prompt.is_match(line);
        !after.lines().any(restarted)
    }

    /// Takes the shell that is known to wait on the console, as on a machine restored from a template.
    ///
    /// # Errors
    /// When no shell answers in time or the console is closed.
    pub async fn shell(&self, limit: Duration) -> Result<Shell, GuestError> {
        Shell::probe(self, limit).await
    }

    async fn answer(&self, attempt: &Attempt, line: &str) -> Result<(), GuestError> {
        self.send_within(attempt, format!("{line}\n").as_bytes())
            .await
    }

    /// Waits until the console asks for something, is silent for long, or talks for very long.
    async fn settled(
        &self,
        reader: &mut Reader,
        login: &Login,
        attempt: &Attempt,
    ) -> Result<Seen, GuestError> {
        let mut question = Question::new();
        let bored = Instant::now() + TALK;
        loop {
            let seen = question.look(login, reader.text());
            let until = match seen {
                Seen::Shell => return Ok(seen),
                Seen::AsksName if login.user.is_none() => question.since + SILENCE,
                Seen::AsksName | Seen::AsksPassword => question.since + SETTLE,
                Seen::Nothing => bored.min(Instant::now() + SILENCE),
            };
            match timeout_at(until, reader.more(attempt, "a shell prompt")).await {
                Ok(outcome) => outcome.map_err(|error| self.blame(error, seen, attempt))?,
                Err(_) => return Ok(seen),
            }
        }
    }

    /// A time-out in front of a question that could not be answered is told as that.
    fn blame(&self, error: GuestError, seen: Seen, attempt: &Attempt) -> GuestError {
        if error.is_timeout() && seen == Seen::AsksName {
            attempt.fail(Cause::NoCredentials("user name"))
        } else {
            error
        }
    }
}

fn refused(
    reader: &Reader,
    login: &Login,
    answered: bool,
    attempt: &Attempt,
) -> Result<(), GuestError> {
    let line = reader
        .text()
        .lines()
        .find(|line| login.refusal.is_match(line));
    match line {
        Some(line) if answered => Err(attempt.fail(Cause::LoginRefused(line.trim().to_string()))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_told_from_kernel_messages_and_banners() {
        let login = Login::default();
        assert_eq!(login.look("[root@tiny ~]# "), Seen::Shell);
        assert_eq!(login.look("root@jeos:~# "), Seen::Shell);
        assert_eq!(login.look("/ # "), Seen::Shell);
        assert_eq!(login.look("bash-5.2# "), Seen::Shell);
        assert_eq!(login.look("# "), Seen::Shell);
        assert_eq!(
            login.look("[    1.234567] EXT4-fs (vda1): mounted"),
            Seen::Nothing
        );
        assert_eq!(
            login.look("tiny login: root (automatic login)"),
            Seen::Nothing
        );
        assert_eq!(login.look("jeos login: "), Seen::AsksName);
        assert_eq!(login.look("Password: "), Seen::AsksPassword);
        assert_eq!(login.look("Last login: Sun Nov 22"), Seen::Nothing);
        assert_eq!(login.look(""), Seen::Nothing);
    }

    /// What a console asks that said a text, however the text came in pieces.
    fn asked(text: &str) -> Seen {
        let login = Login::default();
        let whole = Question::new().look(&login, text);
        let mut question = Question::new();
        for (end, letter) in text.char_indices() {
            question.look(&login, &text[..end + letter.len_utf8()]);
        }
        assert_eq!(question.seen, whole, "{text:?}");
        whole
    }

    #[test]
    fn a_question_stands_whatever_the_kernel_says_behind_it() {
        let flood = "[    1.234567] flood\n[    1.234568][   T12] flood\n";
        for (question, seen) in [
            ("[root@tiny ~]# ", Seen::Shell),
            ("jeos login: ", Seen::AsksName),
            ("Password: ", Seen::AsksPassword),
            ("Starting things ", Seen::Nothing),
        ] {
            for said in ["", "[    1.2", flood] {
                assert_eq!(asked(&format!("banner\n{flood}{question}{said}")), seen);
            }
            for answer in [
                "\n",
                "uname\n",
                "[    1.234567] flood\ngoes on\n",
                "[    1.234567] reboot: Restarting system\n",
                "[    1.234567] flood\n[    0.000000] Linux version 6.1\n",
            ] {
                let text = format!("{question}{answer}{flood}");
                assert_eq!(asked(&text), Seen::Nothing, "{text:?}");
            }
        }
        assert_eq!(asked(""), Seen::Nothing);
        assert_eq!(asked(flood), Seen::Nothing);
    }
}
