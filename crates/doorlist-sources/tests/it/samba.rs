//! A real Active Directory.
