//! Shoal's node.
