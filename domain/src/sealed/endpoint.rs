//! The secrets of webhooks that leave: derived for each endpoint, and never stored.

use super::Keyring;
use super::keyring::derive;
use crate::id::EndpointName;
use crate::webhook::Secret;

/// From which the secrets of endpoints are derived.
pub(super) struct EndpointKey(pub(super) [u8; 32]);

impl EndpointKey {
    /// A version is all digits up to the slash, so no two names and versions read the same.
    fn secret(&self, endpoint: &EndpointName, version: u64) -> Secret {
        Secret::from_bytes(derive(&self.0, &format!("{version}/{endpoint}")))
    }
}

impl Keyring {
    /// The secret that webhooks to an endpoint are signed with, in its form of this version. Who
    /// reads the database alone does not have it.
    pub fn endpoint_secret(&self, endpoint: &EndpointName, version: u64) -> Secret {
        self.current.endpoints.secret(endpoint, version)
    }

    /// All secrets that an endpoint's shop may hold of these versions, the newest first: while the
    /// keyring's own secrets rotate, also those derived from the previous one.
    pub fn endpoint_secrets(&self, endpoint: &EndpointName, versions: &[u64]) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for version in versions {
            secrets.extend(self.in_use().map(|keys| keys.endpoints.secret(endpoint, *version)));
        }
        secrets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> EndpointName {
        "shop".parse().unwrap()
    }

    #[test]
    fn the_secret_of_an_endpoint_is_unchanged() {
        let keyring = Keyring::new(&[1; 32], None).unwrap();
        let text = keyring.endpoint_secret(&shop(), 1).to_string();
        assert_eq!(text, "whsec_QvoJlQaYWlroPiXCTe1byZxgtfzzNmRTNhLcPcIkkYc=");
    }

    #[test]
    fn every_endpoint_and_version_has_a_secret_of_its_own() {
        let keyring = Keyring::new(&[1; 32], None).unwrap();
        let other = Keyring::new(&[2; 32], None).unwrap();
        let secret = |keyring: &Keyring, name: &str, version| {
            keyring.endpoint_secret(&name.parse().unwrap(), version)
        };
        let mine = secret(&keyring, "shop", 1);
        assert_ne!(mine, secret(&keyring, "shop", 2));
        assert_ne!(mine, secret(&keyring, "shop2", 1));
        assert_ne!(mine, secret(&other, "shop", 1));
        assert_eq!(mine, secret(&keyring, "shop", 1));
    }

    #[test]
    fn while_the_keyring_rotates_the_secrets_of_both_of_its_own_are_in_use() {
        let new = Keyring::new(&[2; 32], None).unwrap();
        let old = Keyring::new(&[1; 32], None).unwrap();
        let rotating = Keyring::new(&[2; 32], Some(&[1; 32])).unwrap();
        let of = |keyring: &Keyring, version| keyring.endpoint_secret(&shop(), version);
        assert_eq!(of(&rotating, 5), of(&new, 5));
        let expected = [of(&new, 5), of(&old, 5), of(&new, 4), of(&old, 4)];
        assert_eq!(rotating.endpoint_secrets(&shop(), &[5, 4]), expected);
    }
}
