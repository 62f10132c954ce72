//! How does another language hold a machine? The interface definition and the server.
//!
//! [`Control::open`] binds the private socket of a running test, and [`Control::serve_while`] answers its clients as long as something else
//! goes on, such as the program that is the test:
//!
//! ```no_run
//! # async fn run(test: &harness::Test, program: impl Future<Output = ()>) -> harness::TestResult {
//! let control = control::Control::open(test)?;
//! println!("VIRT_TEST_SOCKET={}", control.socket().display());
//! control.serve_while(program).await;
//! control.said().map_or(Ok(()), Err)
//! # }
//! ```
//!
//! What goes over the socket is [varlink](https://varlink.org); [`INTERFACES`] is what can be said. Everything a client has under way ends
//! when it hangs up, and when the future of [`Control::serve_while`] is dropped.

mod call;
mod connection;
mod control;
mod failure;
#[rustfmt::skip]
mod generated;
mod methods;
mod service;
mod wire;

pub use control::Control;

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
