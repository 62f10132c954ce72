//! The server's types and methods are what the interface definition says.

use std::path::Path;

#[test]
fn the_server_is_up_to_date() {
    let control = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control");
    let files = std::fs::read_dir(control.join("idl")).unwrap();
    let definitions: Vec<String> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "varlink"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let expected = bindings::server(&bindings::Model::parse(&definitions).unwrap());
    let path = control.join("src/generated.rs");
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "crates/control/src/generated.rs is not what the definition says; run: UPDATE_BINDINGS=1 cargo test -p bindings"
    );
}
