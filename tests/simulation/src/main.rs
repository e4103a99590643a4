//! `doorbuster-simulation room`: runs the crowds, and says whether the promises held.
//! `doorbuster-simulation checkout`: goes through everything that can happen in a small checkout.

use std::process::ExitCode;

use doorbuster_simulation::checkout::{self, Case, Checkout, Summary};
use doorbuster_simulation::{Options, matrix, run, table};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("room") => match Options::parse(arguments) {
            Ok(options) => room(&options),
            Err(error) => refused(&error),
        },
        Some("checkout") => match arguments.next() {
            None => checkout(),
            Some(extra) => refused(&format!("`{extra}` is not understood here")),
        },
        _ => refused("what is simulated is `room` or `checkout`"),
    }
}

fn refused(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}

fn checkout() -> ExitCode {
    let models = checkout::CASES.into_iter().map(Checkout::new);
    let cases: Vec<Case> = models.map(|model| checkout::check(&model)).collect();
    println!("{}", checkout::table(&cases));
    let cells = matrix::run();
    println!("{}", matrix::table(&cells));
    let summary = Summary::of(&cases, &cells);
    let Ok(line) = serde_json::to_string(&summary) else { return ExitCode::FAILURE };
    println!("checkout: {line}");
    if summary.violations == 0 && summary.cells_failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn room(options: &Options) -> ExitCode {
    let run = run(options);
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
