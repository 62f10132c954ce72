//! What the attribute becomes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Ident, ItemFn, LitStr, Result, Token};

use crate::{about, keys};

/// What stands between the parentheses of the attribute.
#[derive(Default)]
pub struct Options {
    type_specific: bool,
    lines: Vec<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            if input.peek(LitStr) {
                options.lines.push(input.parse()?);
            } else {
                let word: Ident = input.parse()?;
                if word != "type_specific" {
                    let expected = "expected `type_specific`, or a line of configuration such as \"mem = 1024\"";
                    return Err(Error::new(word.span(), expected));
                }
                options.type_specific = true;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// The function, what registers it, and the `#[test]` that stands for it where the crate itself is tested.
///
/// `source` is the file it stands in, where the compiler tells.
pub fn test(
    options: &Options,
    mut function: ItemFn,
    source: Option<PathBuf>,
) -> Result<TokenStream> {
    check_signature(&function)?;
    let ident = function.sig.ident.clone();
    let name = ident.to_string();
    let about = about::of_function(&function.attrs)
        .or_else(|| about::of_file(source.as_deref()?))
        .unwrap_or_default();
    let keys = keys_read(&function, source.as_deref());
    let config = configuration(options, source, &ident)?;
    let keys = keys.iter();
    let type_specific = options.type_specific;
    let (conditions, others): (Vec<Attribute>, _) = function
        .attrs
        .into_iter()
        .partition(|attribute| attribute.path().is_ident("cfg"));
    let (ignores, others) = others
        .into_iter()
        .partition(|attribute: &Attribute| attribute.path().is_ident("ignore"));
    function.attrs = others;
    Ok(quote! {
        #(#conditions)*
        const _: () = {
            #function

            #[::virt_test::__private::linkme::distributed_slice(::virt_test::__private::TESTS)]
            #[linkme(crate = ::virt_test::__private::linkme)]
            static TEST: ::virt_test::__private::TestDef = ::virt_test::__private::TestDef {
                name: #name,
                about: #about,
                type_specific: #type_specific,
                config: #config,
                keys: &[#(#keys),*],
                source: ::core::file!(),
                run: |test| ::std::boxed::Box::pin(#ident(test)),
            };
        };

        #(#conditions)*
        #[cfg(test)]
        ::virt_test::__private::as_cargo_test! { #(#ignores)* #ident }
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

/// The keys the test reads, or anything else in its file: what a test does is often told in more than one function.
fn keys_read(function: &ItemFn, source: Option<&Path>) -> BTreeSet<String> {
    let file = source
        .and_then(|source| std::fs::read_to_string(source).ok())
        .and_then(|text| text.parse().ok());
    keys::read_in(file.unwrap_or_else(|| function.to_token_stream()))
}

/// The lines of the attribute, or the text of `name.cfg` beside the source file; naming it makes the compiler watch it.
fn configuration(options: &Options, source: Option<PathBuf>, name: &Ident) -> Result<TokenStream> {
    let file = format!("{name}.cfg");
    let beside = source.is_some_and(|source| source.with_file_name(&file).is_file());
    if options.lines.is_empty() {
        return Ok(if beside {
            quote!(::core::include_str!(#file))
        } else {
            quote!("")
        });
    }
    if beside {
        let reason =
            format!("{file} stands beside this file: what is in the attribute belongs there");
        return Err(Error::new_spanned(&options.lines[0], reason));
    }
    let lines: String = options
        .lines
        .iter()
        .map(|line| line.value() + "\n")
        .collect();
    Ok(quote!(#lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(arguments: &str, function: &str) -> Result<String> {
        let options = syn::parse_str(arguments)?;
        let function = syn::parse_str(function)?;
        test(&options, function, None).map(|tokens| tokens.to_string())
    }

    const BOOT: &str =
        "/// It boots.\nasync fn boot(test: &mut Test) -> TestResult { test.param(\"rounds\") }";

    #[test]
    fn a_test_says_what_it_is_called_about_and_configured_with() {
        let text = expand("type_specific, \"mem = 64\", \"smp = 1\"", BOOT).unwrap();
        for part in [
            r#"name : "boot""#,
            r#"about : "It boots.""#,
            "type_specific : true",
            r#"config : "mem = 64\nsmp = 1\n""#,
            r#"keys : & ["rounds"]"#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn what_is_no_test_is_refused() {
        assert!(expand("", "fn boot(test: &mut Test) {}").is_err());
        assert!(expand("", "async fn boot() {}").is_err());
        assert!(expand("generic", BOOT).is_err());
    }
}
