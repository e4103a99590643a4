//! What objects leave in the memory of the instance when they are put to sleep.

use std::thread::sleep;
use std::time::Duration;

use doorbuster_tests::{Sale, Shop, rules};
use xtask::bundle::Build;

/// An object that nobody asks anything is put to sleep after 10 s.
const ASLEEP_AFTER: Duration = Duration::from_secs(12);

#[test]
fn what_an_object_had_in_memory_is_given_back_once() {
    let shop = Shop::start("asleep", Build::TestHooks);
    let sales: Vec<_> = (0..30).map(|_| Sale::draft(&shop, 5, &rules())).collect();
    sleep(ASLEEP_AFTER);
    // They wake, and then the garbage collector comes by: nobody has to wait for it for long.
    for _ in 0..3 {
        for sale in &sales {
            assert_eq!(sale.counts(), (5, 0, 0));
        }
        for _ in 0..20 {
            let nonsense = shop.import(&vec![b'x'; 4_000_000]).send();
            assert_ne!(nonsense.status, 503, "{}", nonsense.text());
        }
    }
    assert!(!shop.log().contains("RuntimeError"), "{}", shop.log());
}
