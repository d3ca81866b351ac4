//! The HTTP API `/api/v1/`, held against what its clients send and demand. The tests come from the facts, not from the
//! code: whoever changes an answer changes a file in `tests/api` that a person can read.
//!
//! | module | what it asks |
//! |---|---|
//! | `facts` | does every answer look as the files in `tests/api/facts` say, on both engines? |
//! | `flows` | do whole conversations go as the known clients have them (`tests/api/flows`)? |
//! | `rcpt` | what does the running gateway say about an address a moment after the API was told? |
//! | `contacts` | what goes out to a contact that a tenant named? |
//! | `hung_up` | is what is asked done to its end, and noted, although its client has gone? |
//! | `mail_servers` | who names a server decides where it may be |
//! | `matrix` | every path, method and caller of `openapi.json`: does nobody see or change what is not theirs? |
//! | `audit` | is what known logins do kept so that it proves itself, in the store and in files? |
//! | `strangers` | is nothing kept of those who are not known? |
//! | `schemathesis` | does `openapi.json` say the truth, whatever is sent? |
//!
//! `http` is the client, which sends exactly what it is told; `canned` answers what it is told, so that the suite itself
//! can be shown to fail.

mod audit;
mod canned;
mod contacts;
mod facts;
mod flows;
mod http;
mod hung_up;
mod mail_servers;
mod matrix;
mod rcpt;
mod schemathesis;
mod strangers;
