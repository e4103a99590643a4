//! What a merchant or developer runs against a Doorbuster: the check before a sale, a rehearsal of
//! one, and the offline verification of its journals and its draw.

pub mod check;
pub mod rehearse;
pub mod verify;
