//! What a run is asked for.

/// What is to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What the run follows from.
    pub seed: u64,
    /// The shapes; all of them if none is named.
    pub shapes: Vec<String>,
    /// How many people come, as a share of all.
    pub people_scale: f64,
    /// Whether to print what goes on, and after how many seconds again.
    pub trace_secs: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, shapes: Vec::new(), people_scale: 1.0, trace_secs: None }
    }
}

impl Options {
    /// Reads them from a command line.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
            match flag.as_str() {
                "--seed" => options.seed = number(&value()?)?,
                "--shape" => options.shapes.push(value()?),
                "--people-scale" => options.people_scale = number(&value()?)?,
                "--trace" => options.trace_secs = Some(number(&value()?)?),
                _ => return Err(format!("`{flag}` is not understood here")),
            }
        }
        if !(options.people_scale > 0.0 && options.people_scale <= 1.0) {
            return Err("--people-scale is above 0 and at most 1".to_owned());
        }
        if options.trace_secs == Some(0) {
            return Err("--trace needs at least a second".to_owned());
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number that fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_come_in_any_order_and_nothing_else_is_taken() {
        let options = parsed("--trace 60 --shape small --seed 7 --shape burst --people-scale 0.5");
        let shapes = vec!["small".to_owned(), "burst".to_owned()];
        assert_eq!(
            options,
            Ok(Options { seed: 7, shapes, people_scale: 0.5, trace_secs: Some(60) })
        );
        for line in
            ["--seed", "--seed x", "--people-scale 0", "--people-scale 2", "--trace 0", "room"]
        {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
