//! `kill -9` in the middle of a crowd: the process dies, the promises do not.

use std::thread;
use std::time::Duration;

use doorbuster_cli::rehearse::{self, Options, ProgressBar};
use doorbuster_tests::start_server;
use xtask::bundle::Build;

/// Milliseconds from one restart to the next kill. Uneven, so that the kills meet joining,
/// reserving, paying, expiring and settling; together well within the crowd's stay.
const LIVES_MS: [u64; 6] = [900, 1_300, 700, 2_100, 1_100, 1_700];

#[test]
fn a_sale_keeps_its_promises_through_six_kills() {
    let mut server = start_server("crash", Build::Release);
    let options = Options {
        url: server.url(),
        admin_token: server.admin_token().to_owned(),
        catalog: rehearse::SAMPLE_CATALOG.to_vec(),
        currency: "EUR".to_owned(),
        shoppers: 600,
        skus: 3,
        // Places through kills have tests of their own, in `tests/line/`.
        line: false,
        webhooks: None,
        seed: 4,
    };
    let rehearsal = thread::spawn(move || rehearse::run(&options, &ProgressBar::hidden()));
    for life_ms in LIVES_MS {
        thread::sleep(Duration::from_millis(life_ms));
        assert!(!rehearsal.is_finished(), "the kills have to meet the crowd");
        server.restart().unwrap();
    }
    let report = rehearsal.join().unwrap().unwrap();
    assert!(report.summary.repeated_requests > 0, "the kills have to be felt");
    assert_eq!(report.broken, Vec::<String>::new(), "{:#?}", report.summary);
}
