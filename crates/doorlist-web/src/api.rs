//! `/api/v1/`: the API, spoken as the libraries of MailRoute speak it. Handlers parse, call one function of the actions
//! (`doorlist_actions`), and print; what a caller may do is for the actions to say. Must not know SQL or how keys are
//! kept.
//!
//! | module | what it is |
//! |---|---|
//! | `spec` | what a noun has: fields, filters, methods; the one source of schema, OpenAPI and routes |
//! | `noun`, `exchange` | one request of any noun, from bytes to bytes |
//! | `large` | large bodies: how many at once, and of how many values |
//! | `to_its_end` | what writes goes on although its client has gone |
//! | `answers` | what became of a request, as status, headers and JSON |
//! | `body`, `query`, `link` | what came in: fields, list parameters, references to objects |
//! | `conditions` | whether an object is still as a client saw it |
//! | `show` | what goes out: envelopes, dates, errors |
//! | `schema`, `openapi` | the API told about itself |
//! | `gate` | who asks, and how often |
//! | the others | a noun each |

mod admins;
mod answers;
mod body;
mod branding;
mod bulk;
mod command;
mod conditions;
mod contacts;
mod customer;
mod domain;
mod domain_alias;
mod email_account;
mod exchange;
mod gate;
mod large;
mod ldapsync;
mod link;
mod localpart_alias;
mod mail_server;
mod memberships;
mod missing;
mod noun;
mod openapi;
mod policy;
mod query;
mod reseller;
mod routes;
mod schema;
mod sender_rule;
mod show;
mod spec;
mod to_its_end;

pub use gate::{ApiConfig, ApiState, AuditLine, Trail};
pub use large::LARGE_BODY_MAX;
pub use openapi::document as openapi_document;
pub use routes::api;

/// Under which path everything stands.
pub(crate) const BASE: &str = "/api/v1/";
