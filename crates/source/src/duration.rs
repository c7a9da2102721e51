//! Times as Kubernetes writes them: Go's `time.Duration`, `5m`, `1h30m`, `1.5s`.

use std::time::Duration;

/// The units, the longest names first where one begins with another.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];

/// Reads a time that is not negative.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err("must be a time, such as 5m".to_owned());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if digits.is_empty() || (whole.is_empty() && fraction.is_empty()) || fraction.contains('.')
        {
            return Err("must be a time, such as 5m".to_owned());
        }
        let unit = UNITS.iter().find(|(name, _)| after.starts_with(name));
        let Some((name, nanoseconds)) = unit else {
            return Err("lacks a unit: h, m, s, ms, us or ns".to_owned());
        };
        let part = scaled(whole, fraction, *nanoseconds);
        total = part.and_then(|part| total.checked_add(part)).ok_or("is too long")?;
        rest = &after[name.len()..];
    }
    Ok(total)
}

/// Writes a time as Go does: `5m0s`, `1.5s`.
pub(crate) fn go_duration(time: Duration) -> String {
    let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = format!("{nanoseconds:09}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{point}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{point}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{point}{fraction}s"),
    }
}

/// `whole.fraction` times a unit. What is less than a nanosecond is left out, as Go does.
fn scaled(whole: &str, fraction: &str, unit: u64) -> Option<Duration> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanoseconds = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanoseconds = nanoseconds.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<u64, &str>) {
        let got = parse_duration(text);
        match expect {
            Ok(nanoseconds) => assert_eq!(got, Ok(Duration::from_nanos(nanoseconds)), "{text}"),
            Err(part) => assert!(got.is_err_and(|reason| reason.contains(part)), "{text}"),
        }
    }

    #[test]
    fn times_are_read_as_go_does() {
        check("0", Ok(0));
        check("5m", Ok(300_000_000_000));
        check("1h30m", Ok(5_400_000_000_000));
        check("+1.5s", Ok(1_500_000_000));
        check(".5s", Ok(500_000_000));
        check("1.s", Ok(1_000_000_000));
        check("1m5ms", Ok(60_005_000_000));
        check("7us", Ok(7_000));
        check("7µs", Ok(7_000));
        check("1.25ns", Ok(1));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        check("", Err("must be a time"));
        check("5", Err("unit"));
        check("5x", Err("unit"));
        check("m", Err("must be a time"));
        check(".s", Err("must be a time"));
        check("1.2.3s", Err("must be a time"));
        check("-5m", Err("must be a time"));
        check("5 m", Err("unit"));
        check("99999999999999999999h", Err("too long"));
        check("9999999999h", Err("too long"));
    }

    #[test]
    fn times_are_written_as_go_does() {
        for (milliseconds, text) in [
            (0, "0s"),
            (1_500, "1.5s"),
            (300_000, "5m0s"),
            (5_400_000, "1h30m0s"),
            (3_600_001, "1h0m0.001s"),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(go_duration(time), text);
            assert_eq!(parse_duration(text), Ok(time));
        }
    }
}
