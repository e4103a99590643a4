//! The `doorbuster` command.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use doorbuster_cli::check;
use doorbuster_cli::rehearse::{self, Options, Webhooks};
use doorbuster_cli::verify::draw::{self, Witness};
use doorbuster_cli::verify::journal;

/// Check a sale before it opens, rehearse one, and verify what happened in one.
#[derive(Debug, Parser)]
#[command(name = "doorbuster", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole sale with simulated shoppers, then count again from two independent sources.
    Rehearse(Rehearse),
    /// Look whether a sale is ready to open, and say what is not.
    Check {
        /// The sale.
        sale: String,
        #[command(flatten)]
        service: Service,
    },
    /// Verify the exported journal of a SKU: the chain, every event and every invariant.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Verify {
        #[command(subcommand)]
        other: Option<Verify>,
        #[command(flatten)]
        journal: Option<Journal>,
    },
}

#[derive(Debug, clap::Args)]
struct Journal {
    /// The journal, as NDJSON.
    file: PathBuf,
    /// The hash that the chain should end with, if you know it: then nothing is cut off.
    #[arg(long)]
    head: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verify {
    /// Verify the published draw of a sale: commitment, beacon, seed, and the places of tickets.
    Draw(Draw),
}

#[derive(Debug, clap::Args)]
struct Draw {
    /// The draw as it was published, as JSON.
    file: PathBuf,
    /// A ticket or a pass that a shopper was given; may be repeated. Whether the service sealed it
    /// is not checked: only the service can.
    #[arg(long)]
    ticket: Vec<String>,
    /// The position that the owner of the one ticket was told.
    #[arg(long, requires = "ticket")]
    position: Option<u64>,
    /// Print one JSON object: `verified`, `problem` if there is one, `sale`, `entries`, `seed`, and
    /// for each ticket its `number`, `position` and `in_draw`.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Service {
    /// Where it is, such as `http://127.0.0.1:8787`.
    #[arg(long)]
    url: String,
    /// The merchant's token.
    #[arg(long, env = "ADMIN_TOKEN", hide_env_values = true)]
    admin_token: String,
}

#[derive(Debug, clap::Args)]
struct Rehearse {
    #[command(flatten)]
    service: Service,
    /// A catalog to sell from: Shopify's product CSV. Without it, the sample.
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// The currency of the catalog's prices.
    #[arg(long, default_value = "EUR")]
    currency: String,
    /// How many shoppers come.
    #[arg(long, default_value_t = 2_000)]
    shoppers: u32,
    /// How many SKUs are sold.
    #[arg(long, default_value_t = 3)]
    skus: u32,
    /// Take webhooks here, as the merchant's shop, such as at `127.0.0.1:0`, and count them. The
    /// service has to be one that may call it. Without it, there are no webhooks.
    #[arg(long, value_name = "ADDRESS")]
    webhook_receiver: Option<SocketAddr>,
    /// Where the service finds that, if it is elsewhere, such as at the address of a tunnel.
    #[arg(long, value_name = "URL", requires = "webhook_receiver")]
    webhook_url: Option<String>,
    /// What the shoppers do is drawn from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[expect(clippy::print_stderr, reason = "a command says what went wrong")]
fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Rehearse(asked) => {
            let options = Options {
                catalog: asked.catalog.map_or_else(
                    || Ok(rehearse::SAMPLE_CATALOG.to_vec()),
                    |file| rehearse::read_catalog(&file),
                )?,
                url: asked.service.url,
                admin_token: asked.service.admin_token,
                currency: asked.currency,
                shoppers: asked.shoppers,
                skus: asked.skus,
                line: true,
                webhooks: asked
                    .webhook_receiver
                    .map(|listen| Webhooks { listen, address: asked.webhook_url }),
                seed: asked.seed,
            };
            rehearse::run_and_print(&options)
        }
        Command::Check { sale, service } => check::run(&service.url, &service.admin_token, &sale),
        Command::Verify { other: Some(Verify::Draw(asked)), .. } => {
            let witness = Witness { tickets: asked.ticket, position: asked.position };
            draw::run(&asked.file, &witness, asked.json)
        }
        Command::Verify { other: None, journal: Some(Journal { file, head }) } => {
            journal::run(&file, head.as_deref())
        }
        Command::Verify { other: None, journal: None } => {
            anyhow::bail!("there is no file to verify")
        }
    }
}
