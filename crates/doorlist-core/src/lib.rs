//! The rules: addresses, domains, the list, decide(), limits against guessing, retry schedule. Pure.
