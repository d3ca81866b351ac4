//! The pages behind links, as a browser, somebody with a telnet client, a program that follows links and a guesser see
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod pages {
    mod confirmations;
    mod site;
    mod uploads;
}
