//! The expressions that a test of interfaces has `idlharness.js` evaluate. A Worker may not evaluate
//! text, so they are compiled into the bundle.

/// The string literals in the arguments of `add_objects(…)`, without doubles.
pub fn of(source: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, call) in source.match_indices("add_objects(") {
        let arguments = &source[at + call.len()..];
        for text in literals(arguments) {
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    found
}

/// The string literals up to the parenthesis that closes.
fn literals(arguments: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 1;
    let mut rest = arguments.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            '/' if rest.peek() == Some(&'/') => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '\'' | '"' | '`' => found.extend(literal(c, &mut rest)),
            _ => {}
        }
    }
    found
}

/// What is between two quotation marks; `None` for what is more than plain text.
fn literal(quote: char, rest: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    let mut is_plain = true;
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next()? {
                c @ ('\'' | '"' | '`' | '\\') => text.push(c),
                _ => is_plain = false,
            },
            c if c == quote => return is_plain.then_some(text),
            c => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn literals_of_the_call_are_found_and_no_others() {
        let source = r#"
            const a = 'not this';
            idl_array.add_objects({
              URL: ['new URL("http://foo")', "self"], // it's a comment
              Memory: [new Memory({ initial: 1 }), 'it\'s', 'a\nb'],
            });
            idl_array.add_objects({ Window: ['self'] }); test('not this');
        "#;
        assert_eq!(super::of(source), [r#"new URL("http://foo")"#, "self", "it's"]);
    }
}
