//! The attribute that makes a function a test.

mod about;
mod expand;
mod keys;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes an `async fn name(test: &mut Test) -> TestResult` a test called `name`.
///
/// Its entry in the configuration is made of its name and of the file `name.cfg` beside its source file, if there is one: the
/// parameters of the test, and any other Cartesian configuration that is to hold for it. A few lines may stand in the attribute
/// instead: `#[virt_test::test("mem = 1024", "only q35")]`. Keys the test reads need no further declaration.
///
/// `#[virt_test::test(type_specific)]` is for a test that needs QEMU itself, rather than a machine of any type.
///
/// What it asserts is told by the first sentence of its documentation, or else of its file's.
///
/// Where the crate itself is tested (`cargo test`) there also is a `#[test]` of that name, which sets everything up, runs the
/// test, and cleans up; it panics on FAIL and ERROR.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(arguments as expand::Options);
    let function = parse_macro_input!(item as syn::ItemFn);
    let source = proc_macro::Span::call_site().local_file();
    expand::test(&options, function, source)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
