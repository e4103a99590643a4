//! The file as text: its encoding, its lines and its quotes, before any row is read.

use super::FILE_BYTES_MAX;
use super::error::{ImportError, ImportProblem};

/// The file's text without its byte order mark, whose quotes are known to be in order.
pub(super) fn of_file(bytes: &[u8]) -> Result<&str, ImportError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ImportError { line: 1, column: None, problem: ImportProblem::FileTooLarge });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| ImportError {
        line: Lines::new(bytes).at(e.valid_up_to()),
        column: None,
        problem: ImportProblem::NotUtf8,
    })?;
    check_quotes(bytes)?;
    Ok(text)
}

/// Tells the line of an offset, for offsets that only grow. A line ends with LF, CR LF or a lone
/// CR, as the CSV reader has it.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
    line: u64,
    after_cr: bool,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0, line: 1, after_cr: false }
    }

    /// The line, from 1, of the byte at `offset`.
    pub(super) fn at(&mut self, offset: usize) -> u64 {
        while self.offset < offset && self.step().is_some() {}
        self.line
    }

    /// The line of the first byte at `offset` or after it that ends no line: where a row begins,
    /// if the reader stands at `offset` and will skip empty lines.
    pub(super) fn of_row_at(&mut self, offset: usize) -> u64 {
        self.at(offset);
        while matches!(self.rest.first(), Some(b'\r' | b'\n')) && self.step().is_some() {}
        self.line
    }

    fn step(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(1);
        let ends_line = *byte == b'\r' || (*byte == b'\n' && !self.after_cr);
        self.after_cr = *byte == b'\r';
        self.line = self.line.saturating_add(u64::from(ends_line));
        Some(*byte)
    }
}

/// Where in a field a byte stands (RFC 4180, section 2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Bare,
    Quoted,
    /// After a quote in a quoted field: its end, or the first half of a doubled quote.
    AfterQuote,
}

/// Refuses quotes that a lenient reader would take in silence. A quote that is never closed makes
/// the rest of the file one field; one that is closed early is mostly a quote forgotten before it.
fn check_quotes(bytes: &[u8]) -> Result<(), ImportError> {
    let error = |line, problem| Err(ImportError { line, column: None, problem });
    let mut lines = Lines::new(bytes);
    let mut place = Place::Start;
    let mut opened_on = 1;
    loop {
        let line = lines.line;
        let Some(byte) = lines.step() else { break };
        place = match (place, byte) {
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::AfterQuote, b'"') | (Place::Quoted, _) => Place::Quoted,
            (Place::Start | Place::Bare | Place::AfterQuote, b',' | b'\r' | b'\n') => Place::Start,
            (Place::AfterQuote, _) => return error(opened_on, ImportProblem::TextAfterQuote),
            (Place::Start, b'"') => {
                opened_on = line;
                Place::Quoted
            }
            (Place::Start | Place::Bare, _) => Place::Bare,
        };
    }
    if place == Place::Quoted {
        return error(opened_on, ImportProblem::UnclosedQuote);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_lf_or_cr_lf_or_a_lone_cr() {
        let mut lines = Lines::new(b"a\nb\r\nc\rd\n\ne");
        let at: Vec<u64> = (0..12).map(|offset| lines.at(offset)).collect();
        assert_eq!(at, [1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6]);
    }

    #[test]
    fn a_row_begins_after_the_empty_lines_before_it() {
        assert_eq!(Lines::new(b"a\r\n\r\n\nb").of_row_at(2), 4);
        assert_eq!(Lines::new(b"a\nb").of_row_at(2), 2);
        assert_eq!(Lines::new(b"\n\n").of_row_at(0), 3);
    }

    #[test]
    fn a_quote_inside_a_bare_field_is_only_a_character() {
        assert_eq!(check_quotes(b"a,12\" disc,b\n\"x \"\"y\"\" z\",\"\"\r\n"), Ok(()));
    }

    #[test]
    fn a_problem_with_quotes_is_told_on_the_line_of_the_opening_quote() {
        let problem = |text: &[u8]| {
            let e = check_quotes(text).unwrap_err();
            (e.line, e.problem)
        };
        assert_eq!(problem(b"a\n\"b\nc\n\",\"d\n\n"), (4, ImportProblem::UnclosedQuote));
        assert_eq!(problem(b"a\n\"b\n\"\"\n\"x\n"), (2, ImportProblem::TextAfterQuote));
    }
}
