//! Refuses source that is nested so deeply that parsing it could overflow the stack.
//!
//! The parser recurses once per nesting level and has no limit of its own, and an overflow of the
//! stack ends the process: one Worker would take all others down. So the depth is estimated before
//! parsing, and parsing runs on a stack ([`PARSER_STACK_BYTES`]) that is known to be enough.
//!
//! What nests is brackets, and chains without them (`a + b + …`, `x => y => …`, `else if …`), where
//! each token may be a level. The estimate is the open brackets plus, for each of them, the tokens
//! since the last separator. It errs upwards; ordinary code stays far below the limits.

use crate::diagnostic::{Diagnostic, SourceText};

/// Open brackets: at most 2 KiB of stack each were measured (nested arrow functions), which makes
/// 8 MiB. V8 itself gives up at a few thousand.
const BRACKETS_MAX: usize = 4_000;

/// Tokens of the chains that are open at once: at most 0.8 KiB of stack each were measured (nested
/// type arguments and groups of regular expressions), which makes 240 MiB.
const CHAIN_TOKENS_MAX: usize = 300_000;

/// Stack of threads that parse: the sum of the above with a margin of two. Pages that are not
/// touched cost nothing.
pub const PARSER_STACK_BYTES: usize = 512 * 1024 * 1024;

/// The error names the place where a limit is passed.
pub fn check(source: SourceText<'_>) -> Result<(), Diagnostic> {
    // Such a file can't hold more levels than the stack has room for: two KiB per byte.
    if source.text.len() <= PARSER_STACK_BYTES / 2048 {
        return Ok(());
    }
    match Scan::new(source.text.as_bytes()).run() {
        None => Ok(()),
        Some(at) => Err(source
            .error(at, at + 1, "the code is nested too deeply")
            .with_help("move data of this size to a JSON or text module")),
    }
}

/// The last token, as far as it decides what a slash, a newline or a brace means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// A name, number, string or template: what follows is an operator.
    Operand,
    /// A keyword after which an operand or a statement follows.
    Keyword,
    /// A keyword that goes on with what came before, like `else`.
    Link,
    /// `if`, `while`, `for`, `with`: their `)` is followed by a statement.
    Head,
    Dot,
    Operator,
    /// `)` of a statement's head.
    HeadClose,
    /// Any other `)`, and `]`.
    Close,
    /// `}`.
    Brace,
    /// A semicolon, or a comma.
    Separator,
}

/// One open bracket.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Tokens since the last separator at this level.
    chain: usize,
    /// `(` after a [`Last::Head`].
    head: bool,
    /// `${` in a template.
    template: bool,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    levels: Vec<Level>,
    /// Sum of the chains of all levels.
    tokens: usize,
    last: Last,
    newline: bool,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let top = Level { chain: 0, head: false, template: false };
        Self { bytes, at: 0, levels: vec![top], tokens: 0, last: Last::Separator, newline: false }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The offset at which a limit is passed.
    fn run(mut self) -> Option<usize> {
        while self.at < self.bytes.len() {
            let start = self.at;
            self.step();
            if self.levels.len() > BRACKETS_MAX || self.tokens > CHAIN_TOKENS_MAX {
                return Some(start);
            }
        }
        None
    }

    fn step(&mut self) {
        match self.peek(0) {
            b'\n' => {
                self.newline = true;
                self.at += 1;
            }
            byte if byte.is_ascii_whitespace() => self.at += 1,
            b'/' if self.peek(1) == b'/' => self.skip_until(b"\n"),
            b'/' if self.peek(1) == b'*' => {
                self.at += 2;
                self.skip_until(b"*/");
                self.at = (self.at + 2).min(self.bytes.len());
            }
            b'/' if self.regex_follows() => self.regex(),
            quote @ (b'"' | b'\'') => self.string(quote),
            b'`' => {
                self.at += 1;
                self.template();
            }
            b'(' | b'[' | b'{' => self.open(false),
            b')' | b']' | b'}' => self.close(),
            b',' => {
                self.at += 1;
                self.reset();
                self.last = Last::Separator;
            }
            // What it separates shows the next token: `else` goes on.
            b';' => {
                self.at += 1;
                self.last = Last::Separator;
            }
            b'.' => {
                self.at += 1;
                self.token(Last::Dot);
            }
            byte if is_name(byte) => self.name(),
            _ => {
                self.at += 1;
                self.token(Last::Operator);
            }
        }
    }

    fn token(&mut self, token: Last) {
        let starts = matches!(token, Last::Operand | Last::Keyword | Last::Head);
        let reset = match self.last {
            Last::Separator => token != Last::Link,
            Last::Brace => starts,
            // A line that ends with an operand and one that begins with an operand are two
            // statements.
            Last::Operand => starts && self.newline,
            _ => false,
        };
        if reset {
            self.reset();
        }
        if let Some(level) = self.levels.last_mut() {
            level.chain += 1;
            self.tokens += 1;
        }
        self.last = token;
        self.newline = false;
    }

    /// Nothing of what came before at this level can nest what follows.
    fn reset(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.tokens -= level.chain;
            level.chain = 0;
        }
    }

    fn skip_until(&mut self, end: &[u8]) {
        while self.at < self.bytes.len() && !self.bytes[self.at..].starts_with(end) {
            self.at += 1;
        }
    }

    fn regex_follows(&self) -> bool {
        !matches!(self.last, Last::Operand | Last::Close | Last::Dot)
            && (self.last != Last::Brace || self.newline)
    }

    /// A regular expression nests by its parentheses; they count while it is read.
    fn regex(&mut self) {
        self.at += 1;
        let mut class = false;
        let mut groups = 0;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\n' => break,
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'(' => groups += 1,
                b'/' if !class => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.token(Last::Operand);
        if let Some(level) = self.levels.last_mut() {
            level.chain += groups;
            self.tokens += groups;
        }
    }

    fn string(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'\n' => break,
                byte if byte == quote => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.token(Last::Operand);
    }

    /// The text of a template, up to its end or to the next `${`.
    fn template(&mut self) {
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'`' => {
                    self.at += 1;
                    self.token(Last::Operand);
                    return;
                }
                b'$' if self.peek(1) == b'{' => {
                    self.at += 1;
                    self.open(true);
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn open(&mut self, template: bool) {
        let head = self.last == Last::Head;
        self.token(Last::Operator);
        self.levels.push(Level { chain: 0, head, template });
        self.at += 1;
    }

    fn close(&mut self) {
        let brace = self.peek(0) == b'}';
        self.at += 1;
        self.reset();
        let closed = if self.levels.len() > 1 { self.levels.pop() } else { None };
        match closed {
            Some(Level { template: true, .. }) => self.template(),
            Some(Level { head: true, .. }) => self.token(Last::HeadClose),
            _ if brace => self.token(Last::Brace),
            _ => self.token(Last::Close),
        }
    }

    fn name(&mut self) {
        let start = self.at;
        while self.at < self.bytes.len() && is_name(self.bytes[self.at]) {
            self.at += 1;
        }
        if self.last == Last::Dot {
            self.token(Last::Operand);
            return;
        }
        let token = match &self.bytes[start..self.at] {
            b"if" | b"while" | b"for" | b"with" => Last::Head,
            b"else" | b"in" | b"of" | b"instanceof" | b"catch" | b"finally" | b"extends" => {
                Last::Link
            }
            b"return" | b"typeof" | b"case" | b"do" | b"new" | b"delete" | b"void" | b"throw"
            | b"yield" | b"await" | b"async" | b"default" => Last::Keyword,
            _ => Last::Operand,
        };
        self.token(token);
    }
}

/// Of names and numbers; everything beyond ASCII counts.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'@' | 0x80..)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::worker::javascript::{Goal, read};

    fn passes(text: &str) -> bool {
        check(SourceText { file: Path::new("a.js"), text }).is_ok()
    }

    fn nested(open: &str, middle: &str, close: &str, levels: usize) -> String {
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn deep_nesting_is_refused_in_every_form() {
        for (open, middle, close) in [
            ("[", "", "]"),
            ("(", "1", ")"),
            ("({a:", "1", "})"),
            ("function f(){", "", "}"),
            ("()=>{", "", "}"),
            ("`${", "1", "}`"),
            ("x=>", "1", ""),
            ("!", "1", ""),
            ("a?b:", "1", ""),
            ("a+", "1", ""),
            ("a.", "a", ""),
            ("", "f", "()"),
            ("if(a)", ";", ""),
            ("if(a);else ", ";", ""),
            ("if(a){}else ", ";", ""),
            ("a=\n", "1", ""),
            ("a:", ";", ""),
            ("\"a\"+\n", "1", ""),
            ("if(a)/[`]/;if(a)[", "1", ""),
        ] {
            let text = nested(open, middle, close, 500_000);
            assert!(!passes(&text), "{open}");
        }
        let regex = format!("/{}{}/", "(".repeat(500_000), ")".repeat(500_000));
        assert!(!passes(&regex));
    }

    #[test]
    fn what_passes_can_be_parsed_on_the_stack() {
        // The deepest that both limits let through, in the forms that cost most.
        let levels = BRACKETS_MAX / 2 - 2;
        let brackets = [("({a:", "1", "})"), ("(()=>{", "", "})"), ("[[", "", "]]")];
        let chains = [("x=>", "1", ""), ("a?b:", "1", ""), ("a=", "1", "")];
        let texts = brackets
            .iter()
            .map(|(open, middle, close)| nested(open, middle, close, levels))
            .chain(chains.iter().map(|(open, middle, close)| {
                let tokens = open.len();
                nested(open, middle, close, CHAIN_TOKENS_MAX / tokens - 8)
            }));
        for text in texts {
            let padded = format!("{}\n;{text}", "/**/".repeat(70_000));
            assert!(passes(&padded), "{}", &text[..20]);
            std::thread::Builder::new()
                .stack_size(PARSER_STACK_BYTES)
                .spawn(move || {
                    let source = SourceText { file: Path::new("a.js"), text: &padded };
                    read(source, Goal::ModuleOrScript).map(|_| ())
                })
                .unwrap()
                .join()
                .unwrap()
                .unwrap();
        }
    }

    #[test]
    fn long_flat_code_passes() {
        for piece in [
            "a(b, c);\n",
            "const a = { b: [1, 2, { c: 3 }] };\n",
            "function f(a) { if (a) { return /[`\"(]/.test(a) } else { return 'x' + a } }\n",
            "import a from 'a'\n",
            "x = a / b / c; y = `a${b}c (((`;\n",
            "\"use strict\"\nvar a = 1\nlet b = a\n",
            "// it's [[[[ a comment\n/* ((( */\n",
            "if (a) b(); else c();\n",
            "a,[1],{},",
            "s = '(((' + \"[[\" + '\\'{';",
            "class A { b = 1; c() {} d() {} }\n",
        ] {
            assert!(passes(&piece.repeat(4_000_000 / piece.len())), "{piece}");
        }
    }
}
