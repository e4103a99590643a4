//! The JavaScript peers keep the contract, on the real workerd.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::PathBuf;

use doorbuster_bench::systems::contract::{self, Stock};
use doorbuster_bench::systems::{System, pass_vars, start};
use doorbuster_domain::id::{SaleId, Sku};
use doorbuster_domain::sealed::Keyring;
use doorbuster_domain::time::Millis;

/// A folder that is removed with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("doorbuster-peer-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn keyring() -> Keyring {
    Keyring::new(&[1; 32], None).unwrap()
}

/// Checks the contract, kills the peer, and looks whether it still knows everything.
fn keeps_the_contract(name: &str, system: System, further_vars: &[(&str, &str)]) {
    let (sale, sku): (SaleId, Sku) = ("drop".parse().unwrap(), "unit".parse().unwrap());
    let folder = Folder::new(name);
    let mut vars = pass_vars(&keyring());
    vars.extend(further_vars.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let mut running = start(system, &folder.0, None, &vars).unwrap();
    contract::check(running.addr(), &keyring(), &sale, &sku).unwrap();
    running.restart().unwrap();
    let stock = contract::stock(running.addr(), &sale, &sku).unwrap();
    assert_eq!(stock, Stock { on_hand: 2, reserved: 0, allocated: 2, outbox: 2 });
    let crowd = contract::stock(running.addr(), &sale, &"unit-crowd".parse().unwrap()).unwrap();
    assert_eq!(crowd, Stock { on_hand: 5, reserved: 5, allocated: 0, outbox: 0 });
    contract::check(running.addr(), &keyring(), &sale, &"again".parse().unwrap()).unwrap();
}

#[test]
fn the_idiomatic_peer_keeps_the_contract_also_when_it_is_killed() {
    keeps_the_contract("idiomatic", System::JsIdiomatic, &[]);
}

#[test]
fn the_tuned_peer_keeps_the_contract_also_when_it_is_killed() {
    keeps_the_contract("tuned", System::JsTuned, &[]);
}

#[test]
fn the_tuned_peer_without_calls_together_keeps_the_contract_also_when_it_is_killed() {
    keeps_the_contract("alone", System::JsTuned, &[("TOGETHER", "off")]);
}

#[test]
fn a_peer_with_the_key_of_others_fails_the_check() {
    let folder = Folder::new("strange");
    let strange = pass_vars(&Keyring::new(&[2; 32], None).unwrap());
    let running = start(System::JsTuned, &folder.0, None, &strange).unwrap();
    let (sale, sku): (SaleId, Sku) = ("drop".parse().unwrap(), "unit".parse().unwrap());
    let error = contract::check(running.addr(), &keyring(), &sale, &sku).unwrap_err();
    assert!(format!("{error:#}").starts_with("buying: nothing was reserved"), "{error:#}");
}

#[test]
fn a_restock_that_takes_what_was_reserved_is_refused() {
    for (name, system) in [("stock-a", System::JsIdiomatic), ("stock-b", System::JsTuned)] {
        let folder = Folder::new(name);
        let running = start(system, &folder.0, None, &pass_vars(&keyring())).unwrap();
        let (sale, sku): (SaleId, Sku) = ("drop".parse().unwrap(), "unit".parse().unwrap());
        contract::check(running.addr(), &keyring(), &sale, &sku).unwrap();
        let set = |units| contract::set_stock(running.addr(), &sale, &sku, units, Millis::new(1));
        assert!(set(1).is_err(), "{name} took back a sold unit");
        set(3).unwrap();
        let stock = contract::stock(running.addr(), &sale, &sku).unwrap();
        assert_eq!(stock, Stock { on_hand: 3, reserved: 0, allocated: 2, outbox: 2 });
    }
}
