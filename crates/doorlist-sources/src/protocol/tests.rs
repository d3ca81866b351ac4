//! Messages against bytes that real servers and clients send.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use doorlist_core::connection::Filter;
use proptest::prelude::*;

#[test]
fn requests_have_the_bytes_of_the_standard() {
    assert_eq!(bind(1, "cn=a", b"pw"), b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw");
    assert_eq!(unbind(300), b"\x30\x06\x02\x02\x01\x2c\x42\x00");
    assert_eq!(start_tls(2), b"\x30\x1d\x02\x01\x02\x77\x18\x80\x161.3.6.1.4.1.1466.20037");
    let filter: Filter = "(&(mail=*)(!(a>=x))(cn=a*b*c)(u:1.2:=2))".parse().unwrap();
    let request = Search {
        base: b"",
        scope: SearchScope::Base,
        filter: &filter,
        attributes: &["mail"],
        page: None,
        seconds_max: 9,
    };
    assert_eq!(
        search(200, &request),
        b"\x30\x4f\x02\x02\x00\xc8\x63\x49\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x09\x01\x01\x00\
          \xa0\x2e\x87\x04mail\xa2\x08\xa5\x06\x04\x01a\x04\x01x\xa4\x0f\x04\x02cn\x30\x09\x80\x01a\x81\x01b\x82\x01c\
          \xa9\x0b\x81\x031.2\x82\x01u\x83\x012\x30\x06\x04\x04mail"
    );
}

#[test]
fn entries_and_cookies_are_read() {
    let values = [b"a@example.test".to_vec(), Vec::new()];
    let attributes = [(b"mail".as_slice(), values.as_slice()), (b"x", &[])];
    let bytes = write_entry(b"cn=\xc3\xa4", attributes.into_iter());
    let LdapMessage { id: 0, answer: LdapResponse::Entry(entry), cookie: None } = LdapMessage::read(&bytes).unwrap()
    else {
        panic!()
    };
    assert_eq!(entry.dn, b"cn=\xc3\xa4");
    let read: Vec<(&[u8], Vec<&[u8]>)> =
        entry.attributes().map(|a| a.unwrap()).map(|a| (a.name, a.values.map(|v| v.unwrap()).collect())).collect();
    assert_eq!(read, [(b"mail".as_slice(), vec![b"a@example.test".as_slice(), b""]), (b"x", vec![])]);

    let done =
        b"\x30\x32\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x24\x30\x22\x04\x161.2.840.113556.1.4.319\
                 \x04\x08\x30\x06\x02\x01\x00\x04\x01C";
    let LdapMessage { id: 2, answer: LdapResponse::SearchDone(outcome), cookie } = LdapMessage::read(done).unwrap()
    else {
        panic!()
    };
    assert_eq!((outcome.code, cookie), (0, Some(b"C".as_slice())));
}

#[test]
fn l06_a_notice_of_disconnection_as_active_directory_sends_it() {
    let notice = b"\x30\x84\x00\x00\x00\x2c\x02\x01\x00\x78\x84\x00\x00\x00\x0b\x0a\x01\x34\x04\x00\x04\x04bye.\
                   \x8a\x161.3.6.1.4.1.1466.20036";
    let message = LdapMessage::read(notice).unwrap();
    assert!(
        matches!(message, LdapMessage { id: 0, answer: LdapResponse::Extended(LdapResult { code: 52, .. }), .. }),
        "{message:?}"
    );
}

#[test]
fn l06_numbers_that_cannot_be() {
    for bytes in [
        b"\x30\x0c\x02\x01\xff\x65\x07\x0a\x01\x00\x04\x00\x04\x00".as_slice(),
        b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x80\x04\x00\x04\x00",
        b"\x30\x0b\x02\x00\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
        b"\x30\x10\x02\x05\x01\x00\x00\x00\x00\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
    ] {
        assert_eq!(LdapMessage::read(bytes).unwrap_err(), BerFault::Number);
    }
    assert_eq!(LdapMessage::read(b"\x30\x00").unwrap_err(), BerFault::Overrun);
    assert_eq!(LdapMessage::read(b"\x30\x05\x02\x01\x01\x65\x00").unwrap_err(), BerFault::Overrun);
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80), id in 0_u32..1 << 31) {
        let _ = LdapMessage::read(&bytes);
        let mut out = super::super::ber::BerWriter::default();
        out.nested(SEQUENCE, |out| {
            out.number(INTEGER, id);
            out.primitive(0x64, &bytes);
        });
        if let Ok(LdapMessage { answer: LdapResponse::Entry(entry), id: read, .. }) = LdapMessage::read(&out.0) {
            prop_assert_eq!(read, id);
            for attribute in entry.attributes().take(100).flatten() {
                attribute.values.take(100).for_each(drop);
            }
        }
    }
}
