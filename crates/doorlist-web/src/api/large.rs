//! Large bodies: how many are read at once and per key, and in how much memory.

use super::exchange::{BODY_MAX, Fault};
use crate::BODY_PACE_MIN;
use axum::body::{Body as HttpBody, Bytes};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum octets of a large body: a push or a file.
pub const LARGE_BODY_MAX: usize = 64 * 1024 * 1024;
/// Maximum number of concurrent bodies over `BODY_MAX`, one per key; each is in memory until its request is done.
const LARGE_BODIES_AT_ONCE_MAX: usize = 4;
/// Maximum wait for a slot.
const PLACE_WAIT: Duration = Duration::from_secs(10);
/// Extra time for a body with a slot, besides the time at `BODY_PACE_MIN`.
const PLACE_GRACE: Duration = Duration::from_secs(60);

/// Slots for large bodies.
#[derive(Clone, Debug)]
pub(crate) struct LargeBodySlots {
    free: Arc<Semaphore>,
    /// Keys that have or wait for a slot.
    keys: Arc<Mutex<HashSet<u32>>>,
}

/// A slot, released on drop.
#[derive(Debug)]
pub(crate) struct LargeBodySlot {
    key: u32,
    keys: Arc<Mutex<HashSet<u32>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for LargeBodySlot {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Default for LargeBodySlots {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(LARGE_BODIES_AT_ONCE_MAX)), keys: Arc::default() }
    }
}

impl LargeBodySlots {
    /// Takes a slot; each key has at most one.
    async fn take(&self, key: u32) -> Result<LargeBodySlot, Fault> {
        if !self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            let text = "another large request with this key is running; send this one when it is answered";
            return Err(Fault::NotNow(text.to_owned()));
        }
        let mut place = LargeBodySlot { key, keys: Arc::clone(&self.keys), permit: None };
        let permit = timeout(PLACE_WAIT, Arc::clone(&self.free).acquire_owned()).await;
        place.permit = permit.ok().and_then(Result::ok);
        if place.permit.is_none() {
            let text = "other large requests are running; send the request again in a minute";
            return Err(Fault::NotNow(text.to_owned()));
        }
        Ok(place)
    }

    /// Reads a body sent with this key. Returns it with its slot, if it is large.
    pub(super) async fn read(
        &self,
        body: HttpBody,
        max: usize,
        key: u32,
    ) -> Result<(Vec<u8>, Option<LargeBodySlot>), Fault> {
        let mut pieces = self.pieces(body, max, key)?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await? {
            if pieces.length > BODY_MAX && bytes.capacity() < pieces.said {
                bytes.reserve_exact(pieces.said - bytes.len());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok((bytes, pieces.place.map(|(place, _)| place)))
    }

    /// Reads a body sent with this key piece by piece.
    pub(super) fn pieces(&self, body: HttpBody, max: usize, key: u32) -> Result<BodyPieces, Fault> {
        let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if said > max {
            return Err(Fault::TooLarge(max));
        }
        Ok(BodyPieces { places: self.clone(), body, max, key, said, length: 0, place: None })
    }
}

/// A body in pieces. A large body needs a slot, which is taken only when its octets arrive.
pub(crate) struct BodyPieces {
    places: LargeBodySlots,
    body: HttpBody,
    max: usize,
    key: u32,
    said: usize,
    length: usize,
    /// The slot, and the deadline apart from the minimum rate.
    place: Option<(LargeBodySlot, Instant)>,
}

impl BodyPieces {
    /// The next piece; `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = match &self.place {
                None => self.body.frame().await,
                Some((_, until)) => {
                    let rest = Duration::from_secs((self.length / BODY_PACE_MIN) as u64);
                    timeout_at(*until + rest, self.body.frame()).await.map_err(|_| Fault::TooSlow)?
                }
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Fault::Bad("the body is incomplete".to_owned()))?;
            let Ok(data) = frame.into_data() else { continue };
            self.length = self.length.saturating_add(data.len());
            if self.length > self.max {
                return Err(Fault::TooLarge(self.max));
            }
            if self.length > BODY_MAX && self.place.is_none() {
                self.place = Some((self.places.take(self.key).await?, Instant::now() + PLACE_GRACE));
            }
            return Ok(Some(data));
        }
    }
}

/// Counts the values of JSON in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValueCount {
    values: usize,
    in_text: bool,
    escaped: bool,
}

impl ValueCount {
    /// Counts the next octets; fails above `max` values. Does not validate JSON.
    pub(crate) fn take(&mut self, bytes: &[u8], max: usize) -> Result<(), Fault> {
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_text,
                b'"' => self.in_text = !self.in_text,
                b',' | b'[' | b'{' if !self.in_text => self.values += 1,
                _ => {}
            }
        }
        if self.values > max {
            return Err(Fault::Bad(format!("the body has more than {max} values; nothing was changed: split it")));
        }
        Ok(())
    }
}

/// Rejects JSON with more than `max` values before parsing: a value takes about ten times its octets in memory.
pub(crate) fn bounded(bytes: &[u8], max: usize) -> Result<(), Fault> {
    ValueCount::default().take(bytes, max)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
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
    async fn so_many_large_bodies_are_taken_at_once_one_of_a_key_and_small_ones_always() {
        let places = LargeBodySlots::default();
        let large = || [HttpBody::from(vec![b' '; BODY_MAX + 1]), chunks(2)];
        let mut kept = Vec::new();
        for (key, body) in (1..).zip(large().into_iter().chain(large())) {
            let (bytes, place) = places.read(body, LARGE_BODY_MAX, key).await.unwrap();
            assert!(bytes.len() > BODY_MAX && place.is_some());
            kept.push(place);
            let before = Instant::now();
            assert!(matches!(places.read(chunks(2), LARGE_BODY_MAX, key).await, Err(Fault::NotNow(_))));
            assert_eq!(before.elapsed(), Duration::ZERO, "others find their places meanwhile");
        }
        assert_eq!(kept.len(), LARGE_BODIES_AT_ONCE_MAX);
        for body in large() {
            assert!(matches!(places.read(body, LARGE_BODY_MAX, 9).await, Err(Fault::NotNow(_))));
        }
        for body in [HttpBody::empty(), HttpBody::from(vec![b' '; BODY_MAX]), chunks(1)] {
            assert!(places.read(body, LARGE_BODY_MAX, 1).await.unwrap().1.is_none());
        }
        kept.clear();
        for key in [1, 9] {
            assert!(places.read(chunks(2), LARGE_BODY_MAX, key).await.is_ok());
        }
    }

    /// So many octets each second, of a body that does not say how long it is.
    fn paced(octets: usize, pace: usize) -> HttpBody {
        let stream = futures_util::stream::unfold(0, move |sent| async move {
            if sent >= octets {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(Bytes::from(vec![b' '; pace])), sent + pace))
        });
        HttpBody::from_stream(stream)
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_a_place_goes_on_sending() {
        let places = LargeBodySlots::default();
        let whole = places.read(paced(LARGE_BODY_MAX, BODY_PACE_MIN), LARGE_BODY_MAX, 1).await.unwrap();
        assert_eq!(whole.0.len(), LARGE_BODY_MAX);
        drop(whole);
        let begin = Instant::now();
        let slow = places.read(paced(LARGE_BODY_MAX, BODY_PACE_MIN / 4), LARGE_BODY_MAX, 1).await;
        assert!(matches!(slow, Err(Fault::TooSlow)));
        assert!(begin.elapsed() < Duration::from_secs(64 + 64 + 60), "{:?}", begin.elapsed());
        assert!(places.read(chunks(2), LARGE_BODY_MAX, 1).await.is_ok(), "its place is free again");
    }

    #[tokio::test]
    async fn what_is_too_large_has_no_place() {
        for body in [HttpBody::from(vec![b' '; BODY_MAX + 1]), chunks(2)] {
            assert!(matches!(LargeBodySlots::default().read(body, BODY_MAX, 1).await, Err(Fault::TooLarge(BODY_MAX))));
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
