//! The replies that contain a name: greeting, replies to HELO and EHLO, and 250 with the queue id.
//!
//! They are written into the caller's buffer, so that a session needs only one.

use std::fmt::Display;
use std::io::Write;

/// Extensions of EHLO that depend on the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// Maximum octets of a message (RFC 1870).
    pub size_max: u64,
    /// STARTTLS (RFC 3207): there is a certificate, and the session is not inside TLS.
    pub tls: bool,
}

/// 220, the first line of a session (RFC 5321 §4.3.1).
pub fn greeting(hostname: &str, out: &mut Vec<u8>) {
    write(out, format_args!("220 {hostname} ESMTP Doorlist\r\n"));
}

/// 250 to HELO (RFC 5321 §4.1.1.1).
pub fn hello(hostname: &str, out: &mut Vec<u8>) {
    write(out, format_args!("250 {hostname}\r\n"));
}

/// 250 to EHLO with the extensions; DSN and CHUNKING are not supported.
pub fn ehlo(hostname: &str, extensions: &Extensions, out: &mut Vec<u8>) {
    write(out, format_args!("250-{hostname}\r\n250-PIPELINING\r\n250-SIZE {}\r\n", extensions.size_max));
    if extensions.tls {
        out.extend_from_slice(b"250-STARTTLS\r\n");
    }
    out.extend_from_slice(b"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
}

/// 250 to the end of a message that is on stable storage (RFC 5321 §4.2.5).
pub fn queued(id: impl Display, out: &mut Vec<u8>) {
    write(out, format_args!("250 2.0.0 Ok: queued as {id}\r\n"));
}

/// Writing into memory cannot fail.
fn write(out: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(line);
}
