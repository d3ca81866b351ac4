//! The office: one function per action of a person or a script.
