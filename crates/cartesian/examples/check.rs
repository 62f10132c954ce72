//! Shows the mistakes of a configuration: `check FILE`.

use cartesian::{FsLoader, Parser};

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn main() {
    let mut parser = Parser::new(FsLoader);
    for file in std::env::args().skip(1) {
        parser.file(&file);
    }
    match parser.finish() {
        Ok(_) => println!("no mistakes"),
        Err(errors) => println!("{}", errors.render(false)),
    }
}
