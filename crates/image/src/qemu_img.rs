//! `qemu-img`, typed: disk images made, looked at and changed.

use crate::ImageFormat;
use crate::command::quoted;
use crate::{Error, Result};
use serde::Deserialize;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// What to create.
#[derive(Clone, Debug)]
pub struct NewImage {
    /// Its format.
    pub format: ImageFormat,
    /// Its virtual size in bytes; an overlay without one is as large as what it covers.
    pub size: Option<u64>,
    /// What it is an overlay of.
    pub backing: Option<Backing>,
    /// Options of the format, for `-o`.
    pub options: Vec<(String, String)>,
}

impl NewImage {
    /// An empty image.
    #[must_use]
    pub fn blank(format: ImageFormat, size: u64) -> Self {
        Self {
            format,
            size: Some(size),
            backing: None,
            options: Vec::new(),
        }
    }

    /// A qcow2 overlay: what is written goes there, what is not written is read from below.
    pub fn overlay(backing: impl Into<PathBuf>, backing_format: ImageFormat) -> Self {
        let backing = Backing {
            path: backing.into(),
            format: backing_format,
        };
        Self {
            format: ImageFormat::Qcow2,
            size: None,
            backing: Some(backing),
            options: Vec::new(),
        }
    }
}

/// The image below an overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backing {
    /// Where it is.
    pub path: PathBuf,
    /// Its format, which is always given: guessing it lets a guest choose what of the host it reads.
    pub format: ImageFormat,
}

/// What `qemu-img info` says (QAPI `ImageInfo`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageInfo {
    /// The image.
    pub filename: PathBuf,
    /// QEMU's name of the format.
    pub format: String,
    /// Bytes the guest sees.
    pub virtual_size: u64,
    /// Bytes it takes on the host, where that is known.
    pub actual_size: Option<u64>,
    /// Bytes of a cluster, where the format has clusters.
    pub cluster_size: Option<u64>,
    /// The image below, as written in this one.
    pub backing_filename: Option<PathBuf>,
    /// The image below, made absolute.
    pub full_backing_filename: Option<PathBuf>,
    /// The format of the image below.
    pub backing_filename_format: Option<String>,
    /// Set while a program writes to it, and for ever if that program was killed.
    #[serde(default)]
    pub dirty_flag: bool,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Internal snapshots.
    #[serde(default)]
    pub snapshots: Vec<SnapshotInfo>,
    /// What only this format has.
    pub format_specific: Option<serde_json::Value>,
}

/// An internal snapshot (QAPI `SnapshotInfo`).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotInfo {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Bytes of machine state.
    pub vm_state_size: u64,
}

/// What `qemu-img check` found (QAPI `ImageCheck`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct CheckReport {
    /// Errors of the check itself.
    pub check_errors: u64,
    /// Places where data is wrong or may go wrong.
    pub corruptions: u64,
    /// Clusters no one uses.
    pub leaks: u64,
    /// Errors mended, when mending was asked for.
    pub corruptions_fixed: u64,
    /// Leaks mended, when mending was asked for.
    pub leaks_fixed: u64,
    /// Clusters in use.
    pub allocated_clusters: Option<u64>,
    /// Clusters there are.
    pub total_clusters: Option<u64>,
}

impl CheckReport {
    /// Whether nothing is wrong; leaks cost space and nothing else, but a clean shutdown leaves none.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.check_errors == 0 && self.corruptions == 0 && self.leaks == 0
    }
}

/// What `qemu-img check` is to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing.
    Nothing,
    /// Leaked clusters, which is always safe.
    Leaks,
    /// Everything.
    All,
}

/// How much room an image needs (QAPI `BlockMeasureInfo`).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measure {
    /// Bytes of a new image.
    pub required: u64,
    /// Bytes when the guest has written everything.
    pub fully_allocated: u64,
}

/// A change to an image's internal snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// Take one.
    Create,
    /// Go back to it.
    Apply,
    /// Delete it.
    Delete,
}

/// A `qemu-img` binary. A call that is dropped kills its process.
#[derive(Clone, Debug)]
pub struct QemuImg {
    program: PathBuf,
}

impl QemuImg {
    /// This binary; a bare name is searched for in `PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
        }
    }

    /// The binary.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Creates an image.
    ///
    /// # Errors
    /// [`Error::Spawn`] when there is no such binary, [`Error::Command`] with what it said when it fails.
    pub async fn create(&self, path: &Path, image: &NewImage) -> Result<()> {
        let mut args = words(["create", "-q", "-f", image.format.as_str()]);
        if let Some(backing) = &image.backing {
            args.extend([OsString::from("-b"), backing.path.clone().into()]);
            args.extend(words(["-F", backing.format.as_str()]));
        }
        args.extend(joined_options(&image.options));
        args.push(path.into());
        args.extend(image.size.map(|size| size.to_string().into()));
        self.run(args).await.map(drop)
    }

    /// Looks at an image, even while a guest writes to it.
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`Error::Answer`] when the answer is not understood.
    pub async fn info(&self, path: &Path) -> Result<ImageInfo> {
        let mut args = words(["info", "-U", "--output=json"]);
        args.push(path.into());
        self.ask(args).await
    }

    /// Looks at an image and all images below it, the topmost first.
    ///
    /// # Errors
    /// As [`info`](Self::info).
    pub async fn chain(&self, path: &Path) -> Result<Vec<ImageInfo>> {
        let mut args = words(["info", "-U", "--output=json", "--backing-chain"]);
        args.push(path.into());
        self.ask(args).await
    }

    /// Checks that an image's own data is consistent; nothing if its format has no such check.
    ///
    /// # Errors
    /// As [`info`](Self::info). What the check finds wrong with the image is not an error but in the report.
    pub async fn check(
        &self,
        path: &Path,
        format: ImageFormat,
        repair: Repair,
    ) -> Result<Option<CheckReport>> {
        const NOT_SUPPORTED: i32 = 63;

        let mut args = words(["check", "--output=json", "-f", format.as_str()]);
        match repair {
            Repair::Nothing => {}
            Repair::Leaks => args.extend(words(["-r", "leaks"])),
            Repair::All => args.extend(words(["-r", "all"])),
        }
        args.push(path.into());
        let (shown, output) = self.output(args).await?;
        // 2 and 3 mean corruption and leaks: the report has the numbers.
        match output.status.code() {
            Some(0 | 2 | 3) => parse(&shown, &output.stdout).map(Some),
            Some(NOT_SUPPORTED) => Ok(None),
            _ => Err(failure(shown, &output)),
        }
    }

    /// Copies an image's contents into a new image.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn convert(
        &self,
        source: &Path,
        source_format: ImageFormat,
        target: &Path,
        image: &NewImage,
    ) -> Result<()> {
        let mut args = words([
            "convert",
            "-q",
            "-f",
            source_format.as_str(),
            "-O",
            image.format.as_str(),
        ]);
        if let Some(backing) = &image.backing {
            args.extend([OsString::from("-B"), backing.path.clone().into()]);
            args.extend(words(["-F", backing.format.as_str()]));
        }
        args.extend(joined_options(&image.options));
        args.extend([source.into(), target.into()]);
        self.run(args).await.map(drop)
    }

    /// Changes an image's virtual size; making it smaller loses what was behind the new end.
    ///
    /// # Errors
    /// As [`create`](Self::create); without `shrink` a smaller size is refused.
    pub async fn resize(
        &self,
        path: &Path,
        format: ImageFormat,
        size: u64,
        shrink: bool,
    ) -> Result<()> {
        let mut args = words(["resize", "-q", "-f", format.as_str()]);
        if shrink {
            args.push("--shrink".into());
        }
        args.extend([path.into(), size.to_string().into()]);
        self.run(args).await.map(drop)
    }

    /// Whether a guest would see the same bytes in both images.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn same_contents(&self, one: &Backing, other: &Backing) -> Result<bool> {
        let mut args = words([
            "compare",
            "-q",
            "-U",
            "-f",
            one.format.as_str(),
            "-F",
            other.format.as_str(),
        ]);
        args.extend([one.path.clone().into(), other.path.clone().into()]);
        let (shown, output) = self.output(args).await?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(failure(shown, &output)),
        }
    }

    /// How much room an empty image of this format and size, or a copy of `source`, would take.
    ///
    /// # Errors
    /// As [`info`](Self::info).
    pub async fn measure(&self, image: &NewImage, source: Option<&Backing>) -> Result<Measure> {
        let mut args = words(["measure", "--output=json", "-O", image.format.as_str()]);
        args.extend(joined_options(&image.options));
        match source {
            Some(source) => {
                args.extend(words(["-f", source.format.as_str()]));
                args.push(source.path.clone().into());
            }
            None => args.extend(words(["--size", &image.size.unwrap_or(0).to_string()])),
        }
        self.ask(args).await
    }

    /// Takes, applies or deletes an internal snapshot of an image no guest uses.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn snapshot(&self, path: &Path, change: Snapshot, name: &str) -> Result<()> {
        let flag = match change {
            Snapshot::Create => "-c",
            Snapshot::Apply => "-a",
            Snapshot::Delete => "-d",
        };
        let mut args = words(["snapshot", "-q", flag, name]);
        args.push(path.into());
        self.run(args).await.map(drop)
    }

    /// Puts another image below an overlay, keeping what the guest sees; with nothing, the overlay stands alone.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn rebase(
        &self,
        path: &Path,
        format: ImageFormat,
        backing: Option<&Backing>,
    ) -> Result<()> {
        let mut args = words(["rebase", "-q", "-f", format.as_str(), "-b"]);
        match backing {
            Some(backing) => {
                args.push(backing.path.clone().into());
                args.extend(words(["-F", backing.format.as_str()]));
            }
            None => args.push("".into()),
        }
        args.push(path.into());
        self.run(args).await.map(drop)
    }

    /// Writes what an overlay holds into the image below it.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn commit(&self, path: &Path, format: ImageFormat) -> Result<()> {
        let mut args = words(["commit", "-q", "-f", format.as_str()]);
        args.push(path.into());
        self.run(args).await.map(drop)
    }

    /// Runs a subcommand there is no method for and gives back its standard output.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
        let (shown, output) = self.output(args).await?;
        if !output.status.success() {
            return Err(failure(shown, &output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, args: Vec<OsString>) -> Result<T> {
        let (shown, output) = self.output(args).await?;
        if !output.status.success() {
            return Err(failure(shown, &output));
        }
        parse(&shown, &output.stdout)
    }

    async fn output(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<(String, Output)> {
        let args: Vec<OsString> = args
            .into_iter()
            .map(|arg| arg.as_ref().to_owned())
            .collect();
        let shown = std::iter::once(self.program.as_os_str())
            .chain(args.iter().map(OsString::as_os_str))
            .map(|word| quoted(&word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ");
        tracing::debug!(command = shown, "running");
        let output = tokio::process::Command::new(&self.program)
            .args(args)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| Error::Spawn {
                program: self.program.clone(),
                purpose: "work on disk images",
                source,
            })?;
        Ok((shown, output))
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// `-o name=value,…`, where a comma in a value is doubled.
fn joined_options(options: &[(String, String)]) -> Option<OsString> {
    let list: Vec<String> = options
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(',', ",,")))
        .collect();
    (!list.is_empty()).then(|| format!("-o{}", list.join(",")).into())
}

fn failure(command: String, output: &Output) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = stderr.trim();
    // Every line starts with the program's name, which the command line has already said.
    Error::Command {
        command,
        status: output.status.to_string(),
        stderr: stderr
            .strip_prefix("qemu-img: ")
            .unwrap_or(stderr)
            .to_owned(),
    }
}

fn parse<T: for<'a> Deserialize<'a>>(command: &str, stdout: &[u8]) -> Result<T> {
    serde_json::from_slice(stdout).map_err(|error| Error::Answer {
        command: command.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_an_option_does_not_end_it() {
        let options = [
            ("a".to_owned(), "1,2".to_owned()),
            ("b".to_owned(), "3".to_owned()),
        ];
        assert_eq!(joined_options(&options).unwrap(), "-oa=1,,2,b=3");
        assert_eq!(joined_options(&[]), None);
    }

    #[tokio::test]
    async fn a_missing_binary_says_how_to_get_it() {
        let error = QemuImg::new("/nonexistent/qemu-img")
            .info(Path::new("x"))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("could not run /nonexistent/qemu-img"),
            "{error}"
        );
        assert_eq!(error.hint().as_deref(), Some("apt-get install qemu-utils"));
    }
}
