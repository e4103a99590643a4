//! The floors and peers that run on workerd.
