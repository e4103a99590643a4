//! A whole sale, rehearsed: a merchant's catalog goes in, a crowd comes, and at the end everything
//! is counted again from two independent sources.

mod audit;
mod cancel;
mod client;
mod crowd;
pub(crate) mod merchant;
mod receiver;
mod report;
mod shopper;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::ProgressStyle;
use tokio::time::Instant;

pub use self::report::Report;
pub use indicatif::ProgressBar;

use self::audit::Audit;
use self::crowd::Crowd;
use self::merchant::{Merchant, SaleSetup};
use self::receiver::{Receiver, Told};

/// The catalog that comes with the product.
pub const SAMPLE_CATALOG: &[u8] = include_bytes!("../../../sample/catalog.csv");

/// How long after the last shopper left everything has to be settled. Longer than a reservation
/// and a payment that were walked away from, and a repeat of the outbox.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// How long after that the merchant's shop has to be told of everything.
const TOLD_WITHIN: Duration = Duration::from_secs(90);

/// What to rehearse, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the service is.
    pub url: String,
    /// The merchant's token.
    pub admin_token: String,
    /// Shopify's product CSV.
    pub catalog: Vec<u8>,
    /// The currency of its prices.
    pub currency: String,
    /// How many shoppers come.
    pub shoppers: u32,
    /// How many SKUs are sold.
    pub skus: u32,
    /// Whether those who come first are drawn and let in as the stock allows; else everybody is let
    /// in at once.
    pub line: bool,
    /// The merchant's shop, if it is there to be told.
    pub webhooks: Option<Webhooks>,
    /// What the shoppers do is drawn from this.
    pub seed: u64,
}

/// Where the merchant's shop takes webhooks during a rehearsal.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Where it listens; any free port if that is 0.
    pub listen: SocketAddr,
    /// Where the service finds it, if that is elsewhere, such as at a proxy or a tunnel.
    pub address: Option<String>,
}

/// Reads a catalog file.
///
/// # Errors
///
/// If it cannot be read.
pub fn read_catalog(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("reading {}", file.display()))
}

/// Rehearses with a live display, prints table and summary; whether every promise was kept.
///
/// # Errors
///
/// If the rehearsal could not be carried through.
#[expect(clippy::print_stdout, reason = "it is a command's output")]
pub fn run_and_print(options: &Options) -> Result<bool> {
    let bar = ProgressBar::new(u64::from(options.shoppers));
    let style = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} shoppers  {msg}")?;
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let report = run(options, &bar)?;
    bar.finish_and_clear();
    println!("{}", report.table());
    for broken in &report.broken {
        println!("broken promise: {broken}");
    }
    println!("demo: {}", serde_json::to_string(&report.summary)?);
    Ok(report.broken.is_empty())
}

/// Rehearses a sale.
///
/// # Errors
///
/// If the rehearsal could not be carried through; what it found wrong is in the report instead.
pub fn run(options: &Options, bar: &ProgressBar) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(rehearse(options, bar))
}

async fn rehearse(options: &Options, bar: &ProgressBar) -> Result<Report> {
    let started = Instant::now();
    let merchant = Merchant::new(&options.url, &options.admin_token)?;
    bar.set_message("importing the catalog and opening the sale");
    let shop = match &options.webhooks {
        Some(webhooks) => Some(listen(&merchant, webhooks).await?),
        None => None,
    };
    let setup: SaleSetup = merchant.set_up(options).await?;
    let crowd = Crowd::new(options, &setup);
    let history = crowd.run(bar).await;
    bar.set_message("waiting until everything is settled");
    merchant.settled_state(&setup.sale, SETTLED_WITHIN).await?;
    bar.set_message("cancelling two orders");
    let cancelled = cancel::cancel_two(&merchant, &setup.sale).await?;
    let state = merchant.settled_state(&setup.sale, SETTLED_WITHIN).await?;
    bar.set_message("counting again from the books and the journals");
    let mut audit = Audit::take(&merchant, &setup).await?;
    let wrong = cancel::check(&cancelled, &audit, (&crowd, &setup, &state)).await?;
    audit.broken.extend(wrong);
    if setup.line {
        audit.check_draw(&merchant.draw(&setup.sale).await?, &history.seen);
    }
    let told = match &shop {
        Some(shop) => {
            bar.set_message("waiting until the merchant's shop is told");
            let expected = audit.to_tell(&setup.sale);
            Some(heard(&merchant, shop, &expected).await?)
        }
        None => None,
    };
    Ok(Report::new(&setup, &history, &state, &audit, told.as_ref(), started.elapsed()))
}

/// The shop listens, and the service is told where.
async fn listen(merchant: &Merchant, webhooks: &Webhooks) -> Result<Receiver> {
    let shop = Receiver::start(webhooks.listen).await?;
    let address = webhooks.address.clone().unwrap_or_else(|| format!("http://{}/", shop.address()));
    shop.believe(&merchant.put_webhook(&address).await?)?;
    Ok(shop)
}

/// What the shop was told, and how much of what it should have been it was not. Then it is gone.
async fn heard(
    merchant: &Merchant,
    shop: &Receiver,
    expected: &BTreeSet<(&str, String)>,
) -> Result<(Told, u64)> {
    let told = shop.told(expected, TOLD_WITHIN).await;
    merchant.delete_webhook().await?;
    let lost = told.missing(expected);
    Ok((told, lost))
}
