//! HTTP dates (RFC 9110 section 5.6.7), all three forms, as seconds since 1970.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `None` for what is no date. Years before 1970 are none either.
pub(super) fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    match parts.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => seconds(year.parse().ok()?, month, day, time),
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, time, "GMT"] => {
            let mut date = date.split('-');
            let (day, month, year) = (date.next()?, date.next()?, date.next()?);
            let year: u64 = year.parse().ok()?;
            // A year of two digits that seems far ahead is one of the last century.
            let year = if year >= 100 { year } else { year + if year < 70 { 2000 } else { 1900 } };
            seconds(year, month, day, time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => seconds(year.parse().ok()?, month, day, time),
        _ => None,
    }
}

fn seconds(year: u64, month: &str, day: &str, time: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let day: u64 = day.parse().ok()?;
    let mut time = time.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let sane = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    // Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let day_of_year = (153 * since_march + 2) / 5 + day.checked_sub(1)?;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year;
    let days = days.checked_sub(719_468)?;
    sane.then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_mean_the_same() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(parse(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse(b"Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
        for text in
            ["", "0", "yesterday", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 0 Nov 1994 8:9 GMT"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
