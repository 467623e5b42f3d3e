//! Building texts.

use std::fmt::{Arguments, Write as _};

/// `write!` to a `String`, which can't fail.
pub fn add(to: &mut String, text: Arguments<'_>) {
    let _ = to.write_fmt(text);
}
