//! `doorbuster check`: what is missing before a sale can open.

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use doorbuster_wire::merchant::Readiness;

use crate::rehearse::merchant::Merchant;

/// Asks the service and prints what it says; whether the sale is ready.
///
/// # Errors
///
/// If the service cannot be asked, or there is no such sale.
#[expect(clippy::print_stdout, reason = "it is a command's output")]
pub fn run(url: &str, admin_token: &str, sale: &str) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let readiness = runtime.block_on(Merchant::new(url, admin_token)?.readiness(sale))?;
    println!("{}", table(&readiness));
    let missing = readiness.checks.iter().filter(|check| !check.ready).count();
    if readiness.ready {
        println!("ready: {sale}");
    } else {
        println!("not ready: {sale}, {missing} of {} checks", readiness.checks.len());
    }
    Ok(readiness.ready)
}

fn table(readiness: &Readiness) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["", "what", "how it stands"]);
    for check in &readiness.checks {
        let mark = if check.ready { "ok" } else { "NOT READY" };
        table.add_row([mark, &check.name, &check.detail]);
    }
    table
}

#[cfg(test)]
mod tests {
    use doorbuster_wire::merchant::Check;

    use super::*;

    #[test]
    fn what_is_not_ready_is_named_with_what_to_do() {
        let check = |name: &str, ready, detail: &str| Check {
            name: name.to_owned(),
            ready,
            detail: detail.to_owned(),
        };
        let checks = vec![
            check("opening", true, "It is open."),
            check("stock of MUG", false, "It was not set."),
        ];
        let text = table(&Readiness { ready: false, checks }).to_string();
        let line = text.lines().find(|line| line.contains("stock of MUG")).unwrap();
        assert!(line.contains("NOT READY") && line.contains("It was not set."), "{text}");
    }
}
