//! What the engine wants done.
