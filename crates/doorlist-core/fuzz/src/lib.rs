//! What the fuzz targets check. The laws stand beside the tests, which replay the kept inputs with the same functions.

#[path = "../../tests/laws/invariants/mod.rs"]
pub mod invariants;
