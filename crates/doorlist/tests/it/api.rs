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
//! | `matrix` | every path, method and caller of `openapi.json`: does nobody see or change what is not theirs? |
//! | `schemathesis` | does `openapi.json` say the truth, whatever is sent? |
//!
//! `http` is the client, which sends exactly what it is told; `canned` answers what it is told, so that the suite itself
//! can be shown to fail.

mod canned;
mod contacts;
mod facts;
mod flows;
mod http;
mod hung_up;
mod matrix;
mod rcpt;
mod schemathesis;
