//! `lint` and `fmt`: what is said about the text of a configuration.

use std::path::Path;

use serde::Serialize;

use crate::cli::{CommandError, Context, FmtArgs, Format, LintArgs, NO, OK};
use crate::project::{Project, SourceFile};
use crate::source::{Input, errors};

pub(super) fn lint(args: &LintArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let input = Input::open(args.file.as_deref(), context)?;
    // What does not parse has errors, which say more than findings could.
    input.parse(&[], context)?;
    let loader = input.loader(context);
    let (path, text) = input.root(context)?;
    let project = Project::load(SourceFile::new(path, text), loader);
    let findings: Vec<_> = crate::lint::lint(&project, context.keys, loader)
        .into_iter()
        .filter(|finding| args.only.is_empty() || args.only.contains(&finding.rule))
        .filter(|finding| !args.allow.contains(&finding.rule))
        .collect();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *context.out, &findings)?;
            writeln!(context.out)?;
        }
        Format::Text => {
            for finding in &findings {
                writeln!(
                    context.out,
                    "{}\n",
                    crate::render::finding(finding, context.color)
                )?;
            }
            writeln!(
                context.out,
                "{}",
                summary(findings.len(), project.files.len())
            )?;
        }
    }
    Ok(if findings.is_empty() { OK } else { NO })
}

fn summary(findings: usize, files: usize) -> String {
    let files = match files {
        1 => "1 file".to_owned(),
        more => format!("{more} files"),
    };
    match findings {
        0 => format!("no findings in {files}"),
        1 => format!("1 finding in {files}"),
        more => format!("{more} findings in {files}"),
    }
}

/// What `fmt` did or would do to a file.
#[derive(Debug, Serialize)]
struct Formatted {
    file: String,
    changed: bool,
}

pub(super) fn fmt(args: &FmtArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let mut results = Vec::new();
    for file in &args.files {
        if file == Path::new("-") {
            let (before, after) = formatted("<stdin>", &read_stdin(context)?, context)?;
            if !args.check {
                context.out.write_all(after.as_bytes())?;
            }
            results.push(Formatted {
                file: "<stdin>".to_owned(),
                changed: before != after,
            });
            continue;
        }
        let path = file.to_string_lossy().into_owned();
        let io_error = |what: &str| {
            let what = format!("{what} {path}");
            move |source| CommandError::Io { what, source }
        };
        let bytes = context.files.load(&path).map_err(io_error("read"))?;
        let (before, after) = formatted(&path, &bytes, context)?;
        let changed = before != after;
        if changed && !args.check {
            std::fs::write(file, &after).map_err(io_error("write"))?;
        }
        results.push(Formatted {
            file: path,
            changed,
        });
    }
    let stdin_answered = !args.check && args.files.iter().any(|file| file == Path::new("-"));
    if args.format == Format::Json && !stdin_answered {
        serde_json::to_writer_pretty(&mut *context.out, &results)?;
        writeln!(context.out)?;
    } else if args.check {
        for result in results.iter().filter(|result| result.changed) {
            writeln!(context.out, "not formatted: {}", result.file)?;
        }
    }
    let answer_is_no = args.check && results.iter().any(|result| result.changed);
    Ok(if answer_is_no { NO } else { OK })
}

/// The text before and after.
fn formatted(
    path: &str,
    bytes: &[u8],
    context: &Context<'_>,
) -> Result<(String, String), CommandError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(CommandError::usage(
            format!("failed to format {path}: it is not UTF-8"),
            None,
        ));
    };
    errors(path, text, context.files)?;
    Ok((text.to_owned(), crate::format(text)))
}

fn read_stdin(context: &mut Context<'_>) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    context
        .stdin
        .read_to_end(&mut bytes)
        .map_err(|source| CommandError::Io {
            what: "read standard input".to_owned(),
            source,
        })?;
    Ok(bytes)
}
