//! The attribute that makes a function a test.

mod about;
mod expand;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes an `async fn name(test: &mut Test) -> TestResult` a test called `name`.
///
/// Its entry in the configuration is made of its name, and of the file `name.cfg` beside its source file if there is one:
/// the parameters of the test, and any other Cartesian configuration that is to hold for it.
///
/// It needs QEMU itself, rather than a machine of any type? Then it is `#[virt_test::test(type_specific)]`.
///
/// What it asserts is the first sentence of its documentation, or of its file's.
///
/// In a crate's own tests (`cargo test`) it becomes a `#[test]` which sets everything up, runs it, and cleans up.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(arguments as expand::Options);
    let function = parse_macro_input!(item as syn::ItemFn);
    expand::test(&options, &function)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
