//! The memory: the only crate that knows SQL (SQLite or PostgreSQL).
