//! Measures one thing on one configuration, as a whole process: `measure WHAT FILE [LINE]…`.
//!
//! WHAT is `parse`, `count`, `names`, `dicts` (iterate all, reading each key and value), `owned` (the same through
//! the iterator of owned variants) or `jsonl` (written to standard output).

use cartesian::{FsLoader, Options, Parser};
use std::io::Write;
use std::time::Instant;

#[expect(clippy::print_stderr, reason = "a measuring tool reports to its user")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(what), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: measure parse|count|names|dicts|owned|jsonl FILE [LINE]...".into());
    };
    let start = Instant::now();
    let mut parser = Parser::new(FsLoader);
    parser.file(&file);
    for line in args {
        parser.line("argument", &line);
    }
    let config = parser.finish()?;
    let parsed = start.elapsed();
    let options = Options::default();
    let (mut count, mut bytes) = (0_u64, 0_u64);
    match what.as_str() {
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
