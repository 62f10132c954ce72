//! Clients of the last release get along with what is defined now.

#![expect(clippy::unwrap_used, reason = "what does not work out fails the test")]

use std::path::Path;

fn definitions(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "varlink"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn what_was_released_is_not_broken() {
    let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control/idl");
    let model = |dir: &Path| bindings::Model::parse(&definitions(dir)).unwrap();
    let broken = bindings::broken(&model(&idl.join("released")), &model(&idl));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
