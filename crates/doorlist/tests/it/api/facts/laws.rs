//! What holds for every answer of the API, whatever was asked: sections 1 and 6 of the reference. It is looked at with
//! every answer that any file brings about, and reported once a law.

use crate::api::http::{Answer, Request};

/// A law, and whether the answer breaks it.
type Law = (&'static str, fn(&Request, &Answer) -> bool);

const LAWS: &[Law] = &[
    ("§1 every answer says Connection: keep-alive, or close if the request does", |request, answer| {
        let asked =
            request.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("Connection") && value == "close");
        answer.header("Connection") != Some(if asked { "close" } else { "keep-alive" })
    }),
    ("§1 an empty answer is text/html; charset=utf-8", |_, answer| {
        answer.body.is_empty()
            && !is_redirect(answer)
            && answer.header("Content-Type") != Some("text/html; charset=utf-8")
    }),
    ("§1 an answer with a body is application/json; charset=utf-8", |request, answer| {
        let is_key = request.target.ends_with("/regenerate_api_key/") && answer.status == 202;
        let kind = if is_key { "application/json" } else { "application/json; charset=utf-8" };
        !answer.body.is_empty() && !is_redirect(answer) && answer.header("Content-Type") != Some(kind)
    }),
    ("§1 what was read or written is answered with Vary: Accept, Cookie", |_, answer| {
        matches!(answer.status, 200 | 201) && answer.header("Vary") != Some("Accept, Cookie")
    }),
    ("§1 a GET that finds something is answered with Cache-Control: no-cache", |request, answer| {
        request.method == "GET" && answer.status == 200 && answer.header("Cache-Control") != Some("no-cache")
    }),
    ("§1 201 says where the object is: an absolute Location", |_, answer| {
        let is_absolute =
            |place: &str| place.starts_with("http") && place.contains("://") && place.contains("/api/v1/");
        answer.status == 201 && !answer.body.is_empty() && !answer.header("Location").is_some_and(is_absolute)
    }),
    // The model server says `Content-Length: 0`, which RFC 9110 §8.6 forbids; without it nothing waits, since the answer
    // says that the connection stays.
    ("§1 204 has no body, and no length but 0", |_, answer| {
        answer.status == 204 && answer.header("Content-Length").is_some_and(|length| length != "0")
    }),
    ("§6 a body of an answer 4xx or 5xx is a JSON object", |_, answer| {
        answer.status >= 400 && !answer.body.is_empty() && !answer.json().is_ok_and(|body| body.is_object())
    }),
    ("§6 401, 404 and 405 have no body", |_, answer| {
        matches!(answer.status, 401 | 404 | 405) && !answer.body.is_empty()
    }),
    ("§6 405 says in Allow what is allowed", |_, answer| {
        answer.status == 405 && answer.header("Allow").is_none_or(str::is_empty)
    }),
    ("§6 the server has no error of its own", |_, answer| answer.status >= 500 && answer.status != 501),
    ("§6 an error of the server's own is told in error and in error_message", |_, answer| {
        let is_told = |body: serde_json::Value| body["error"].is_string() && body["error"] == body["error_message"];
        answer.status >= 500 && !answer.body.is_empty() && !answer.json().is_ok_and(is_told)
    }),
    ("§5 a password is never repeated", |request, answer| {
        const PASSWORD: &str = "not-to-be-repeated";
        String::from_utf8_lossy(&request.body).contains(PASSWORD) && answer.text().contains(PASSWORD)
    }),
];

fn is_redirect(answer: &Answer) -> bool {
    (300..400).contains(&answer.status)
}

/// The laws that this answer breaks.
pub(crate) fn broken(request: &Request, answer: &Answer) -> impl Iterator<Item = &'static str> {
    let is_api = request.target.starts_with("/api/v1");
    LAWS.iter().filter(move |(_, breaks)| is_api && breaks(request, answer)).map(|(law, _)| *law)
}
