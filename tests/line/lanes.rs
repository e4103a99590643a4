//! Many who ask one object at the same time, for longer than V8 takes to optimise what they run.

use doorbuster_bench::load::{Load, Reply, Stop, Workload, render_into, run};
use doorbuster_tests::{Sale, Shop, Shopper, rules};
use doorbuster_wire::shopper::Reservation;

/// Some seconds of load. When those who wait did so by `new Promise`, answers went wrong after
/// 12,000 to 17,000.
const REQUESTS: u64 = 50_000;
const PEOPLE: u32 = 64;

/// People who repeat their reserve, which is answered by the object each time.
struct Repeating<'s> {
    path: String,
    people: Vec<(Shopper<'s>, String)>,
}

impl Repeating<'_> {
    fn person(&self, number: u64) -> &(Shopper<'_>, String) {
        let index = usize::try_from(number).unwrap() % self.people.len();
        &self.people[index]
    }
}

impl Workload for Repeating<'_> {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) -> u8 {
        let (shopper, _) = self.person(number);
        let headers = [
            ("doorbuster-shopper", shopper.secret.as_str()),
            ("doorbuster-pass", shopper.pass.as_deref().unwrap_or_default()),
            ("idempotency-key", "k"),
        ];
        render_into(out, "POST", &self.path, &headers, b"");
        0
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<u8, String> {
        reply.success()?;
        let theirs: Reservation =
            serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
        let (_, own) = self.person(reply.number);
        if theirs.reservation == *own { Ok(0) } else { Err("it is somebody else's".to_owned()) }
    }
}

/// Has everybody repeat their reserve so many times in all.
fn all_are_answered_with_their_own(shop: &Shop) {
    let sale = Sale::open(shop, PEOPLE, &rules());
    let people = (0..PEOPLE).map(|_| {
        let shopper = Shopper::admitted(&sale);
        let reservation = shopper.hold("k", 1).reservation;
        (shopper, reservation)
    });
    let people = people.collect();
    let mut repeating = Repeating { path: sale.sku_path("/reservations"), people };
    let load = Load::new(shop.address(), &mut repeating);
    let ran = run(&mut Load { stop: Stop::Count(REQUESTS), ..load }).unwrap();
    assert!(ran.is_clean(), "{} errors, {} wrong: {:?}", ran.errors, ran.wrong, ran.complaints);
    assert_eq!(sale.counts(), (PEOPLE, PEOPLE, 0));
}

#[test]
fn who_shares_a_call_of_an_object_is_answered_and_with_their_own_however_long_it_goes_on() {
    all_are_answered_with_their_own(&Shop::behind("metered.mjs", "line-lanes"));
}

#[test]
fn who_shares_a_call_is_answered_also_when_the_object_is_far_away() {
    let home = Shop::behind("home.mjs", "line-lanes-home");
    let far = home.far_edge("line-lanes-far", home.address());
    all_are_answered_with_their_own(&far);
}
