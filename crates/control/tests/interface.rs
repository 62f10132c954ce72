//! The interface definition is well-formed, and says of everything what it is.

use control::INTERFACES;
use varlink_parser::IDL;

#[test]
fn the_interfaces_are_varlink_and_named_as_their_files() {
    for (name, text) in INTERFACES {
        let interface = IDL::try_from(*text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(interface.name, *name);
    }
}

#[test]
fn every_error_has_the_fields_all_errors_have() {
    let (_, text) = INTERFACES[0];
    let interface = IDL::try_from(text).unwrap();
    for (name, error) in interface.errors {
        let fields: Vec<&str> = error.parm.elts.iter().map(|field| field.name).collect();
        let all = ["message", "hint", "where", "verdict", "last_words"];
        assert_eq!(fields[..all.len()], all, "{name}");
    }
}
