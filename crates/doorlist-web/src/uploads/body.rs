//! Reads the file out of a form body (RFC 7578), within limits of size and time.

use super::{BODY_SLACK, UPLOAD_FILE_MAX};
use axum::body::HttpBody;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use doorlist_core::visible::is_hidden;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Maximum time for the whole body; less than that of the listener, so that the answer still gets through.
const BODY_WAIT: Duration = Duration::from_secs(240);
/// Maximum time between two pieces.
const PART_WAIT: Duration = Duration::from_secs(20);
/// Maximum octets of a rejected body that are drained: a browser that still sends would not show the answer.
const PASSED_BY_MAX: u64 = 16 * 1024 * 1024;
/// Maximum time to drain a rejected body.
const PASSED_BY_WAIT: Duration = Duration::from_secs(10);
/// Maximum fields of a form.
const FIELDS_MAX: usize = 16;
/// The field with the file.
const FIELD: &str = "file";
/// Maximum characters of a file name.
const NAME_CHARS_MAX: usize = 200;

pub(super) struct File {
    /// Its name without folders and control characters.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Why there is no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UploadFault {
    /// The form has no file.
    None,
    Several,
    Empty,
    /// The body is not a form.
    NoForm,
    /// The body is incomplete.
    Broken,
    /// The file is too large.
    TooLarge,
    /// The upload took too long.
    TooSlow,
}

impl UploadFault {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            UploadFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            UploadFault::TooSlow => StatusCode::REQUEST_TIMEOUT,
            UploadFault::None
            | UploadFault::Several
            | UploadFault::Empty
            | UploadFault::NoForm
            | UploadFault::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for UploadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UploadFault::None => "no file was chosen",
            UploadFault::Several => "upload one file, not several",
            UploadFault::Empty => "the file is empty",
            UploadFault::NoForm => "the request is not a form with a file (multipart/form-data, field \"file\")",
            UploadFault::Broken => "the file is incomplete; upload it again",
            UploadFault::TooLarge => return write!(f, "the file is larger than {} MiB", UPLOAD_FILE_MAX >> 20),
            UploadFault::TooSlow => "the upload took too long; upload the file again",
        })
    }
}

impl From<MultipartError> for UploadFault {
    fn from(error: MultipartError) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE { UploadFault::TooLarge } else { UploadFault::Broken }
    }
}

/// Reads the file of a request.
pub(super) async fn file(request: Request) -> Result<File, UploadFault> {
    let length = length(&request);
    if length.is_some_and(|length| length > UPLOAD_FILE_MAX + BODY_SLACK) {
        pass_by(request).await;
        return Err(UploadFault::TooLarge);
    }
    let end = Instant::now() + BODY_WAIT;
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| UploadFault::NoForm)?;
    let mut found = None;
    // To the last field: a form that is cut off behind its file is not believed either.
    for _ in 0..FIELDS_MAX {
        let Some(field) = within(end, form.next_field()).await?? else { return found.ok_or(UploadFault::None) };
        if field.name() != Some(FIELD) {
            continue;
        }
        if found.is_some() {
            return Err(UploadFault::Several);
        }
        found = Some(whole(field, length.unwrap_or_default(), end).await?);
    }
    Err(UploadFault::NoForm)
}

async fn whole(mut field: Field<'_>, length: usize, end: Instant) -> Result<File, UploadFault> {
    let name = name(field.file_name().unwrap_or_default());
    // Room for all of it at once, so that a large file is not in memory twice while it grows.
    let mut bytes = Vec::with_capacity(length.min(UPLOAD_FILE_MAX));
    while let Some(chunk) = within(end, field.chunk()).await?? {
        if bytes.len() + chunk.len() > UPLOAD_FILE_MAX {
            return Err(UploadFault::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    match (bytes.is_empty(), name.is_empty()) {
        (true, true) => Err(UploadFault::None),
        (true, false) => Err(UploadFault::Empty),
        (false, _) => Ok(File { name, bytes }),
    }
}

/// Drains a rejected body for a while.
pub(super) async fn pass_by(request: Request) {
    let end = Instant::now() + PASSED_BY_WAIT;
    if length(&request).is_some_and(|length| length as u64 > PASSED_BY_MAX) {
        return;
    }
    let mut body = request.into_body();
    let mut rest = PASSED_BY_MAX;
    let mut next = async || poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
    while let Ok(Some(Ok(frame))) = timeout_at(end, next()).await {
        let octets = frame.data_ref().map_or(0, |data| data.len() as u64);
        match rest.checked_sub(octets) {
            Some(left) => rest = left,
            None => return,
        }
    }
}

async fn within<T>(end: Instant, wait: impl Future<Output = T>) -> Result<T, UploadFault> {
    timeout_at(end.min(Instant::now() + PART_WAIT), wait).await.map_err(|_| UploadFault::TooSlow)
}

fn length(request: &Request) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The file name; some browsers send a path.
fn name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or(sent);
    name.chars().filter(|c| !is_hidden(*c)).take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::body::{Body, Bytes};
    use futures_util::stream::{self, StreamExt};
    use std::convert::Infallible;

    const HEAD: &str = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n";

    fn form(body: Body) -> Request {
        let form = Request::post("/upload/x").header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        form.body(body).unwrap()
    }

    /// The clock stands still and jumps to the next timer whenever nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_sender_that_stops_or_drips_is_let_go() {
        let whole = [HEAD.as_bytes(), &vec![b'x'; 10_000], b"\r\n--edge--\r\n"].concat();
        let file_of = |request| async {
            let before = Instant::now();
            let read = file(request).await;
            (read.map(|file| file.bytes.len()), before.elapsed())
        };
        let piece = |octets: &[u8]| Ok::<_, Infallible>(Bytes::copy_from_slice(octets));
        assert_eq!(file_of(form(Body::from(whole.clone()))).await.0, Ok(10_000));

        let stops = stream::iter([piece(&whole[..1_000])]).chain(stream::pending());
        let (read, took) = file_of(form(Body::from_stream(stops))).await;
        assert_eq!(read, Err(UploadFault::TooSlow));
        assert!(took < Duration::from_secs(30), "{took:?}");

        let pieces: Vec<_> = whole.chunks(10).map(piece).collect();
        let drips = stream::iter(pieces).then(|piece| async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            piece
        });
        let (read, took) = file_of(form(Body::from_stream(Box::pin(drips)))).await;
        assert_eq!(read, Err(UploadFault::TooSlow));
        assert!(took <= Duration::from_secs(300), "{took:?}");
    }
}
