//! `doorbuster-simulation room`: runs the crowds, and says whether the promises held.

use std::process::ExitCode;

use doorbuster_simulation::{Options, run, table};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some("room") {
        eprintln!("error: what is simulated is `room`");
        return ExitCode::FAILURE;
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let run = run(&options);
    for outcome in run.outcomes.iter().filter(|outcome| !outcome.trace.is_empty()) {
        println!("{}:\n{}", outcome.name, outcome.trace);
    }
    println!("{}", table(&run.outcomes));
    for broken in &run.broken {
        println!("broken: {broken}");
    }
    let Ok(summary) = serde_json::to_string(&run.summary) else { return ExitCode::FAILURE };
    println!("room: {summary}");
    if run.broken.is_empty() && !run.outcomes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
