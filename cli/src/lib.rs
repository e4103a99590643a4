//! What a merchant or developer runs against a Doorbuster: a rehearsal of a sale, and the offline
//! verification of its journals and its draw.

pub mod rehearse;
pub mod verify;
