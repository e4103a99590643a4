//! What breaks on purpose, and what must not break with it: the build with test hooks.

#[cfg(test)]
mod asleep;
#[cfg(test)]
mod books;
mod cancelling;
mod carts;
#[cfg(test)]
mod contacts;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod webhooks;
