//! Which keys of the configuration a test reads.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The texts that some call in `tokens` has as its first argument, if they could be keys: `test.param("rounds")`.
///
/// There are others among them (`Some("running")`), which does no harm: these are the keys the test's configuration may set
/// beside those virt-test knows, and a key misspelt there is not among them.
pub fn read_in(tokens: TokenStream) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    collect(tokens, &mut keys);
    keys
}

fn collect(tokens: TokenStream, keys: &mut BTreeSet<String>) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            continue;
        };
        if group.delimiter() == Delimiter::Parenthesis
            && let Some(TokenTree::Literal(first)) = group.stream().into_iter().next()
            && let Ok(text) = syn::parse_str::<syn::LitStr>(&first.to_string())
            && could_be_a_key(&text.value())
        {
            keys.insert(text.value());
        }
        collect(group.stream(), keys);
    }
}

fn could_be_a_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_first_arguments_at_any_depth() {
        let tokens = r#"
            let rounds = test.param::<u32>("rounds")?;
            for n in 0..rounds { test.phase(format!("round {n}")); }
            check!(test.params().flag("strict")?, "says {}", "nothing");
        "#;
        let keys = read_in(tokens.parse().unwrap());
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["rounds", "strict"]);
    }
}
