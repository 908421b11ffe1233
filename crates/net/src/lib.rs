//! Shoal's net.
