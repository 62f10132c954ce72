//! How does another language hold a machine? The interface definition and the server.

macro_rules! interface {
    ($name:literal) => {
        ($name, include_str!(concat!("../idl/", $name, ".varlink")))
    };
}

/// The interfaces, by name, as [varlink](https://varlink.org) describes them.
pub const INTERFACES: &[(&str, &str)] = &[
    interface!("org.virt-test.error"),
    interface!("org.virt-test.files"),
    interface!("org.virt-test.image"),
    interface!("org.virt-test.network"),
    interface!("org.virt-test.session"),
    interface!("org.virt-test.test"),
    interface!("org.virt-test.vm"),
];
