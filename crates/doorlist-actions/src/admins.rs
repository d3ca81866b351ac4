//! Admins and auditors, and the memberships that other tenants offer to a login.

mod grant;
mod memberships;
mod roles;

pub use grant::{AdminCreate, AdminCreated, AdminOf, NewAdmin};
pub use memberships::{MembershipAccept, MembershipDecline, MembershipList};
pub use roles::{AdminList, AdminRemove};
