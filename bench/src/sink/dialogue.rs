//! The sink's side of the dialogue, without the connection: minimal SMTP. Local parts that begin with `x` are
//! rejected, as the load generator expects of every server.

use memchr::{memchr, memmem};

const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// What a sink says first.
pub(super) fn greeting() -> Vec<u8> {
    b"220 sink.test ESMTP\r\n".to_vec()
}

#[derive(Debug, Default)]
pub(super) struct Dialogue {
    in_data: bool,
    /// Octets of the unfinished message that were looked through already.
    searched: usize,
    over: bool,
}

impl Dialogue {
    /// Whether QUIT was said.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes whole commands and messages from the front of `input`; says how many octets they were.
    pub(super) fn converse(&mut self, input: &[u8], out: &mut Vec<u8>, take: &mut dyn FnMut(&[u8])) -> usize {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            let step = if self.in_data { self.message(rest, out, take) } else { self.command(rest, out) };
            match step {
                Some(count) => used += count,
                None => return used,
            }
        }
    }

    fn message(&mut self, rest: &[u8], out: &mut Vec<u8>, take: &mut dyn FnMut(&[u8])) -> Option<usize> {
        let Some(at) = memmem::find(rest.get(self.searched..)?, END_OF_DATA) else {
            self.searched = rest.len().saturating_sub(END_OF_DATA.len() - 1);
            return None;
        };
        let end = self.searched + at + b"\r\n".len();
        take(rest.get(..end)?);
        out.extend_from_slice(b"250 2.0.0 Ok\r\n");
        self.in_data = false;
        self.searched = 0;
        Some(end + b".\r\n".len())
    }

    fn command(&mut self, rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let end = memchr(b'\n', rest)? + 1;
        let line = rest.get(..end)?;
        let verb = line.get(..4).unwrap_or(line);
        let reply: &[u8] = if verb.eq_ignore_ascii_case(b"RCPT") {
            let name = memchr(b'<', line).and_then(|at| line.get(at + 1));
            if name == Some(&b'x') { b"550 5.1.1 User unknown\r\n" } else { b"250 2.1.5 Ok\r\n" }
        } else if verb.eq_ignore_ascii_case(b"DATA") {
            self.in_data = true;
            b"354 Go ahead\r\n"
        } else if verb.eq_ignore_ascii_case(b"EHLO") {
            b"250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250 8BITMIME\r\n"
        } else if verb.eq_ignore_ascii_case(b"QUIT") {
            self.over = true;
            b"221 2.0.0 Bye\r\n"
        } else {
            b"250 2.0.0 Ok\r\n"
        };
        out.extend_from_slice(reply);
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SESSION: &[u8] = b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u1@c>\r\nRCPT TO:<x1@c>\r\nDATA\r\n\
        one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<u1@c>\r\nDATA\r\ntwo\r\n..\r\n.\r\nQUIT\r\n";

    /// Replies' codes and messages for a session that arrives `step` octets at a time.
    fn arrive(step: usize) -> (String, Vec<Vec<u8>>) {
        let (mut dialogue, mut out, mut messages, mut pending) =
            (Dialogue::default(), Vec::new(), Vec::new(), Vec::new());
        for part in SESSION.chunks(step) {
            pending.extend_from_slice(part);
            let used = dialogue.converse(&pending, &mut out, &mut |message| messages.push(message.to_vec()));
            pending.drain(..used);
        }
        assert!(pending.is_empty() && dialogue.is_over());
        let replies = String::from_utf8(out).unwrap();
        let codes: Vec<&str> = replies.lines().filter(|l| l.as_bytes()[3] == b' ').map(|l| &l[..3]).collect();
        (codes.join(" "), messages)
    }

    #[test]
    fn segments_make_no_difference() {
        for step in 1..=SESSION.len() {
            let (codes, messages) = arrive(step);
            assert_eq!(codes, "250 250 250 550 354 250 250 250 354 250 221", "step {step}");
            assert_eq!(messages, [b"one\r\n".to_vec(), b"two\r\n..\r\n".to_vec()], "step {step}");
        }
    }
}
