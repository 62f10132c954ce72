//! What the attribute becomes.

use std::path::PathBuf;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, ItemFn, Result, Token};

use crate::about;

/// What stands between the parentheses of the attribute.
#[derive(Default)]
pub struct Options {
    type_specific: bool,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        for word in input.parse_terminated(Ident::parse, Token![,])? {
            match word.to_string().as_str() {
                "type_specific" => options.type_specific = true,
                _ => {
                    return Err(Error::new(
                        word.span(),
                        "expected nothing or `type_specific`",
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// The function itself, and what registers it.
pub fn test(options: &Options, function: &ItemFn) -> Result<TokenStream> {
    check_signature(function)?;
    let ident = &function.sig.ident;
    let name = ident.to_string();
    let source = proc_macro::Span::call_site().local_file();
    let about = about::of_function(&function.attrs)
        .or_else(|| source.as_deref().and_then(about::of_file))
        .unwrap_or_default();
    let config = config_beside(source, &name);
    let type_specific = options.type_specific;
    Ok(quote! {
        const _: () = {
            #function

            #[::virt_test::__private::linkme::distributed_slice(::virt_test::__private::TESTS)]
            #[linkme(crate = ::virt_test::__private::linkme)]
            static TEST: ::virt_test::__private::TestDef = ::virt_test::__private::TestDef {
                name: #name,
                about: #about,
                type_specific: #type_specific,
                config: #config,
                source: ::core::file!(),
                run: |test| ::std::boxed::Box::pin(#ident(test)),
            };
        };
    })
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if signature.asyncness.is_none() || signature.inputs.len() != 1 {
        return Err(Error::new_spanned(
            signature,
            "a test is an `async fn name(test: &mut Test) -> TestResult`",
        ));
    }
    Ok(())
}

/// The text of `name.cfg` beside the source file. Naming it makes the compiler watch it.
fn config_beside(source: Option<PathBuf>, name: &str) -> TokenStream {
    let file = format!("{name}.cfg");
    match source {
        Some(source) if source.with_file_name(&file).is_file() => {
            quote!(::core::include_str!(#file))
        }
        _ => quote!(""),
    }
}
