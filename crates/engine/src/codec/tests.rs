//! The codec keeps its bounds.
