//! The reference page is what the table says.

use std::path::Path;

#[test]
fn the_page_of_keys_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/params.md");
    let expected = params::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/params.md is not what the table says; run: UPDATE_DOCS=1 cargo test -p params"
    );
}
