//! Reading directories as a whole: real ones from the testbed, and scripted ones that are broken or hostile.

mod hostile;
mod openldap;
mod reading;
mod samba;
