//! Random secrets for local runs. Production secrets are set with `wrangler secret put`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Name of the variable that holds the master secret: 32 random bytes, base64url without padding.
pub const SECRET: &str = "DOORBUSTER_SECRET";

/// Name of the variable that holds the bearer token of the admin API.
pub const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// Name of the variable that holds the keys that contacts are sealed with: of each its id, a colon,
/// and 32 random bytes in base64; the first one seals.
pub const CONTACT_KEYS: &str = "CONTACT_KEYS";

/// Name of the variable that says which payment provider there is, and the one that is built in.
/// It is set for local runs alone: a deployment takes no play money unless it is told to.
pub const PAYMENTS: &str = "PAYMENTS";
pub const SANDBOX: &str = "sandbox";

/// The secrets of one local deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    pub secret: String,
    pub admin_token: String,
    pub contact_keys: String,
}

impl Secrets {
    pub fn random() -> Result<Self> {
        let secret = random_base64url::<32>()?;
        let admin_token = format!("local-{}", random_base64url::<18>()?);
        let contact_keys = contact_key("local")?;
        Ok(Self { secret, admin_token, contact_keys })
    }
}

/// Writes `.dev.vars`, which only `wrangler dev` reads, unless it is there. Returns whether it was
/// written.
pub fn ensure_dev_vars(path: &Path) -> Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let Secrets { secret, admin_token, contact_keys } = Secrets::random()?;
    let text = format!(
        "# For `wrangler dev` on this machine only: git ignores this file, wrangler never uploads \
         it.\n{SECRET}=\"{secret}\"\n{ADMIN_TOKEN}=\"{admin_token}\"\n\
         {CONTACT_KEYS}=\"{contact_keys}\"\n{PAYMENTS}=\"{SANDBOX}\"\n"
    );
    write_private(path, &text)?;
    Ok(true)
}

/// Replaces the file at `path`; one it creates is readable by its owner only.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))
}

/// A new key for contacts, by this id.
pub fn contact_key(id: &str) -> Result<String> {
    Ok(format!("{id}:{}", STANDARD.encode(random::<32>()?)))
}

fn random_base64url<const BYTES: usize>() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<BYTES>()?))
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("reading /dev/urandom")?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_32_bytes_and_never_the_same() {
        let first = Secrets::random().unwrap();
        let second = Secrets::random().unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(&first.secret).unwrap().len(), 32);
        assert!(first.admin_token.starts_with("local-"));
        assert_ne!(first.secret, second.secret);
        assert_ne!(first.admin_token, second.admin_token);
    }

    #[test]
    fn dev_vars_are_written_once_and_kept() {
        let folder = std::env::temp_dir().join(format!("doorbuster-vars-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(".dev.vars");
        assert!(ensure_dev_vars(&path).unwrap());
        let written = fs::read_to_string(&path).unwrap();
        assert!(!ensure_dev_vars(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        assert!(written.contains("\nDOORBUSTER_SECRET=\"") && written.contains("\nADMIN_TOKEN=\""));
        assert!(written.contains("\nCONTACT_KEYS=\"local:"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
