//! Headers of every API answer for browsers and caches. CORS headers are deliberately missing: no page of another
//! origin may read an answer.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// For `axum::middleware::map_response`: forbids content sniffing, and caching unless the handler allows it.
pub async fn api_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn names(response: &Response) -> Vec<(&str, &[u8])> {
        let mut names: Vec<_> =
            response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn an_answer_is_what_it_says_and_is_not_kept() {
        let response = api_headers(().into_response()).await;
        let expected: [(&str, &[u8]); 2] = [("cache-control", b"no-store"), ("x-content-type-options", b"nosniff")];
        assert_eq!(names(&response), expected);
    }

    #[tokio::test]
    async fn what_a_handler_says_about_caches_stands() {
        let response = api_headers([(header::CACHE_CONTROL, "no-cache")].into_response()).await;
        assert_eq!(names(&response)[0], ("cache-control", b"no-cache".as_slice()));
    }
}
