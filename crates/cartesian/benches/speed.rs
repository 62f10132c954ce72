//! How long a whole process takes for each thing that can be asked, on the large configurations of the corpus.
//!
//! `cargo bench -p cartesian` prints a table: the fastest of several runs, and the ratio to the reference parser. The
//! reference's times are those measured for the corpus; where `VIRT_TEST_REFERENCE_PARSER` names its Python file, it is
//! run here and now instead (which takes minutes).
//!
//! `cargo bench -p cartesian -- WHAT FILE [LINE]…` measures one thing on one configuration. WHAT is `parse`, `count`,
//! `names`, `dicts` (iterate all, reading each key and value), `owned` (the same through the iterator of owned
//! variants) or `jsonl` (written to standard output).

use cartesian::{FsLoader, Options, Parser};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is measured on which file, the reference's seconds to parse and iterate, and the ratio to reach (for parsing,
/// that of 100 MB of text a second).
const CASES: [(&str, &str, f64, u32); 7] = [
    ("parse", "qemu_rhel_i440fx.cfg", 0.55, 20),
    ("count", "qemu_rhel_i440fx.cfg", 173.5, 300),
    ("names", "qemu_rhel_i440fx.cfg", 173.5, 300),
    ("dicts", "qemu_rhel_i440fx.cfg", 173.5, 100),
    ("owned", "qemu_rhel_i440fx.cfg", 173.5, 100),
    ("jsonl", "qemu_rhel_i440fx.cfg", 173.5, 40),
    ("names", "q05_pathological.cfg", 108.2, 1000),
];
const RUNS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match &args[..] {
        [] => table(),
        [what, file, lines @ ..] => measure(what, file, lines),
        _ => Err("usage: parse|count|names|dicts|owned|jsonl FILE [LINE]...".into()),
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark reports to its user")]
fn table() -> Result<()> {
    let corpus = std::env::var_os("VIRT_TEST_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let perf = corpus.join("cartesian/perf");
    if !perf.exists() {
        println!("skipped: no corpus at {}", corpus.display());
        return Ok(());
    }
    let reference = std::env::var("VIRT_TEST_REFERENCE_PARSER").ok();
    println!("what   file                       fastest   reference   ratio  to reach");
    for (what, file, recorded, wanted) in CASES {
        let path = perf.join(file);
        let mut fastest = Duration::MAX;
        for _ in 0..RUNS {
            let start = Instant::now();
            let status = Command::new(std::env::current_exe()?)
                .arg(what)
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            if !status.success() {
                return Err(format!("measuring {what} on {file} failed").into());
            }
            fastest = fastest.min(start.elapsed());
        }
        let theirs = match &reference {
            Some(parser) => reference_seconds(parser, what, &path)?,
            None => recorded,
        };
        let ours = fastest.as_secs_f64();
        println!(
            "{what:<6} {file:<24} {:>7.1} ms {theirs:>8.2} s {:>8.0} {wanted:>8}",
            ours * 1e3,
            theirs / ours
        );
    }
    Ok(())
}

/// How long the reference takes to parse, and for anything but parsing to go through all dictionaries.
fn reference_seconds(parser: &str, what: &str, file: &Path) -> Result<f64> {
    const SCRIPT: &str = "
import importlib.util, sys
spec = importlib.util.spec_from_file_location('reference', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
config = module.Parser(sys.argv[3])
if sys.argv[2] != 'parse':
    for _ in config.get_dicts():
        pass
";
    let start = Instant::now();
    let status = Command::new("python3")
        .args(["-c", SCRIPT, parser, what])
        .arg(file)
        .status()?;
    if !status.success() {
        return Err("the reference parser failed".into());
    }
    Ok(start.elapsed().as_secs_f64())
}

#[expect(clippy::print_stderr, reason = "a measuring tool reports to its user")]
fn measure(what: &str, file: &str, lines: &[String]) -> Result<()> {
    let start = Instant::now();
    let mut parser = Parser::new(FsLoader);
    parser.file(file);
    for line in lines {
        parser.line("argument", line);
    }
    let config = parser.finish()?;
    let parsed = start.elapsed();
    let options = Options::default();
    let (mut count, mut bytes) = (0_u64, 0_u64);
    match what {
        "parse" => {}
        "count" => count = config.count(&options)?,
        "names" => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let mut names = config.names(&options);
            while names.advance()? {
                count += 1;
                out.write_all(names.name().as_bytes())?;
                out.write_all(b"\n")?;
            }
        }
        "dicts" => {
            let mut variants = config.variants(&options);
            while variants.advance()? {
                count += 1;
                let pairs = variants.current();
                bytes += pairs
                    .iter()
                    .map(|(k, v)| (k.len() + v.len()) as u64)
                    .sum::<u64>();
            }
        }
        "owned" => {
            for variant in config.variants(&options) {
                count += 1;
                bytes += variant?
                    .iter()
                    .map(|(k, v)| (k.len() + v.len()) as u64)
                    .sum::<u64>();
            }
        }
        "jsonl" => {
            let mut out = std::io::stdout().lock();
            let mut buffer = Vec::new();
            let mut variants = config.variants(&options);
            while variants.advance()? {
                count += 1;
                variants.current().write_json(&mut buffer);
                buffer.push(b'\n');
                if buffer.len() > 1 << 16 {
                    out.write_all(&buffer)?;
                    bytes += buffer.len() as u64;
                    buffer.clear();
                }
            }
            out.write_all(&buffer)?;
            bytes += buffer.len() as u64;
        }
        other => return Err(format!("unknown measurement `{other}`").into()),
    }
    eprintln!(
        "{what}: {count} variants, {bytes} bytes, parsed in {:.1} ms, all in {:.1} ms",
        parsed.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}
