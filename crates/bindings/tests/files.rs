//! What is checked in is what the generator makes.

use std::path::Path;

#[test]
fn the_generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = std::fs::read_dir(root.join("crates/control/idl")).unwrap();
    let definitions: Vec<String> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "varlink"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(!definitions.is_empty());
    for (name, expected) in bindings::generate(&definitions).unwrap() {
        let path = root.join("bindings").join(name);
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "bindings/{name} is not what the definition says; run: UPDATE_BINDINGS=1 cargo test -p bindings"
        );
    }
}
