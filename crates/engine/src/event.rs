//! What the outside tells the engine.
