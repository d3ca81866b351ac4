//! Large bodies: how many are taken at once, and that reading one does not take many times its own size in memory. Must
//! not know what is in them.

use super::exchange::{BODY_MAX, Fault};
use axum::body::Body as HttpBody;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Octets of a body with many objects: a state that is pushed, a file.
pub const LARGE_BODY_MAX: usize = 64 * 1024 * 1024;
/// Larger ones than `BODY_MAX` that are taken at once; each is in memory until what it asks for is done.
const LARGE_BODIES_AT_ONCE_MAX: usize = 2;
/// Who finds no place waits so long for one.
const PLACE_WAIT: Duration = Duration::from_secs(10);

/// Places for large bodies.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_BODIES_AT_ONCE_MAX)))
    }
}

impl Places {
    async fn take(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let place = timeout(PLACE_WAIT, Arc::clone(&self.0).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(|| {
            Fault::NotNow("other large requests are being read at this moment; send it again in a minute".to_owned())
        })
    }

    /// Reads a body, with the place that it has if it is a large one. Nothing large is read without a place.
    pub(super) async fn read(
        &self,
        mut body: HttpBody,
        max: usize,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Fault> {
        let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let (mut bytes, mut place) = (Vec::new(), None);
        if said > max {
            return Err(Fault::TooLarge(max));
        }
        if said > BODY_MAX {
            place = Some(self.take().await?);
            bytes.reserve_exact(said);
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Fault::Bad("the body did not come over whole".to_owned()))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = bytes.len().saturating_add(data.len());
            if length > max {
                return Err(Fault::TooLarge(max));
            }
            if length > BODY_MAX && place.is_none() {
                place = Some(self.take().await?);
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, place))
    }
}

/// Refuses JSON of more values than `max` before it is parsed: each takes some ten times its octets in memory. What is no
/// JSON is the parser's affair.
pub(crate) fn bounded(bytes: &[u8], max: usize) -> Result<(), Fault> {
    let (mut values, mut in_text, mut escaped) = (0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    if values > max {
        return Err(Fault::Bad(format!("the body has more than {max} values; nothing was changed: split it")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use axum::body::Bytes;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// So many chunks are left of a body that does not say how long it is.
    struct Chunks(usize);

    impl hyper::body::Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let chunk = self.0.checked_sub(1).map(|left| {
                self.0 = left;
                Ok(Frame::data(Bytes::from(vec![b' '; BODY_MAX])))
            });
            Poll::Ready(chunk)
        }
    }

    fn chunks(number: usize) -> HttpBody {
        HttpBody::new(Chunks(number))
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_large_bodies_are_taken_at_once_and_small_ones_always() {
        let places = Places::default();
        let mut kept = Vec::new();
        for body in [HttpBody::from(vec![b' '; BODY_MAX + 1]), chunks(2)] {
            let (bytes, place) = places.read(body, LARGE_BODY_MAX).await.unwrap();
            assert!(bytes.len() > BODY_MAX && place.is_some());
            kept.push(place);
        }
        assert_eq!(kept.len(), LARGE_BODIES_AT_ONCE_MAX);
        for body in [HttpBody::from(vec![b' '; BODY_MAX + 1]), chunks(2)] {
            assert!(matches!(places.read(body, LARGE_BODY_MAX).await, Err(Fault::NotNow(_))));
        }
        for body in [HttpBody::empty(), HttpBody::from(vec![b' '; BODY_MAX]), chunks(1)] {
            assert!(places.read(body, LARGE_BODY_MAX).await.unwrap().1.is_none());
        }
        kept.clear();
        assert!(places.read(chunks(2), LARGE_BODY_MAX).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_too_large_has_no_place() {
        for body in [HttpBody::from(vec![b' '; BODY_MAX + 1]), chunks(2)] {
            assert!(matches!(Places::default().read(body, BODY_MAX).await, Err(Fault::TooLarge(BODY_MAX))));
        }
    }

    #[test]
    fn values_are_counted_and_what_stands_in_texts_is_not() {
        for (text, values) in [("7", 0), ("[]", 1), ("[0,0,0]", 3), (r#"{"a,[\"{\\":[1]}"#, 2), ("[\"\\\\\",\"", 2)] {
            assert!(bounded(text.as_bytes(), values).is_ok(), "{text}");
            assert_eq!(bounded(text.as_bytes(), values.saturating_sub(1)).is_err(), values > 0, "{text}");
        }
    }
}
