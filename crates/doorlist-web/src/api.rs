//! `/api/v1/`: the API, spoken as the libraries of MailRoute speak it. Handlers parse, call one function of the actions
//! (`doorlist_actions`), and print; what a caller may do is for the actions to say. Must not know SQL or how keys are
//! kept.
//!
//! | module | what it is |
//! |---|---|
//! | `spec` | resources as data: fields, filters, methods; the source of schema, OpenAPI and routes |
//! | `resource`, `exchange` | one request for any resource, from bytes to bytes |
//! | `large` | large bodies: limits of number and size |
//! | `to_its_end` | completes write requests even if the client disconnects |
//! | `answers` | results as status, headers and JSON |
//! | `body`, `query`, `unsupported`, `link` | input: fields, list parameters, references to objects |
//! | `conditions` | ETag and If-Match |
//! | `show` | output: envelopes, dates, errors |
//! | `schema`, `openapi` | the schemas and the OpenAPI document |
//! | `gate` | authentication and rate limits |
//! | `missing` | resources that have no objects, and parts that do not exist |
//! | the others | one resource each |

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
mod openapi;
mod policy;
mod query;
mod reseller;
mod resource;
mod routes;
mod schema;
mod sender_rule;
mod show;
mod spec;
mod to_its_end;
mod unsupported;

pub use gate::{ApiConfig, ApiState, AuditLine, Trail};
pub use large::LARGE_BODY_MAX;
pub use openapi::document as openapi_document;
pub use routes::api;

/// The base path of the API.
pub(crate) const BASE: &str = "/api/v1/";
