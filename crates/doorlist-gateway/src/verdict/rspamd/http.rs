//! One HTTP request to Rspamd. A connection of its own for each, and an answer that is read to its end within a size and
//! the message's time: nothing else of HTTP is needed.

use crate::config::RspamdAddress;
use crate::verdict::ScannedMessage;
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Time for the connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Octets of an answer; those of real mail have some ten thousand.
const ANSWER_MAX: usize = 1024 * 1024;
/// Recipients that are named; Rspamd looks at few of them.
const RECIPIENTS_MAX: usize = 100;

/// The status of an answer with a verdict.
const DONE: &str = "200";
/// RFC 9110 §15.5.14: Rspamd's `max_message` is smaller than the message.
const TOO_LARGE: &str = "413";

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PostError {
    /// There is nobody, or nobody who speaks HTTP.
    Failed(String),
    /// The message is too large for Rspamd.
    Unwanted,
}

impl From<String> for PostError {
    fn from(why: String) -> Self {
        PostError::Failed(why)
    }
}

/// Posts a message; the body of the answer.
pub(super) async fn post(
    address: &RspamdAddress,
    message: &ScannedMessage,
    until: Instant,
) -> Result<Vec<u8>, PostError> {
    let late = |_| Err(PostError::Failed("no answer in time".to_owned()));
    timeout_at(until, exchange(address, message)).await.unwrap_or_else(late)
}

async fn exchange(address: &RspamdAddress, message: &ScannedMessage) -> Result<Vec<u8>, PostError> {
    let connecting = timeout(CONNECT_MAX, TcpStream::connect((address.host.as_str(), address.port))).await;
    let mut stream = connecting.map_err(|_| "no connection in time".to_owned())?.map_err(|error| error.to_string())?;
    let sent = send(&mut stream, address, message).await;
    // One that refuses early may close before it has read all: its answer counts, if there is one.
    let answer = read(&mut stream).await;
    match (answer, sent) {
        (Ok(answer), _) => body_of(&answer),
        (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error.into()),
    }
}

async fn send(stream: &mut TcpStream, address: &RspamdAddress, message: &ScannedMessage) -> Result<(), String> {
    let head = head(address, message);
    stream.write_all(head.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut reader = message.body.reader().await.map_err(|error| error.to_string())?;
    while let Some(chunk) = reader.chunk().await.map_err(|error| error.to_string())? {
        stream.write_all(chunk).await.map_err(|error| error.to_string())?;
    }
    stream.flush().await.map_err(|error| error.to_string())
}

fn head(address: &RspamdAddress, message: &ScannedMessage) -> String {
    let mut head = format!(
        "POST /checkv2 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\nQueue-Id: {}\r\n",
        message.body.len(),
        message.id
    );
    let mut add = |name: &str, value: &str| {
        // What cannot stand in a header line is left out; paths have none of it.
        if !value.chars().any(char::is_control) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    };
    if let Some(client) = message.client.address {
        add("IP", &client.to_canonical().to_string());
    }
    add("Helo", &message.client.helo);
    add("From", &message.sender);
    for recipient in message.recipients.iter().take(RECIPIENTS_MAX) {
        add("Rcpt", recipient);
    }
    head.push_str("\r\n");
    head
}

/// Reads to the end of the connection, or of what the answer says of its length.
async fn read(stream: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut answer = Vec::new();
    while answer.len() <= ANSWER_MAX {
        if stream.read_buf(&mut answer).await.map_err(|error| error.to_string())? == 0 || is_whole(&answer) {
            return Ok(answer);
        }
    }
    Err("its answer is too long".to_owned())
}

fn parts(answer: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")?;
    Some((std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]))
}

fn length_of(head: &str) -> Option<usize> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value).next();
    length?.trim().parse().ok()
}

fn is_whole(answer: &[u8]) -> bool {
    parts(answer).is_some_and(|(head, body)| length_of(head).is_some_and(|length| body.len() >= length))
}

fn body_of(answer: &[u8]) -> Result<Vec<u8>, PostError> {
    let (head, body) = parts(answer).ok_or_else(|| "its answer is no HTTP".to_owned())?;
    let status = head.lines().next().unwrap_or_default();
    match status.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)) {
        Some(DONE) => {}
        Some(TOO_LARGE) => return Err(PostError::Unwanted),
        _ => return Err(format!("it answered {:?}", status.chars().take(80).collect::<String>()).into()),
    }
    match length_of(head) {
        Some(length) if body.len() < length => Err("its answer is cut off".to_owned().into()),
        Some(length) => Ok(body[..length].to_vec()),
        None => Ok(body.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_whole_or_not_at_all() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Some("{}")),
            ("HTTP/1.0 200 OK\r\ncontent-length:2\r\n\r\n{}x", Some("{}")),
            ("HTTP/1.1 200 OK\r\n\r\n{}", Some("{}")),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", None),
            ("HTTP/1.1 403 no\r\n\r\n{}", None),
            ("HTTP/2 200\r\n\r\n{}", None),
            ("SSH-2.0-OpenSSH_9.2\r\n", None),
            ("", None),
        ] {
            let body = body_of(answer.as_bytes()).ok();
            assert_eq!(body.as_deref(), expected.map(str::as_bytes), "{answer}");
        }
        let refused = "HTTP/1.1 413 Request entity too large: 9\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(body_of(refused.as_bytes()), Err(PostError::Unwanted));
    }
}
