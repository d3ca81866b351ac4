//! A key that was made, told once.

use super::exchange::Answer;
use serde_json::json;

pub(crate) fn answer(key: &str) -> Answer {
    Answer::Key(json!({ "api_key": key }))
}
