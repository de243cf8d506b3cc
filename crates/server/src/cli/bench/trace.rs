//! Traces: the requests a language model's service was sent, read whole and checked before anything is done.

use purser_rules::{Amount, Time};
use std::path::Path;

/// What the first line says.
const HEADER: &str = "TIMESTAMP,ContextTokens,GeneratedTokens";
/// Most tokens of either kind in a line.
const MOST_TOKENS: u32 = 10_000_000;
/// Millionths of a credit for a token of context: half a credit for 1,000.
const CONTEXT_MICROS: i64 = 500;
/// Millionths of a credit for a generated token: one and a half credits for 1,000.
const GENERATED_MICROS: i64 = 1_500;
/// How many tokens an app lets a request generate at most: what a hold is made for.
const CAP: u32 = 1_000;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// When it came.
    pub(super) at: Time,
    /// Tokens it was sent with.
    pub(super) context: u32,
    /// Tokens it was answered with.
    pub(super) generated: u32,
}

impl Line {
    /// The most it may cost: known before it is answered.
    pub(super) fn most(self) -> Amount {
        price(self.context, CAP)
    }

    /// What it did cost. Nothing is generated beyond the cap.
    pub(super) fn cost(self) -> Amount {
        price(self.context, self.generated.min(CAP))
    }
}

/// Exact: whole millionths for each token.
fn price(context: u32, generated: u32) -> Amount {
    let micros = i64::from(context) * CONTEXT_MICROS + i64::from(generated) * GENERATED_MICROS;
    // Ten million tokens of both kinds are 20,000 credits.
    Amount::from_micros(micros).unwrap_or(Amount::MAX)
}

/// Reads the trace in `file`.
///
/// # Errors
/// A sentence that names the file, and the line that is wrong.
pub(super) fn read(file: &Path) -> Result<Vec<Line>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("The trace {} cannot be read: {error}.", file.display()))?;
    parse(&text).map_err(|(line, wrong)| format!("The trace {}, line {line}: {wrong}.", file.display()))
}

/// Reads a trace's text; the number of the first line that is wrong, and what is, otherwise.
fn parse(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    if lines.next().is_none_or(|(_, header)| header.trim_start_matches('\u{feff}') != HEADER) {
        return Err((1, format!("it must be {HEADER}")));
    }
    let mut trace: Vec<Line> = Vec::new();
    for (number, text) in lines {
        let line = line(text).map_err(|wrong| (number, wrong))?;
        if trace.last().is_some_and(|before| line.at < before.at) {
            return Err((number, "its time is before that of the line above".to_owned()));
        }
        trace.push(line);
    }
    if trace.is_empty() { Err((2, "there is no request".to_owned())) } else { Ok(trace) }
}

fn line(text: &str) -> Result<Line, String> {
    let fields: Vec<&str> = text.split(',').collect();
    let [at, context, generated] = fields[..] else {
        return Err(format!("{} fields where there must be 3", fields.len()));
    };
    let at = time(at).ok_or_else(|| format!("`{at}` is no time like 2023-11-16 18:15:46.6805900"))?;
    let line =
        Line { at, context: tokens("ContextTokens", context)?, generated: tokens("GeneratedTokens", generated)? };
    if line.cost().is_zero() {
        return Err("a request without a token costs nothing".to_owned());
    }
    Ok(line)
}

fn tokens(name: &str, text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number <= MOST_TOKENS);
    number.ok_or_else(|| format!("{name} is `{text}`, not a whole number up to {MOST_TOKENS}"))
}

/// A time of UTC with a blank between day and hour; decimals after the sixth are left out.
fn time(text: &str) -> Option<Time> {
    let (day, hour) = text.split_once(' ')?;
    let (second, decimals) = hour.split_once('.').unwrap_or((hour, "0"));
    let plain = (1..=9).contains(&decimals.len()) && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let micros = decimals.get(..6).unwrap_or(decimals);
    Time::parse(&format!("{day}T{second}.{micros}Z")).filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805909,374,44\n\
                        2023-11-16 18:15:50,0,1500\n";

    /// What is said of a trace with these lines after its header.
    fn wrong(lines: &str) -> (usize, String) {
        parse(&format!("{HEADER}\n{lines}")).expect_err("it is wrong")
    }

    #[test]
    fn a_trace_is_read_with_either_end_of_line() {
        let trace = parse(GOOD).expect("a trace");
        assert_eq!(parse(&GOOD.replace('\n', "\r\n")), Ok(trace.clone()));
        assert_eq!(trace.len(), 2);
        assert_eq!(trace[0].at.to_string(), "2023-11-16T18:15:46.68059Z");
        assert_eq!((trace[1].at.to_string().as_str(), trace[1].generated), ("2023-11-16T18:15:50Z", 1500));
    }

    #[test]
    fn prices_are_exact_and_capped() {
        let trace = parse(GOOD).expect("a trace");
        let shown = |amount: Amount| amount.to_string();
        assert_eq!((shown(trace[0].most()), shown(trace[0].cost())), ("1.687".into(), "0.253".into()));
        assert_eq!((shown(trace[1].most()), shown(trace[1].cost())), ("1.5".into(), "1.5".into()));
    }

    #[test]
    fn each_kind_of_wrong_line_is_named_with_its_number() {
        let good = "2023-11-16 18:15:46.68,374,44";
        let cases = [
            (format!("{good}\n{good},5"), 3, "4 fields where there must be 3"),
            (format!("{good}\n\n{good}"), 3, "1 fields where there must be 3"),
            (
                "2023-11-16T18:15:46Z,1,1".into(),
                2,
                "`2023-11-16T18:15:46Z` is no time like 2023-11-16 18:15:46.6805900",
            ),
            ("2023-02-30 18:15:46,1,1".into(), 2, "`2023-02-30 18:15:46` is no time like 2023-11-16 18:15:46.6805900"),
            (
                "2023-11-16 18:15:46.,1,1".into(),
                2,
                "`2023-11-16 18:15:46.` is no time like 2023-11-16 18:15:46.6805900",
            ),
            (format!("{good}\n2023-11-16 18:15:46.67,1,1"), 3, "its time is before that of the line above"),
            ("2023-11-16 18:15:46,-1,1".into(), 2, "ContextTokens is `-1`, not a whole number up to 10000000"),
            ("2023-11-16 18:15:46,+1,1".into(), 2, "ContextTokens is `+1`, not a whole number up to 10000000"),
            ("2023-11-16 18:15:46,1,".into(), 2, "GeneratedTokens is ``, not a whole number up to 10000000"),
            (
                "2023-11-16 18:15:46,1,10000001".into(),
                2,
                "GeneratedTokens is `10000001`, not a whole number up to 10000000",
            ),
            ("2023-11-16 18:15:46,0,0".into(), 2, "a request without a token costs nothing"),
            (String::new(), 2, "there is no request"),
        ];
        for (lines, number, what) in cases {
            assert_eq!(wrong(&lines), (number, what.to_owned()), "{lines}");
        }
        assert_eq!(parse("time,a,b\n"), Err((1, format!("it must be {HEADER}"))));
        assert_eq!(parse(""), Err((1, format!("it must be {HEADER}"))));
    }
}
