use std::net::IpAddr;

use super::{Policy, Rule, Section};

fn rules(list: &[&str]) -> Vec<Rule> {
    list.iter().map(|rule| rule.parse().unwrap_or_else(|why| panic!("{why}"))).collect()
}

fn section(allow: &[&str], deny: &[&str]) -> Section {
    Section { allow: rules(allow), deny: rules(deny), ..Section::default() }
}

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    Policy::new(&section(allow, deny), &Section::default(), None)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Whether an address that stands in the URL may be connected to.
fn opens(policy: &Policy, text: &str, port: u16) -> bool {
    policy.judge(None, address(text), port).is_ok()
}

/// Whether a name that leads to this address may be connected to.
fn name_opens(policy: &Policy, name: &str, text: &str, port: u16) -> bool {
    policy.judge_name(name, port).is_ok() && policy.judge(Some(name), address(text), port).is_ok()
}

#[test]
fn what_is_closed_unless_opened() {
    let default = Policy::default();
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        // Mapped, compatible, translated, NAT64, 6to4, ISATAP, Teredo.
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:7f00:0:100::",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:db8::5efe:127.0.0.1",
        "fd01::200:5efe:169.254.169.254",
        "2001:0:7f00:1::1",
    ] {
        assert!(!opens(&default, text, 80), "{text} is open");
        // A wide permission is none for a special range, and none for IPv4 within IPv6.
        assert!(!opens(&policy(&["0.0.0.0/0", "::/0"], &[]), text, 80), "{text} is open by ::/0");
        assert!(!name_opens(&default, "name.example", text, 80), "{text} is open by name");
    }
    for text in [
        "1.1.1.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "168.63.129.17",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "fd12:3456::1",
        "fe00::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "64:ff9b::a00:1",
    ] {
        assert!(opens(&default, text, 80), "{text} is closed");
    }
}

#[test]
fn a_rule_opens_what_it_names_and_no_more() {
    let open = policy(&["127.0.0.1:9100", "169.254.0.0/16", "::1", "[fe80::/64]:80-90"], &[]);
    for (text, port, expected) in [
        ("127.0.0.1", 9100, true),
        ("::ffff:127.0.0.1", 9100, true),
        ("127.0.0.1", 9101, false),
        ("127.0.0.2", 9100, false),
        ("169.254.169.254", 80, true),
        ("::1", 1, true),
        ("fe80::1", 80, true),
        ("fe80::1", 91, false),
        ("fe80:0:0:1::1", 80, false),
    ] {
        assert_eq!(opens(&open, text, port), expected, "{text}:{port}");
    }
}

#[test]
fn private_and_public_ranges_can_be_closed() {
    let closed = Section { private: Some(false), ..section(&["10.1.0.0/16", "*.mesh"], &[]) };
    let closed = Policy::new(&closed, &Section::default(), None);
    for text in ["10.0.0.1", "172.31.255.255", "192.168.0.1", "100.127.0.1", "fd12::1", "fec0::1"] {
        assert!(!opens(&closed, text, 80), "{text}");
        if let IpAddr::V4(inner) = address(text) {
            assert!(!opens(&closed, &inner.to_ipv6_mapped().to_string(), 80), "{text}");
        }
        assert!(name_opens(&closed, "a.mesh", text, 80), "{text}");
        assert!(!name_opens(&closed, "mesh", text, 80), "{text}");
    }
    assert!(opens(&closed, "10.1.2.3", 80) && opens(&closed, "172.32.0.1", 80));

    let only = Section { public: Some(false), ..section(&["api.example:443"], &[]) };
    let only = Policy::new(&only, &Section::default(), None);
    assert!(name_opens(&only, "api.example", "1.2.3.4", 443));
    assert!(!name_opens(&only, "api.example", "1.2.3.4", 80));
    assert!(!name_opens(&only, "www.example", "1.2.3.4", 443));
    assert!(opens(&only, "10.0.0.1", 80) && !opens(&only, "1.2.3.4", 443));
}

/// Who runs a name's DNS decides where it leads.
#[test]
fn names_open_loopback_and_nothing_worse() {
    let named = policy(&["localhost:9100", "*.example.com"], &[]);
    assert!(name_opens(&named, "localhost", "127.0.0.1", 9100));
    assert!(name_opens(&named, "localhost.", "::1", 9100));
    assert!(!name_opens(&named, "localhost", "127.0.0.1", 9101));
    assert!(name_opens(&named, "a.b.example.com", "127.0.0.1", 80));
    for name in ["example.com", "notexample.com", "a.example.com.evil.example"] {
        assert!(!name_opens(&named, name, "127.0.0.1", 80), "{name}");
    }
    for text in ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::ffff:169.254.169.254", "ff02::1"]
    {
        assert!(!name_opens(&named, "a.example.com", text, 80), "{text}");
    }
}

#[test]
fn denials_come_first_and_the_workers_own_rules_before_the_general_ones() {
    let both = policy(&["10.0.0.0/8", "api.internal"], &["10.0.0.0/16", "bad.example", "1.2.3.4"]);
    assert!(!opens(&both, "10.0.1.1", 80) && opens(&both, "10.1.1.1", 80));
    assert!(!name_opens(&both, "api.internal", "10.0.1.1", 80));
    assert!(both.judge_name("bad.example", 80).is_err());
    // In whatever form the address is written.
    for text in ["::ffff:1.2.3.4", "64:ff9b::102:304", "2002:102:304::1"] {
        assert!(!opens(&both, text, 80), "{text}");
    }
    assert!(!opens(&policy(&[], &["64:ff9b::/96"]), "64:ff9b::808:808", 80));

    let general = section(&["127.0.0.1"], &["10.0.0.0/8", "bad.example"]);
    let own = section(&["10.1.2.3", "bad.example:443"], &["127.0.0.1:22"]);
    let layered = Policy::new(&general, &own, None);
    assert!(opens(&layered, "10.1.2.3", 80) && !opens(&layered, "10.1.2.4", 80));
    assert!(opens(&layered, "127.0.0.1", 80) && !opens(&layered, "127.0.0.1", 22));
    assert!(name_opens(&layered, "bad.example", "10.9.9.9", 443));
    assert!(!name_opens(&layered, "bad.example", "1.1.1.1", 80));

    let general = Section { private: Some(false), max_depth: Some(3), ..Section::default() };
    let own = Section { private: Some(true), ..Section::default() };
    assert!(opens(&Policy::new(&general, &own, None), "10.0.0.1", 80));
    assert_eq!(Policy::new(&general, &own, None).max_depth, 3);
    assert_eq!(Policy::new(&general, &own, None).max_branches, super::loops::BRANCHES_DEFAULT);
    let own = Section { max_branches: Some(0), ..Section::default() };
    assert_eq!(Policy::new(&general, &own, None).max_branches, 0);
}

#[test]
fn the_origin_is_a_permission_for_its_port() {
    for (origin, text, port) in [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080),
        ("https://127.0.0.1", "127.0.0.1", 443),
        ("http://[::1]:8080", "::1", 8080),
        ("http://[::ffff:127.0.0.1]:8080", "127.0.0.1", 8080),
    ] {
        let origin: url::Url = origin.parse().expect("a URL");
        let policy = Policy::new(&Section::default(), &Section::default(), Some(&origin));
        assert!(opens(&policy, text, port), "{origin}");
        assert!(!opens(&policy, text, port + 1), "{origin}");
    }
    let origin: url::Url = "http://localhost:8080".parse().expect("a URL");
    let policy = Policy::new(&Section::default(), &Section::default(), Some(&origin));
    assert!(name_opens(&policy, "localhost", "127.0.0.1", 8080));
    assert!(!opens(&policy, "127.0.0.1", 8080));
}

#[test]
fn rules_as_they_are_written() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("10.0.0.0/8:80-90", "10.0.0.0/8:80-90"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("fd00::/8", "fd00::/8"),
        ("[fd00::/8]", "fd00::/8"),
        ("[fd00::/8]:443", "[fd00::/8]:443"),
        ("[::1]:1-65535", "[::1]:1-65535"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("API.Internal.:8080", "api.internal:8080"),
        ("*.svc.cluster.local", "*.svc.cluster.local"),
        ("b\u{fc}cher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(rules(&[text])[0].to_string(), shown, "{text}");
    }
    for (text, words) in [
        ("", "neither an address nor a host's name"),
        ("*", "neither an address nor a host's name"),
        ("*.", "neither an address nor a host's name"),
        ("a.*.example", "neither an address nor a host's name"),
        ("a b", "neither an address nor a host's name"),
        ("http://example.com", "no port"),
        ("10.1.0.0/8", "the network of this length is 10.0.0.0/8"),
        ("10.0.0.0/33", "no prefix length"),
        ("10.0.0.0/", "no prefix length"),
        ("::/129", "no prefix length"),
        ("name/8", "no IP address"),
        ("127.1", "as an address it is written 127.0.0.1"),
        ("10.0.0.1:0", "no port"),
        ("10.0.0.1:90-80", "no port"),
        ("10.0.0.1:65536", "no port"),
        ("[::1", "brackets"),
        ("[::1]80", "brackets"),
    ] {
        let why = text.parse::<Rule>().expect_err(text);
        assert!(why.contains(words), "{text}: {why}");
    }
}
