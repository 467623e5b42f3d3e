//! Conditions on a request's headers.

/// A header that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// In lower case.
    pub name: String,
    pub test: Test,
    /// Whether the rule is for requests that do *not* pass the test.
    pub invert: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Present,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
}

impl Condition {
    /// One of several values of a header is enough.
    pub fn holds(&self, headers: &[(String, Vec<u8>)]) -> bool {
        let mut values = headers.iter().filter(|(name, _)| *name == self.name);
        values.any(|(_, value)| self.test.passes(value)) != self.invert
    }
}

impl Test {
    fn passes(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => value == text.as_bytes(),
            Self::Prefix(text) => value.starts_with(text.as_bytes()),
            Self::Suffix(text) => value.ends_with(text.as_bytes()),
            Self::Contains(text) => {
                text.is_empty() || value.windows(text.len()).any(|part| part == text.as_bytes())
            }
        }
    }
}
