#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is written is read back, and nothing else is.

use super::*;
use crate::spool::{ClientInfo, EnvelopeRecipient, MessageKind, RecipientState};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::{
    Assessment, Authentication, AuthenticationResult, ContentVerdict, DkimCheck, SpfCheck, SpfIdentity,
};
use proptest::prelude::*;

/// Texts without control characters, which no address of ours has.
const PATH: &str = "[^\\x00-\\x1f\\x7f]{0,40}";

fn assessments() -> impl Strategy<Value = Assessment> {
    let result = || prop_oneof![Just(AuthenticationResult::Pass), Just(AuthenticationResult::TempError)];
    let domain = || prop_oneof![Just(None), Just("example.test".parse().ok())];
    let spf =
        (result(), domain()).prop_map(|(result, domain)| SpfCheck { result, identity: SpfIdentity::Helo, domain });
    let dkim = (result(), domain()).prop_map(|(result, domain)| DkimCheck { result, domain });
    let authentication = (spf, prop::collection::vec(dkim, 0..3), result(), result(), domain())
        .prop_map(|(spf, dkim, dmarc, arc, from)| Authentication { spf, dkim, dmarc, arc, from });
    (prop::sample::select(ContentVerdict::ALL.to_vec()), prop::option::of(authentication))
        .prop_map(|(verdict, authentication)| Assessment { verdict, authentication })
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let recipient = (PATH, any::<Option<u32>>(), any::<Option<u32>>(), any::<bool>()).prop_map(
        |(path, domain, address, system)| EnvelopeRecipient {
            path: path.into(),
            domain: domain.map(DomainId),
            address: address.map(AddressId),
            system,
            unlisted: false,
        },
    );
    let client = (any::<Option<std::net::IpAddr>>(), any::<u16>(), ".{0,20}", any::<Option<String>>()).prop_map(
        |(address, port, helo, tls)| ClientInfo { address, port, helo: helo.into(), tls: tls.map(Into::into) },
    );
    let kind = prop_oneof![Just(MessageKind::Inbound), Just(MessageKind::Bounce), Just(MessageKind::Notice)];
    let head = (PATH, prop::collection::vec(recipient, 1..5), any::<i64>(), client);
    let rest = (any::<bool>(), any::<bool>(), kind, any::<Option<String>>(), any::<u64>(), assessments());
    (head, rest).prop_map(|(head, (eight_bit, smtp_utf8, kind, message_id, size, assessment))| Envelope {
        sender: head.0.into(),
        recipients: head.1,
        received_at: Timestamp::from_millis(head.2),
        client: head.3,
        eight_bit,
        smtp_utf8,
        kind,
        message_id: message_id.map(Into::into),
        size,
        assessment,
    })
}

fn states() -> impl Strategy<Value = RecipientState> {
    prop_oneof![
        Just(RecipientState::Pending),
        Just(RecipientState::Delivered),
        any::<String>().prop_map(|reply| RecipientState::Deferred { reply }),
        any::<String>().prop_map(|reply| RecipientState::Failed { reply }),
        any::<String>().prop_map(|reply| RecipientState::Reported { reply }),
    ]
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(envelope in envelopes(), size: u64, checksum: u32, apart: Option<u64>, id: u64) {
        let id = QueueId::from_u64(id);
        let body = BodySeal { size, checksum, apart: apart.map(QueueId::from_u64) };
        let text = encode(&envelope, &body).unwrap();
        let found = i64::from(seal(id, text.as_bytes()));
        prop_assert_eq!(Record::open(id, text.as_bytes(), found), Ok(Record { envelope, body }));
    }

    #[test]
    fn a_flipped_bit_or_another_name_is_found_out(envelope in envelopes(), bit: prop::sample::Index, id: u64, other: u64) {
        let (id, other) = (QueueId::from_u64(id), QueueId::from_u64(other));
        let body = BodySeal { size: 1, checksum: 2, apart: None };
        let mut text = encode(&envelope, &body).unwrap().into_bytes();
        let found = i64::from(seal(id, &text));
        prop_assert_eq!(Record::open(other, &text, found).is_ok(), id == other);
        let bit = bit.index(text.len() * 8);
        text[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Record::open(id, &text, found).is_err());
    }

    #[test]
    fn progress_is_read_as_it_was_written(
        attempts: u32,
        next: i64,
        hold: bool,
        recipients in prop::collection::vec(states(), 0..5),
    ) {
        let progress = Progress { attempts, next_attempt: Timestamp::from_millis(next), hold, recipients };
        let text = encode_progress(&progress);
        let count = progress.recipients.len();
        prop_assert!(parse_progress(text.as_bytes(), count + 1).is_err());
        prop_assert_eq!(parse_progress(text.as_bytes(), count), Ok(progress));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        prop_assert!(Record::parse(&bytes).is_err());
        prop_assert!(parse_progress(&bytes, 1).is_err());
    }
}

#[test]
fn what_could_break_the_dialogue_is_neither_written_nor_read() {
    let good = r#"{"envelope":{"sender":"","recipients":[{"path":"a@b","domain":null,"address":null,"system":false}],
        "received_at":0,"client":{"address":null,"port":0,"helo":"","tls":null},"eight_bit":false,"smtp_utf8":false,
        "kind":"inbound","message_id":null,"size":0},"body":{"size":0,"checksum":0}}"#;
    let record = Record::parse(good.as_bytes()).unwrap();
    assert!(record.envelope.assessment.is_empty(), "a row of a version without verdicts");
    for (what, wrong) in [("a@b", r"a@b\r\nDATA"), ("a@b", r"a\u0000b"), (r#"sender":"""#, r#"sender":"\u007f""#)] {
        assert_ne!(good.replace(what, wrong), good);
        assert!(Record::parse(good.replace(what, wrong).as_bytes()).is_err(), "{wrong}");
    }
    let mut envelope = record.envelope.clone();
    envelope.recipients[0].path = "a@b>\r\nDATA".into();
    assert!(encode(&envelope, &record.body).is_err());
    envelope.recipients.clear();
    assert!(encode(&envelope, &record.body).is_err(), "nobody would ever get it");
}

#[test]
fn the_checksum_is_the_standard_one() {
    // RFC 3720, appendix B.4.
    assert_eq!(Checksum::of(&[0; 32]), 0x8A91_36AA);
    assert_eq!(Checksum::of(&[0xFF; 32]), 0x62A8_AB43);
}

/// The kept inputs of the fuzz target.
#[test]
fn the_corpus_is_read_without_a_panic() {
    let folder = "fuzz/corpus/spool_record";
    let mut valid = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        valid += usize::from(Record::parse(&bytes).is_ok());
        let _ = parse_progress(&bytes, 2);
    }
    assert!(valid >= 2, "the corpus begins behind the parser's first lines");
}
