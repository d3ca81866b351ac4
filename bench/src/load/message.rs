//! The message of the load: fixed octets after a unique number, so that the sink detects missing, duplicate and
//! changed messages.

use anyhow::Result;
use memchr::memmem;

/// Header field that carries the number. It comes first: whatever follows it must arrive as it was sent.
const NUMBER_FIELD: &[u8] = b"X-Load-Number: ";
/// Decimal digits of a number.
const NUMBER_DIGITS: usize = 10;
/// The rest of the header section.
const HEADERS: &[u8] = b"From: <sender@src.example>\r\nTo: <list@example.test>\r\nSubject: load\r\n\
    Message-ID: <load@src.example>\r\nDate: Mon, 23 Nov 2026 06:00:00 +0000\r\n\r\n";
/// Octets of a body line without its CRLF.
const LINE: usize = 76;
/// Octets of a signature with a key of 2,048 bits, about.
const SIGNATURE: usize = 600;

/// A message of a given size; see the module.
#[derive(Debug)]
pub(crate) struct Message {
    /// Everything behind the number: CRLF, the other headers, the body.
    constant: Vec<u8>,
    /// Words that servers must have put in front of it.
    proof: &'static [&'static str],
}

impl Message {
    /// A message of about `size` octets as it stands between DATA and the final dot.
    pub(crate) fn new(size: usize) -> Self {
        let mut constant = b"\r\n".to_vec();
        constant.extend_from_slice(HEADERS);
        let front = NUMBER_FIELD.len() + NUMBER_DIGITS;
        while front + constant.len() + 2 < size {
            let room = size - front - constant.len() - 2;
            constant.extend((b'A'..=b'Z').cycle().take(room.min(LINE)));
            constant.extend_from_slice(b"\r\n");
        }
        Self { constant, proof: &[] }
    }

    /// The same with what `sign` makes of it in front of all fields but the number; it must arrive with these words before
    /// it, each in a header field that a server added.
    pub(crate) fn signed(
        size: usize,
        proof: &'static [&'static str],
        sign: impl Fn(&[u8]) -> Result<String>,
    ) -> Result<Self> {
        let unsigned = Self::new(size.saturating_sub(SIGNATURE)).constant;
        let signature = sign(unsigned.strip_prefix(b"\r\n").unwrap_or(&unsigned))?;
        let constant = [b"\r\n", signature.as_bytes(), unsigned.get(2..).unwrap_or_default()].concat();
        Ok(Self { constant, proof })
    }

    /// Writes message `number` and the final dot.
    pub(crate) fn write(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(NUMBER_FIELD);
        out.extend_from_slice(format!("{number:0NUMBER_DIGITS$}").as_bytes());
        out.extend_from_slice(&self.constant);
        out.extend_from_slice(b".\r\n");
    }

    /// The number of a message that arrived (without its final dot); none if it is not what was sent.
    pub(crate) fn recognise(&self, arrived: &[u8]) -> Option<u64> {
        let front = arrived.strip_suffix(self.constant.as_slice())?;
        let (rest, number) = front.split_at_checked(front.len().checked_sub(NUMBER_DIGITS)?)?;
        if memmem::rfind(rest, NUMBER_FIELD)? + NUMBER_FIELD.len() != rest.len() {
            return None;
        }
        if self.proof.iter().any(|words| memmem::find(rest, words.as_bytes()).is_none()) {
            return None;
        }
        std::str::from_utf8(number).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sent(message: &Message, number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        message.write(number, &mut out);
        out.strip_suffix(b".\r\n").unwrap().to_vec()
    }

    #[test]
    fn has_the_size_asked_for_and_no_line_that_begins_with_a_dot() {
        let arrived = sent(&Message::new(4096), 1);
        assert!((4080..=4096).contains(&arrived.len()), "{}", arrived.len());
        assert!(!arrived.windows(3).any(|w| w == b"\r\n."));
    }

    #[test]
    fn is_recognised_behind_trace_headers() {
        let message = Message::new(1024);
        let mut arrived = b"Received: from src.example by gw.test\r\n".to_vec();
        arrived.extend(sent(&message, 4711));
        assert_eq!(message.recognise(&arrived), Some(4711));
    }

    #[test]
    fn a_signed_message_is_recognised_behind_its_proof_only() {
        let message = Message::signed(4096, &["dkim=pass"], |_| Ok("DKIM-Signature: b\r\n".to_owned())).unwrap();
        let arrived = sent(&message, 7);
        assert!(arrived.starts_with(b"X-Load-Number: 0000000007\r\nDKIM-Signature: b\r\nFrom: "));
        assert_eq!(message.recognise(&arrived), None);
        let judged = [b"Authentication-Results: gw.test; dkim=pass\r\n".to_vec(), arrived].concat();
        assert_eq!(message.recognise(&judged), Some(7));
    }

    #[test]
    fn a_changed_octet_is_not_recognised() {
        let message = Message::new(1024);
        let good = sent(&message, 1);
        for at in [0, 20, 40, 600, good.len() - 1] {
            let mut arrived = good.clone();
            arrived[at] ^= 0x20;
            assert_eq!(message.recognise(&arrived), None, "octet {at}");
        }
    }
}
