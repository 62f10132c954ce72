//! The fast walk against the plain meaning: on random configurations the library gives the variants that multiplying
//! out and then filtering gives, with the same names, in the same order, with the same dictionaries.
//!
//! `VIRT_TEST_PROPERTY_CASES` sets how many configurations are tried, `VIRT_TEST_PROPERTY_SEED` where they start.

#![expect(clippy::unwrap_used, reason = "a test")]

mod generate;
mod model;

use cartesian::{Config, EvalError, MemoryLoader, Options, Parser, Why};
use generate::Generator;
use model::{Dict, Model, Stmt};

fn parse(config: &[Stmt]) -> Config {
    let (text, included) = model::texts(config);
    let mut files = MemoryLoader::new();
    if let Some(included) = included {
        files.insert("inc.cfg", included);
    }
    let mut parser = Parser::new(&files);
    parser.text("random", &text);
    parser
        .finish()
        .unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// What the library says, and whether it ended in an error.
fn actual(config: &Config, options: &Options) -> (Vec<Dict>, bool) {
    let mut dicts = Vec::new();
    for variant in config.variants(options) {
        let variant = match variant {
            Ok(variant) => variant,
            Err(EvalError::JoinNames { .. }) => return (dicts, true),
            Err(error) => panic!("{error}"),
        };
        dicts.push(Dict {
            name: variant.name().to_owned(),
            shortname: variant.shortname().to_owned(),
            dep: variant.dep().to_vec(),
            entries: variant
                .iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
            maps: [variant.name_map(), variant.short_name_map()].map(|mut map| {
                map.sort_unstable();
                map
            }),
        });
    }
    (dicts, false)
}

fn check(seed: u64) -> usize {
    let mut generator = Generator::new(seed);
    let stmts = generator.config();
    let defaults = generator.random.chance(25);
    let expand = if generator.random.chance(30) {
        vec!["v".to_owned()]
    } else {
        Vec::new()
    };
    let model = Model {
        defaults,
        expand: &expand,
    };
    let expected = model.dicts(&stmts);
    let config = parse(&stmts);
    let options = Options {
        defaults,
        expand: expand.clone(),
    };
    let (got, failed) = actual(&config, &options);
    let text = || model::texts(&stmts);
    assert_eq!(
        got,
        expected,
        "seed {seed}, {options:?}: {:?}\n{}",
        text(),
        text().0
    );
    if failed {
        return got.len();
    }
    let count = config.count(&options).unwrap();
    assert_eq!(
        count,
        expected.len() as u64,
        "count, seed {seed}\n{}",
        text().0
    );
    let names = config.names(&options).map(|name| name.unwrap().name);
    assert!(
        names.eq(expected.iter().map(|d| d.name.clone())),
        "names, seed {seed}"
    );
    // Explaining takes many walks; a sample will do.
    if seed.is_multiple_of(20) {
        check_why_empty(&config, &options, count, seed);
    }
    got.len()
}

fn check_why_empty(config: &Config, options: &Options, count: u64, seed: u64) {
    match config.why_empty(options) {
        None => assert!(count > 0, "why_empty, seed {seed}"),
        Some(Why::Removed(removal)) => {
            assert_eq!(count, 0, "why_empty, seed {seed}");
            assert_ne!(removal.left_before, Some(0), "why_empty, seed {seed}");
        }
        Some(_) => assert_eq!(count, 0, "why_empty, seed {seed}"),
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn the_walk_gives_what_multiplying_out_and_filtering_gives() {
    let cases = number("VIRT_TEST_PROPERTY_CASES", 2000);
    let first = number("VIRT_TEST_PROPERTY_SEED", 1);
    let mut variants = 0;
    let mut empty = 0;
    for seed in first..first + cases {
        let found = check(seed);
        variants += found;
        empty += usize::from(found == 0);
    }
    println!("{cases} configurations ({empty} empty), {variants} variants equal");
    assert!(
        variants > cases as usize,
        "the generator has become too strict to test anything"
    );
}
