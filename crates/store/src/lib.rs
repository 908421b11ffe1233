//! Shoal's store.
