//! Any bytes as a row of the spool: an error, or something that can be written and read again unchanged.

#![no_main]

use doorlist_store::spool::record::{Record, parse_progress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::parse(bytes) {
        assert!(!record.envelope.recipients.is_empty());
        let text = serde_json::json!({ "envelope": record.envelope, "body": record.body }).to_string();
        assert_eq!(Record::parse(text.as_bytes()), Ok(record));
    }
    for recipients in 0..3 {
        if let Ok(progress) = parse_progress(bytes, recipients) {
            let text = serde_json::to_string(&progress).unwrap();
            assert_eq!(parse_progress(text.as_bytes(), recipients), Ok(progress));
        }
    }
});
