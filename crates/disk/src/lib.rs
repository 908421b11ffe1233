//! Shoal's disk.
