//! `doorbuster verify draw FILE`: the domain's own code over the published draw of a sale, and over
//! what its shoppers were given.
//!
//! The file alone shows that the order follows from what was published. That it was published
//! before the shoppers came, they show themselves: each ticket carries half of the commitment, each
//! pass the position.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use doorbuster_domain::hex;
use doorbuster_domain::id::SaleId;
use doorbuster_domain::line::{ALGORITHM, BeaconRound, DrawSecret, Permutation};
use doorbuster_wire::shopper::Draw;
use serde::Serialize;

use super::beacon::Chain;
use super::ticket::{Kind, Shown};

/// What shoppers know of a draw.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    /// Their tickets and passes.
    pub tickets: Vec<String>,
    /// The position that the owner of the only ticket was told.
    pub position: Option<u64>,
}

/// What the verification came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether nothing is wrong. Of a draw that is still to come this says little.
    pub verified: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The sale.
    pub sale: Option<String>,
    /// How many are in the draw.
    pub entries: Option<u64>,
    /// What the order follows from; none if it is not drawn yet.
    pub seed: Option<String>,
    /// A place for each ticket, in the order in which they were given.
    pub tickets: Vec<Place>,
}

/// Where a number stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The number.
    pub number: u64,
    /// The position that follows from it, if it is known already.
    pub position: Option<u64>,
    /// Whether it came early enough for the draw, if that is known already.
    pub in_draw: Option<bool>,
    /// What is not wrong but should be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Verifies a published draw against itself, and what shoppers know against it.
pub fn verify(text: &str, witness: &Witness) -> Verdict {
    let mut verdict = Verdict::default();
    match verdict.fill(text, witness) {
        Ok(()) => verdict.verified = true,
        Err(problem) => verdict.problem = Some(format!("{problem:#}")),
    }
    verdict
}

/// Verifies a file and prints what it came to; whether nothing is wrong.
///
/// # Errors
///
/// If the file cannot be read, or a position is given without the ticket it belongs to.
#[expect(clippy::print_stdout, reason = "it is a command's output")]
pub fn run(file: &Path, witness: &Witness, json: bool) -> Result<bool> {
    ensure!(
        witness.position.is_none() || witness.tickets.len() == 1,
        "a position belongs to exactly one ticket"
    );
    let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let verdict = verify(&String::from_utf8_lossy(&text), witness);
    if json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        verdict.lines().iter().for_each(|line| println!("{line}"));
    }
    Ok(verdict.verified)
}

impl Verdict {
    fn fill(&mut self, text: &str, witness: &Witness) -> Result<()> {
        let draw: Draw = serde_json::from_str(text).context("the file is not a draw as JSON")?;
        let published = Published::of(&draw)?;
        self.sale = Some(published.sale.to_string());
        self.entries = draw.entries;
        let permutation = published.permutation(&draw)?;
        self.seed = permutation.and(draw.seed);
        let count = witness.tickets.len();
        for (index, ticket) in witness.tickets.iter().enumerate() {
            let nth = index.saturating_add(1);
            let shown = Shown::read(ticket)
                .with_context(|| format!("ticket {nth} of {count} cannot be read"))?;
            let place = published.place(&shown, draw.entries, permutation.as_ref())?;
            let (number, position) = (place.number, place.position);
            if let (Some(told), Some(position)) = (witness.position, position) {
                ensure!(
                    told == position,
                    "the position of number {number} is {position}, not {told} as was told"
                );
            }
            self.tickets.push(place);
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        if let Some(problem) = &self.problem {
            return vec![format!("broken: {problem}")];
        }
        let mut lines: Vec<String> = self.tickets.iter().flat_map(Place::lines).collect();
        let sale = self.sale.as_deref().unwrap_or_default();
        lines.push(match (&self.seed, self.entries) {
            (Some(seed), Some(entries)) => {
                format!("verified: the draw of sale {sale}, {entries} entries, seed {seed}")
            }
            _ => format!("not drawn yet: sale {sale} has published its commitment"),
        });
        lines
    }
}

impl Place {
    fn lines(&self) -> impl Iterator<Item = String> {
        let Self { number, position, in_draw, note } = self;
        let whether = match in_draw {
            Some(true) => "in the draw",
            Some(false) => "came after the draw",
            None => "the line has not opened",
        };
        let place = match position {
            Some(position) => format!("number {number}: {whether}, position {position}"),
            None => format!("number {number}: {whether}, no position yet"),
        };
        let note = note.as_ref().map(|note| format!("note: {note}"));
        [Some(place), note].into_iter().flatten()
    }
}

/// What is published before the first ticket, in types.
struct Published {
    sale: SaleId,
    commitment: [u8; 32],
    beacon: Option<(&'static Chain, BeaconRound)>,
}

impl Published {
    fn of(draw: &Draw) -> Result<Self> {
        ensure!(
            draw.algorithm == ALGORITHM,
            "the algorithm is {:?}, and only {ALGORITHM} is known",
            draw.algorithm
        );
        let sale = draw.sale.parse().context("the sale's name")?;
        let commitment = bytes("commitment", &draw.commitment)?;
        let beacon = match &draw.beacon {
            Some(beacon) => {
                ensure!(beacon.round > 0, "the beacon's round is 0, and rounds count from 1");
                let round = BeaconRound { chain: beacon.chain.clone(), round: beacon.round };
                Some((Chain::of_hash(&beacon.chain)?, round))
            }
            None => None,
        };
        Ok(Self { sale, commitment, beacon })
    }

    /// The order that follows from what was published afterwards; none if nothing was yet.
    fn permutation(&self, draw: &Draw) -> Result<Option<Permutation>> {
        let Some(secret) = &draw.secret else {
            ensure!(draw.seed.is_none(), "there is a seed, but no secret that it follows from");
            return Ok(None);
        };
        let secret = DrawSecret::from_bytes(bytes("secret", secret)?);
        let round = self.beacon.as_ref().map(|(_, round)| round);
        ensure!(
            secret.commitment(&self.sale, round).to_string() == draw.commitment,
            "the commitment is not that of this sale, this beacon and this secret"
        );
        let randomness = self.randomness(draw.beacon_signature.as_deref())?;
        let entries = draw.entries.context("there is a secret, but not how many entries")?;
        let published = draw.seed.as_deref().context("there is a secret, but no seed")?;
        bytes("seed", published)?;
        let seed = secret.seed(entries, randomness.as_ref());
        ensure!(
            seed.to_string() == published,
            "the seed is not that of this secret, {entries} entries and this beacon: it is {seed}"
        );
        Ok(Some(Permutation::new(seed, entries)))
    }

    fn randomness(&self, signature: Option<&str>) -> Result<Option<[u8; 32]>> {
        match (&self.beacon, signature) {
            (None, None) => Ok(None),
            (None, Some(_)) => bail!("there is a beacon's signature, but no beacon was named"),
            (Some(_), None) => bail!("a beacon was named, but its signature is missing"),
            (Some((chain, BeaconRound { round, .. })), Some(signature)) => {
                let signature = hex::decode(signature)
                    .context("the beacon's signature is not spelled in small hex digits")?;
                chain.verify(*round, &signature)?;
                Ok(Some(BeaconRound::randomness(&signature)))
            }
        }
    }

    /// Where the owner of a ticket stands, if what it says is what was published.
    fn place(
        &self,
        shown: &Shown,
        entries: Option<u64>,
        permutation: Option<&Permutation>,
    ) -> Result<Place> {
        let (noun, number) = (shown.noun(), shown.number);
        ensure!(
            shown.sale == self.sale,
            "the {noun} with number {number} is for sale {}, not for {}",
            shown.sale,
            self.sale
        );
        let in_draw = entries.map(|entries| number <= entries);
        let position = match permutation {
            Some(permutation) => Some(permutation.position(number)),
            None if in_draw == Some(false) => Some(number),
            None => None,
        };
        match (&shown.kind, position) {
            (Kind::Ticket { commitment, .. }, _) => ensure!(
                self.commitment.first_chunk() == Some(commitment),
                "the ticket with number {number} was made under another commitment"
            ),
            (Kind::Pass { position: admitted }, Some(position)) => ensure!(
                *admitted == position,
                "the position of number {number} is {position}, but its pass says {admitted}"
            ),
            (Kind::Pass { .. }, None) => {}
        }
        let note = in_draw.unwrap_or(true).then(|| self.too_late(shown)).flatten();
        Ok(Place { number, position, in_draw, note })
    }

    /// What to say if the beacon was no surprise any more when a ticket of the draw was made.
    fn too_late(&self, shown: &Shown) -> Option<String> {
        let (chain, beacon) = self.beacon.as_ref()?;
        let round = beacon.round;
        let Kind::Ticket { issued_at, .. } = &shown.kind else { return None };
        let (name, number) = (chain.name, shown.number);
        (beacon.out_at() <= *issued_at).then(|| {
            format!(
                "round {round} of {name} was out before the ticket with number {number} was made"
            )
        })
    }
}

fn bytes(what: &str, text: &str) -> Result<[u8; 32]> {
    hex::decode_32(text)
        .with_context(|| format!("the {what} is not spelled in 64 small hex digits"))
}

#[cfg(test)]
mod tests;
