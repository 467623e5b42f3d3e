//! What the crate does otherwise; the Web Platform Tests have the rest.

use super::{parse_text, set_text};

fn href(input: &str, base: Option<&str>) -> Option<String> {
    parse_text(input, base).map(|url| url.href)
}

#[test]
fn file_urls_keep_their_host_beside_a_drive_letter_and_their_empty_segments() {
    for (input, base, expected) in [
        ("file://example.net/C:/", None, "file://example.net/C:/"),
        ("C|/", Some("file://host/dir/file"), "file://host/C:/"),
        ("/", Some("file://h/C:/a/b"), "file://h/C:/"),
        ("..", Some("file:///C:/"), "file:///C:/"),
        ("file:\\c:\\foo", None, "file:///c:/foo"),
        ("file:////foo", None, "file:////foo"),
        ("file://localhost//a//../..//foo", None, "file://///foo"),
        ("file:", None, "file:///"),
        ("?q", Some("file:///a/b?x#y"), "file:///a/b?q"),
        ("#f", Some("file:///a/b?x#y"), "file:///a/b?x#f"),
        (" fi\nle:/a\t ", None, "file:///a"),
    ] {
        assert_eq!(href(input, base).as_deref(), Some(expected), "{input} {base:?}");
    }
}

#[test]
fn schemes_of_ones_own_follow_the_standard() {
    for (input, base, expected) in [
        ("a:b c ?d", None, "a:b c%20?d"),
        ("web+x:/.//p", None, "web+x:/.//p"),
        ("x://u:p@h:0080/a/../b?q#f", None, "x://u:p@h:80/b?q#f"),
        ("x://a@b@c/", None, "x://a%40b@c/"),
        ("x://[::1]:7", None, "x://[::1]:7"),
        ("c", Some("x://h/a/b"), "x://h/a/c"),
        ("//g", Some("x://h/a/b"), "x://g"),
        ("#f", Some("mailto:a"), "mailto:a#f"),
        ("http://h", Some("mailto:a"), "http://h/"),
        ("mailto:a", Some("http://h"), "mailto:a"),
    ] {
        assert_eq!(href(input, base).as_deref(), Some(expected), "{input} {base:?}");
    }
    for (input, base) in [
        ("x://h:99999", None),
        ("x://:80", None),
        ("x://a@", None),
        ("x://h h", None),
        ("b", Some("mailto:a")),
        ("b", None),
        ("http://h", Some("none")),
        ("file://h:80/", None),
    ] {
        assert_eq!(href(input, base), None, "{input} {base:?}");
    }
}

#[test]
fn offsets_lead_to_the_parts() {
    let url = parse_text("x://u:p@h:8/a?q#f", None).unwrap();
    assert_eq!(url.offsets, [1, 5, 8, 9, 11, 11, 13, 15]);
    assert_eq!(url.href, "x://u:p@h:8/a?q#f");
    let url = parse_text("x:/.//p", None).unwrap();
    assert_eq!(url.offsets, [1, 2, 2, 2, 2, 4, 7, 7]);
    // As the crate has them.
    let web = parse_text("http://u:p@h:8/a?q#f", None).unwrap();
    assert_eq!(web.offsets, [4, 8, 11, 12, 14, 14, 16, 18]);
}

#[test]
fn setters_refuse_what_the_standard_refuses() {
    let set = |href: &str, part, value: &str| set_text(href, part, value).unwrap().href;
    for (before, part, value, after) in [
        ("non-spec:/.//p", 4, "h", "non-spec://h//p"),
        ("non-spec:/", 6, "/.//p", "non-spec:/.//p"),
        ("foo:///some/path", 6, "", "foo://"),
        ("foo:/a", 6, "", "foo:/"),
        ("file:///a", 6, "//\\/", "file://////"),
        ("file://h/", 0, "http", "http://h/"),
        ("file:///", 0, "http", "file:///"),
        ("x://h/", 0, "http", "x://h/"),
        ("x://h/", 0, "y", "y://h/"),
        ("x://h:8/", 3, "", "x://h:8/"),
        ("x://h:8/", 3, "g:9x", "x://g:9/"),
        ("x://h:8/", 4, "g:9", "x://h:8/"),
        ("x://h/", 5, "8\n0a", "x://h:80/"),
        ("x://h:8/", 5, "", "x://h/"),
        ("file://h/", 5, "8", "file://h/"),
        ("mailto:a", 6, "b", "mailto:a"),
        ("x://h/", 1, "a@\t", "x://a%40%09@h/"),
        ("x://h/?a#b", 7, "", "x://h/#b"),
        ("x://h/?a#b", 8, "#c d", "x://h/?a#c%20d"),
    ] {
        assert_eq!(set(before, part, value), after, "{before} {part} {value:?}");
    }
}
