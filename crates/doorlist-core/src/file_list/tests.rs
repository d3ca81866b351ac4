#![allow(clippy::unwrap_used)]

use super::values::one_typo_apart;
use super::{ColumnContent, FileFormat};

#[test]
fn words_of_formats_and_fields_are_read_back() {
    for (format, word, _) in FileFormat::ALL {
        assert_eq!((word.parse(), format.word()), (Ok(format), word));
    }
    for (field, word) in ColumnContent::ALL {
        assert_eq!(word.parse(), Ok(field));
    }
    assert!("exel".parse::<FileFormat>().unwrap_err().to_string().contains("exchange"));
}

#[test]
fn one_typing_error() {
    for near in ["exmaple.test", "example.tst", "exampple.test", "exbmple.test", "xample.test"] {
        assert!(one_typo_apart(near, "example.test"), "{near}");
    }
    for far in ["example.test", "other.test", "exmapel.test", "example.tes.t.", ""] {
        assert!(!one_typo_apart(far, "example.test"), "{far}");
    }
}
