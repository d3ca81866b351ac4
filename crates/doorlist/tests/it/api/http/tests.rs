use super::super::canned::Canned;
use super::*;

fn get() -> Request {
    Request { method: "GET".to_owned(), target: "/".to_owned(), ..Request::default() }
}

/// What the client makes of this answer.
fn told(answer: &str) -> Result<Answer, String> {
    Connection::to(Canned::saying(&[answer]).address()).ask(&get())
}

#[test]
fn bodies_come_whole_by_length_and_in_chunks() {
    let answer = told("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-A:  b \r\n\r\nhello").unwrap();
    assert_eq!((answer.status, answer.text().as_str(), answer.header("x-a")), (200, "hello", Some("b")));
    let answer =
        told("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n").unwrap();
    assert_eq!(answer.text(), "hello");
    assert_eq!(told("HTTP/1.1 204 No Content\r\n\r\n").unwrap().body, b"");
}

#[test]
fn what_a_lenient_client_would_forgive_is_an_error() {
    for (answer, why) in [
        ("HTTP/1.0 200 OK\r\n\r\n", "not a status line"),
        ("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "LF alone"),
        ("HTTP/1.1 200 OK\r\n\r\nhello", "without Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "several lengths"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", "several lengths"),
        ("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", "not a length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "after 5 of 9 octets"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello", "follow the answer"),
        ("HTTP/1.1 204 No Content\r\n\r\nhello", "follow the answer"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", "longer than it says"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", "not a chunk"),
        ("HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n", "not a header"),
        ("", "hung up"),
    ] {
        let error = told(answer).unwrap_err();
        assert!(error.contains(why), "{answer:?}: {error}");
    }
}

#[test]
fn a_server_that_keeps_its_client_waiting_has_failed() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let patience = Duration::from_millis(50);
    let told = Connection::to(listener.local_addr().unwrap()).patient_for(patience).ask(&get());
    assert!(told.unwrap_err().contains("no answer within"));
}

#[test]
fn it_sends_what_it_is_told_on_the_connection_that_it_has() {
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let server = Canned::saying(&[empty, empty]);
    let mut connection = Connection::to(server.address());
    let headers = [("X-Second", "2"), ("x-first", "1"), ("Content-Length", "2")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let request = Request { headers, body: b"{}".to_vec(), ..get() };
    connection.ask(&request).unwrap();
    connection.ask(&get()).unwrap();
    let asked = server.asked();
    assert_eq!(asked[0], "GET / HTTP/1.1\r\nX-Second: 2\r\nx-first: 1\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(asked[1], "GET / HTTP/1.1\r\n\r\n");
}
